"""Greedy decoding gives the plain text with every combination; sampled text depends on the seed and on nothing else."""

from __future__ import annotations

import itertools
import time

import pytest

from foretell.catalog.part_text import describe
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.forced import Forced
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.models.base import Model
from foretell.models.tiny import TinyModel
from foretell.testing.combinations import covering_combinations, examples
from foretell.testing.identity import PROMPTS, IdentityError, check_identity, decode, small_model
from foretell.testing.mutants import AcceptsAlways
from tests.models.zoo import on_torch, random_llama

DRAFTERS = examples("drafter")
PACES = examples("pace")
GREEDY = Sampler(greedy=True)


@pytest.fixture(scope="module")
def transformer() -> Model:
    """A random transformer of two layers over the law kit's vocabulary."""
    return on_torch(random_llama(3, num_layers=2, width=16, num_heads=2, context=128, spread=0.5, seed=1))


@pytest.mark.parametrize("combination", covering_combinations(), ids=str)
def test_text_depends_on_nothing_but_the_seed(combination):
    """The covering array; `benchmarks/law_kit.py` runs the full product."""
    check_identity(combination.recipe, combination.sampler)


@pytest.mark.parametrize("drafter", DRAFTERS, ids=describe)
@pytest.mark.parametrize("pace", [Fixed(), NeverSlower()], ids=describe)
def test_greedy_text_is_plain_text_on_a_transformer(drafter, pace, transformer):
    """With the verifier that takes everything: the others' greedy rule is the same."""
    check_identity(Recipe(drafter, pace=pace), GREEDY, transformer, 40)


def test_a_text_that_depends_on_the_recipe_is_caught():
    recipe = Recipe(DraftModel(TinyModel(3, order=1, seed=7), (1, 1)), AcceptsAlways())
    with pytest.raises(IdentityError, match=r"differs from plain decoding: prompt \[0, 1, 2, 0, 1, 0\], token \d+ is \d instead of \d"):
        check_identity(recipe, GREEDY)


def test_no_example_is_a_silent_exception():
    exceptions = {type(drafter).__name__ for drafter in DRAFTERS if drafter.traits.samples and drafter.traits.learns}
    assert exceptions == {"Stand"}  # drawn from a table that answers to one question share; list parts here when they become one


def test_the_seed_matters():
    model = small_model()
    requests = [Request(PROMPTS[0], 30, Sampler(), SampledDraws(seed)) for seed in range(8)]
    for _ in Session(model, Recipe(), CostCurve.flat()).run(requests):
        pass
    assert len({tuple(request.generated) for request in requests}) == 8


@pytest.mark.parametrize("number", range(max(len(DRAFTERS), len(PACES))))
def test_neither_drafters_nor_paces_look_at_the_clock(number, monkeypatch):
    """The same drafts, steps and text where time runs evenly and where it leaps."""
    recipe = Recipe(DRAFTERS[number % len(DRAFTERS)], pace=PACES[number % len(PACES)])

    def steps() -> list:
        requests = decode(small_model(), recipe, Sampler(), 12, batch=3)
        return [(step.drafted, step.tokens) for request in requests for step in request.trace.steps]

    def clock(steps):
        leaps, now = itertools.cycle(steps), 0.0

        def read() -> float:
            nonlocal now
            now += next(leaps)
            return now

        return read

    runs = []
    for seconds in ([0.001], [0.0, 5.0, 1e-6, 0.3]):
        for name in ("time", "perf_counter", "monotonic", "process_time"):
            monkeypatch.setattr(time, name, clock(seconds))
        runs.append(steps())
    monkeypatch.undo()
    assert runs[0] == runs[1]


def test_speculation_happens_in_these_tests():
    """Else they would prove nothing."""
    for drafter in DRAFTERS:
        requests = decode(small_model(), Recipe(drafter, pace=Fixed()), Sampler(), 40, batch=3)
        accepted = sum(len(step.accepted) for request in requests for step in request.trace.steps)
        assert not drafter.traits.proposes or isinstance(drafter, Forced) or accepted > 0
