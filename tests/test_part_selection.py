"""`--part`: what concerns one part is chosen, and nothing else; names that are not known get the nearest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from foretell.catalog import find
from foretell.catalog.part_text import describe
from foretell.decoding.recipe import Recipe
from foretell.decoding.samplers.top_p import TopP
from foretell.parts import UnknownNameError
from foretell.testing.combinations import covering_combinations
from tests.part_selection import Selection, entries_of

ROOT = Path(__file__).parents[1]


def selection(name: str) -> Selection:
    return Selection(entries_of(name))


def test_parts_are_found_by_name_class_and_paper():
    assert [entry.name for entry in entries_of("PromptLookup")] == ["prompt-lookup"]
    assert {(entry.kind, entry.name) for entry in entries_of("olinear-forecaster")} == {("forecaster", "olinear-forecaster")}
    assert "hl-gauss" in {entry.name for entry in entries_of("Stop Regressing")}


@pytest.mark.parametrize(("name", "near"), [("never-slowr", "never-slower"), ("tokenrecycle", "token-recycling")])
def test_unknown_names_suggest_the_nearest(name, near):
    with pytest.raises(UnknownNameError, match=f"no part or paper called '{name}': did you mean '{near}'"):
        entries_of(name)


def test_parameters_hold_a_part_at_any_depth():
    chosen = selection("token-recycling")
    recipe = Recipe.parse("prompt-lookup > token-recycling, pace=4")
    for value in (recipe, recipe.drafter, [recipe], {"recipe": recipe}, type(recipe.drafter.drafters[1]), "token-recycling"):
        assert chosen.holds(value)
    assert chosen.holds(find("token-recycling"))
    assert chosen.holds(next(iter(chosen.files)))
    for value in (Recipe.parse("prompt-lookup"), "a token", TopP, find("top-p"), ROOT, 5, None):
        assert not chosen.holds(value)


@pytest.mark.parametrize("name", ["never-slower", "top-p", "multi-round", "token-recycling"])
def test_combinations_of_the_law_kit_are_chosen_by_their_parts(name):
    chosen = selection(name)
    held = [each for each in covering_combinations() if chosen.holds(each)]
    assert 0 < len(held) < len(covering_combinations()) / 2
    assert all(name in f"{each}; {[describe(step) for step in each.sampler.steps]}" for each in held)


def test_the_command_runs_what_concerns_a_part_and_nothing_else():
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.part_selection", "--collect-only", "-q", "--part"]

    def collected(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, name], capture_output=True, text=True, cwd=ROOT, timeout=300)

    lines = collected("top-p").stdout.splitlines()
    files = dict(line.rsplit(": ", 1) for line in lines if ".py: " in line)
    assert {"src/foretell/decoding/samplers/top_p.py", "tests/test_structure.py", "tests/testing/test_laws.py"} <= set(files)
    assert {"tests/testing/test_contracts.py", "tests/decoding/test_samplers.py"} <= set(files)
    assert "tests/decoding/test_token_recycling.py" not in files
    refused = collected("top-pp")
    assert refused.returncode != 0
    assert "did you mean 'top-p'?" in refused.stderr
