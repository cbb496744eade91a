"""Parts are found without a list and without importing them, plug-ins too."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest

from foretell import catalog
from foretell.catalog import DECODING, KINDS, Entry, entries, find, parts
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.recipe import Recipe
from foretell.decoding.samplers.min_p import MinP
from foretell.decoding.verifiers.k_seq import KSeq
from foretell.parts import Part, UnknownNameError


def imported(kind: str) -> dict[str, type]:
    """The parts of a kind as importing everything finds them: final classes below its package, none of which another inherits."""
    package = importlib.import_module(KINDS[kind].package)
    others = tuple(f"{each.package}." for each in KINDS.values() if each.package.startswith(f"{package.__name__}."))
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    modules = [importlib.import_module(name) for name in names if not f"{name}.".startswith(others)]
    home, _, contract = KINDS[kind].contract.rpartition(".")
    base = getattr(importlib.import_module(home), contract)
    found = {
        cls
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, base) and cls is not base and cls.__module__ == module.__name__
        if not inspect.isabstract(cls) and not cls.__name__.startswith("_")
    }
    final = {cls for cls in found if not any(other is not cls and issubclass(other, cls) for other in found)}
    return {catalog.name_of(cls): cls for cls in final}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_what_importing_finds(kind):
    assert dict(parts(kind)) == dict(sorted(imported(kind).items()))
    assert list(parts(kind)) == sorted(parts(kind)) == [entry.name for entry in entries(kind)]


@pytest.mark.parametrize("entry", [entry for kind in KINDS for entry in entries(kind)], ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_an_entry_says_what_its_class_says(entry: Entry):
    cls = entry.load()
    assert entry.summary
    assert entry.doc == inspect.cleandoc(cls.__doc__ or "")
    assert (entry.aliases, entry.papers) == (getattr(cls, "aliases", ()), getattr(cls, "papers", ()))
    fields = [field for field in dataclasses.fields(cls) if field.init]
    assert [option[0] for option in entry.options] == [field.name for field in fields]
    for (_, _, default), field in zip(entry.options, fields, strict=True):
        required = field.default is field.default_factory is dataclasses.MISSING
        assert (default is None) == required
    if hasattr(cls, "guarantee") and entry.kind in DECODING:
        assert (entry.guarantee, entry.condition) == (cls.guarantee.kind, cls.guarantee.condition)


def test_names_and_aliases():
    assert (catalog.name_of(DraftModel), catalog.name_of(MinP), catalog.name_of(KSeq)) == ("draft-model", "min-p", "k-seq")
    assert (find("cost").kind, find("cost").name) == ("pace", "never-slower")
    assert find("OLinearForecaster") == find("olinear-forecaster") == find("olinear_forecaster", "forecaster")
    assert find("both").kind == "constraint"
    assert find("both", "component").class_name == "JoinedPairs"  # its former name
    assert catalog.build("fixed", "pace", num_nodes=2).num_nodes == 2


def test_unknown_kinds_and_names_get_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'drafter'"):
        parts("draftr")
    with pytest.raises(UnknownNameError, match="no verifier called 'exacty': did you mean 'exact'"):
        find("exacty", "verifier")
    with pytest.raises(UnknownNameError, match="no component called 'MLPP': did you mean 'MLP'"):
        find("MLPP", "component")


def test_looking_up_imports_nothing_heavy():
    code = """
import sys
from foretell.catalog import KINDS, entries, find
from foretell.catalog.papers import find_paper, parts_of
assert find("hl-gauss").kind == "component"
assert all(entries(kind) for kind in KINDS)
assert parts_of(find_paper("rsd"))
print([name for name in ("torch", "numpy", "sklearn", "numba", "foretell.decoding") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@dataclass(frozen=True)
class CrystalBall(Plain):
    """A plug-in. Guarantee: exact."""

    papers = ("@misc{ball, title = {{Balls}}}",)

    name: str = "glass"  # type: ignore[assignment]
    kind: str = "clear"


@dataclass(frozen=True)
class Tossed(Part):
    """No drafter."""


@pytest.fixture
def offer(monkeypatch):
    """`offer(name, path, group)` offers a class as another package would."""

    def add(name: str, path: str, group: str) -> None:
        monkeypatch.setattr(catalog, "entry_points", lambda: EntryPoints([EntryPoint(name, path, group)]))
        catalog.refresh()

    yield add
    monkeypatch.undo()
    catalog.refresh()


def test_plug_ins_join_by_an_entry_point(offer):
    offer("crystal-ball", f"{__name__}:CrystalBall", "foretell.drafters")
    assert parts("drafter")["crystal-ball"] is CrystalBall
    entry = find("CrystalBall", "drafter")
    assert (entry.guarantee, entry.papers, [name for name, _, _ in entry.options]) == ("exact", CrystalBall.papers, ["name", "kind"])
    assert Recipe.parse("crystal-ball(kind='dark')").drafter == CrystalBall(kind="dark")
    assert catalog.build("crystal-ball", "drafter", name="n", kind="k") == CrystalBall("n", "k")  # options of any name
    assert "plain" in parts("drafter")  # which the plug-in inherits


def test_a_plug_in_without_source_is_imported(offer, monkeypatch):
    module = ModuleType("compiled_ball")
    cls = dataclass(frozen=True)(type("DarkBall", (Plain,), {"__module__": "compiled_ball", "__doc__": "Compiled.", "__annotations__": {}}))
    module.DarkBall = cls  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "compiled_ball", module)
    offer("dark", "compiled_ball:DarkBall", "foretell.drafters")
    assert parts("drafter")["dark-ball"] is cls
    assert find("dark-ball").summary == "Compiled"


def test_classes_of_another_contract_are_passed_over(offer):
    offer("tossed", f"{__name__}:Tossed", "foretell.drafters")
    assert "tossed" not in parts("drafter")
