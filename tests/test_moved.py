"""Names of the version before are found, with a warning that names their place."""

from __future__ import annotations

import importlib

import pytest

from foretell.decoding.recipe import Recipe

MOVED = [
    ("foretell.decoding.loop", "Session", "foretell.decoding.session"),
    ("foretell.decoding.samplers.base", "Sampler", "foretell.decoding.sampler"),
    ("foretell.decoding.samplers.base", "SamplerStep", "foretell.decoding.sampler"),
    ("foretell.decoding.successors.table", "SuccessorTable", "foretell.decoding.drafting.successors.table"),
]


@pytest.mark.parametrize(("old", "name", "new"), MOVED)
def test_a_moved_name_is_found_with_a_warning(old, name, new):
    with pytest.warns(DeprecationWarning, match=f"{old}.{name} is {new}.{name} now") as caught:
        found = getattr(importlib.import_module(old), name)
    assert found is getattr(importlib.import_module(new), name)
    assert caught[0].filename == __file__


def test_a_verifier_tells_its_law():
    verifier = Recipe.parse("prompt-lookup").verifier
    with pytest.warns(DeprecationWarning, match=r"Verifier\.guarantee"):
        assert verifier.law is verifier.guarantee


def test_other_names_are_no_attributes():
    with pytest.raises(AttributeError, match="no attribute 'Sessions'"):
        _ = importlib.import_module("foretell.decoding.loop").Sessions
