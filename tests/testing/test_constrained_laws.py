"""The law kit under constraints: a covering array of parts and constraints keeps the restricted distribution."""

from __future__ import annotations

import pytest

from foretell.catalog.part_text import describe
from foretell.decoding.draws import Draws
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampler import Sampler
from foretell.rules.constraints.regex import Regex
from foretell.rules.grammars.grammar_state import GrammarState
from foretell.testing.combinations import covering_constrained_combinations, examples, samplers
from foretell.testing.laws import SPELLING, LawCase, check_law, law_report, plain_distribution
from foretell.testing.models import resized

COMBINATIONS = covering_constrained_combinations()
BARE = Sampler()


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_every_combination_keeps_the_restricted_law(combination):
    """The covering array; `benchmarks/law_kit.py` runs every drafter and verifier with every constraint."""
    assert check_law(combination.recipe, combination.sampler, combination.case).error < 1e-9


@pytest.mark.parametrize("constraint", examples("constraint"), ids=describe)
def test_the_restricted_distribution_has_mass_one(constraint):
    assert sum(plain_distribution(LawCase.constrained(constraint), BARE).values()) == pytest.approx(1, abs=1e-12)


def test_every_constraint_meets_every_drafter_and_every_sampler_that_it_takes():
    drafters = [resized(drafter, len(SPELLING)) for drafter in examples("drafter")]
    constraints = examples("constraint")
    assert len({(describe(each.recipe.drafter), each.constraint) for each in COMBINATIONS}) == len(drafters) * len(constraints)
    met = {(each.sampler_name, each.constraint) for each in COMBINATIONS}
    refused = {(name, rule) for name in samplers() for rule in constraints} - met
    assert {(name, type(rule).__name__) for name, rule in refused} == {("greedy", "Asap")}  # it needs a distribution


def test_a_state_that_is_not_led_along_the_tree_is_caught(monkeypatch):
    """Broken on purpose: every node sees what its parent was allowed."""
    recipe, case = Recipe.parse("token-recycling(k=2, template=((0,), (1,), (0, 0))), pace=3"), LawCase.constrained(Regex("(ab)*a?"))
    assert law_report(recipe, Sampler(), case).lawful
    honest = GrammarState.advance
    case = LawCase.constrained(Regex("(ab)*a?c?"))
    reference = plain_distribution(case, Sampler())
    monkeypatch.setattr(GrammarState, "advance", lambda self, token: self if token == 0 else honest(self, token))
    assert reference  # made with honest states
    assert not law_report(recipe, Sampler(), case).lawful


def test_draws_are_asked_for_where_there_is_a_choice_only():
    asked: list[int] = []

    class Counting(Draws):
        def at(self, position, stream=0):
            return self

        def sub(self, number):
            return self

        def bernoulli(self, p):
            raise AssertionError

        def categorical(self, probs):
            asked.append(len(probs))
            return 0

    from foretell.decoding.request import Request
    from foretell.decoding.session import Session

    case = LawCase.constrained(Regex("ab[01]"))
    request = Request(case.prompt, 5, Sampler(), Counting(), case.stop_tokens, constraint=case.constraint)
    for _ in Session(case.model, Recipe()).run([request]):
        pass
    assert request.finish_reason == "stop"
    assert asked == [2]
