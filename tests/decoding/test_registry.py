"""Parts are found without a list, plug-ins too."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from foretell.decoding import registry
from foretell.decoding.drafter import Drafter
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.samplers.min_p import MinP
from foretell.decoding.verifiers.k_seq import KSeq
from foretell.parts import UnknownNameError


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("drafter", {"plain", "prompt-lookup", "token-recycling", "draft-model", "fallback", "union"}),
        ("verifier", {"exact", "fixed-candidates", "multi-round", "recursive-rejection"}),
        ("pace", {"fixed", "never-slower"}),
        ("sampler", {"temperature", "top-k", "top-p", "min-p", "penalties", "logit-bias"}),
    ],
)
def test_parts_are_found_by_their_class_name(kind, some):
    assert some <= set(registry.parts(kind))


def test_names_and_aliases():
    assert registry.name_of(DraftModel) == "draft-model"
    assert registry.name_of(MinP) == "min-p"
    assert registry.name_of(KSeq) == "k-seq"
    assert registry.find("cost") == ("pace", NeverSlower)
    assert registry.build("fixed", "pace", num_nodes=2).num_nodes == 2


@dataclass(frozen=True)
class CrystalBall(Plain):
    """A plug-in."""

    name: str = "glass"  # type: ignore[assignment]
    kind: str = "clear"


def test_plug_ins_join_by_an_entry_point(monkeypatch):
    class Entry:
        def load(self):
            return CrystalBall

    monkeypatch.setattr(registry, "entry_points", lambda group: [Entry()] if group == "foretell.drafters" else [])
    registry.parts.cache_clear()
    try:
        assert registry.parts("drafter")["crystal-ball"] is CrystalBall
        assert Recipe.parse("crystal-ball(kind='dark')").drafter == CrystalBall(kind="dark")
        assert registry.build("crystal-ball", name="n", kind="k") == CrystalBall("n", "k")  # options of any name
    finally:
        registry.parts.cache_clear()


def test_unknown_kinds_and_names_get_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'drafter'"):
        registry.parts("draftr")
    with pytest.raises(UnknownNameError, match="no verifier called 'exacty': did you mean 'exact'"):
        registry.find("exacty", "verifier")


def test_contracts_are_no_parts():
    assert Drafter not in registry.parts("drafter").values()
    assert "composite" not in registry.parts("drafter")
