"""The law kit over a covering array of the combinations that the installed parts can form: the output distribution equals the plain one to
rounding."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.distribution import Distribution
from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.draws import TooManyOutcomesError
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampler import Sampler
from foretell.decoding.samplers.top_p import TopP
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifiers.exact import Exact
from foretell.models.tiny import TinyModel
from foretell.testing.combinations import (
    BATCHES,
    combinations,
    covering_combinations,
    exact_verifiers,
    examples,
    fits,
    inexact_verifiers,
    kinds_drawn,
    pairs,
    samplers,
)
from foretell.testing.laws import LawCase, UnlawfulError, check_law, law_report, output_distribution, plain_distribution

DRAFTERS = examples("drafter")
COMBINATIONS = covering_combinations()


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_every_combination_keeps_the_law(combination):
    """The covering array; `benchmarks/law_kit.py` runs the full product."""
    assert check_law(combination.recipe, combination.sampler, combination.case).error < 1e-9


def test_any_two_parts_that_fit_each_other_meet():
    rows = [(each.recipe.drafter, each.recipe.verifier, each.recipe.pace, each.sampler_name, each.batch) for each in COMBINATIONS]
    values = [examples("drafter"), exact_verifiers(), examples("pace"), list(samplers()), [batch for batch, _ in BATCHES]]
    for i, j in itertools.combinations(range(len(values)), 2):
        wanted = set(itertools.product(values[i], values[j]))
        assert {(row[i], row[j]) for row in rows} == {pair for pair in wanted if (i, j) != (0, 1) or fits(*pair)}


def test_every_drafter_has_a_verifier_and_the_product_is_large():
    found = list(pairs(DRAFTERS))
    assert all((drafter, Exact()) in found for drafter in DRAFTERS)
    exact = {type(verifier) for verifier in examples("verifier") if verifier.guarantee.kind == "exact"}
    assert {type(verifier) for _, verifier in found} == exact
    product = list(combinations())
    assert len(product) >= 800
    assert {(each.recipe, each.sampler_name) for each in COMBINATIONS} <= {(each.recipe, each.sampler_name) for each in product}
    assert {type(verifier).__name__ for verifier in inexact_verifiers()} == {"Confidence"}  # those that promise less, by name


def test_fits_follows_the_kinds_that_are_drawn():
    for drafter, kind in (("sampled", Kind.SAMPLED), ("without-replacement", Kind.WITHOUT_REPLACEMENT), ("top-k", Kind.FIXED)):
        draft = DraftModel(TinyModel(3), (2, 1), drafter)
        assert kinds_drawn(draft) == {kind}
        assert all(fits(draft, verifier) == (kind in verifier.kinds) for verifier in examples("verifier"))


def test_there_is_a_sampler_for_each_step_and_a_greedy_one():
    assert {"temperature", "top-k", "top-p", "min-p", "penalties", "logit-bias", "softmax", "mix", "greedy"} <= set(samplers())


@pytest.mark.parametrize("sampler", samplers().values(), ids=samplers())
def test_the_plain_law_has_mass_one_and_texts_that_stop_early(sampler):
    distribution = plain_distribution(LawCase.small(), sampler)
    assert sum(distribution.values()) == pytest.approx(1, abs=1e-12)
    if not sampler.greedy:
        assert {reason for _, reason in distribution} == {"stop", "length"}


def test_the_end_of_the_context_is_part_of_the_law():
    model = TinyModel(vocab_size=3, order=1, seed=3, max_length=8)
    case = dataclasses.replace(LawCase.small(max_new_tokens=4), model=model)
    assert "context" in {reason for _, reason in plain_distribution(case, Sampler())}
    for drafter in DRAFTERS:
        check_law(Recipe(drafter, pace=Fixed()), Sampler(), case)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("p", [0.5, 0.7, 0.9])
def test_pruning_by_the_pace_does_not_look_at_the_tokens_drawn(seed, p):
    """Where few tokens are likely there are few siblings: a pace that kept a node because it has children would be biased.
    On this curve one node does not pay, and three do."""
    curve = CostCurve((1, 2, 3, 4, 5), (1.0, 1.6, 1.8, 1.8, 3.0))
    case = dataclasses.replace(LawCase.small(), curve=curve, draft_curve=CostCurve.flat(0.0))
    draft = DraftModel(TinyModel(3, order=1, seed=seed), (1, 2), "without-replacement")
    check_law(Recipe(draft, pace=NeverSlower()), Sampler((TopP(p),)), case)


@dataclasses.dataclass(frozen=True)
class Liar(Drafter):
    """Says that its favourite token was drawn from the uniform distribution."""

    def propose(self, asks: list[Ask]) -> list[Tree]:
        trees = []
        for _ in asks:
            trees.append(Tree())
            trees[-1].add(1, kind=Kind.SAMPLED, q=Distribution.of([1.0, 1.0, 1.0]))
        return trees


def test_a_drafter_that_lies_about_its_draws_is_caught():
    with pytest.raises(UnlawfulError, match="output distribution is off by"):
        check_law(Recipe(Liar(), pace=Fixed()), Sampler(), LawCase.small())
    assert law_report(Recipe(Liar(), pace=Fixed()), Sampler(), LawCase.small()).error > 1e-3


def test_the_number_of_outcomes_is_bounded():
    with pytest.raises(TooManyOutcomesError, match="max_outcomes=5"):
        output_distribution(Recipe(DRAFTERS[0], pace=Fixed()), LawCase.small(), Sampler(), max_outcomes=5)
