"""The law kit under constraints: every drafter with every verifier, and every constraint, keeps the restricted distribution."""

from __future__ import annotations

import pytest

from foretell.catalog.part_text import describe
from foretell.decoding.draws import Draws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampler import Sampler
from foretell.rules.constraints.regex import Regex
from foretell.rules.grammars.grammar_state import GrammarState
from foretell.testing.combinations import constrained, constrained_pairs, examples
from foretell.testing.laws import SPELLING, Case, check_law, law_report, plain_distribution
from foretell.testing.models import resized

PAIRS = constrained_pairs()


@pytest.mark.parametrize("constraint", examples("constraint"), ids=describe)
def test_the_restricted_law_of_every_constraint(constraint):
    distribution = plain_distribution(Case.constrained(constraint), Sampler())
    assert sum(distribution.values()) == pytest.approx(1, abs=1e-12)
    for drafter, verifier in PAIRS[:: max(1, len(PAIRS) // 6)]:
        check_law(Recipe(resized(drafter, len(SPELLING)), verifier, Fixed()), Sampler(), Case.constrained(constraint))


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_every_drafter_and_verifier_keep_a_restricted_law(number):
    """Each pair with one of the constraints, in turn; `benchmarks/law_kit.py` runs the whole product."""
    recipe, sampler, case = constrained(number)
    assert check_law(recipe, sampler, case).error < 1e-9


def test_a_batch_under_rules_keeps_the_law():
    for drafter, verifier in PAIRS[:: len(PAIRS) // 5]:
        check_law(Recipe(resized(drafter, len(SPELLING)), verifier, Fixed()), Sampler(), Case.constrained(Regex("(ab)*a?"), batch=3))


def test_a_state_that_is_not_led_along_the_tree_is_caught(monkeypatch):
    """Broken on purpose: every node sees what its parent was allowed."""
    recipe, case = Recipe.parse("token-recycling(k=2, template=((0,), (1,), (0, 0))), pace=3"), Case.constrained(Regex("(ab)*a?"))
    assert law_report(recipe, Sampler(), case).lawful
    honest = GrammarState.advance
    case = Case.constrained(Regex("(ab)*a?c?"))
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

    case = Case.constrained(Regex("ab[01]"))
    request = Request(case.prompt, 5, Sampler(), Counting(), case.stop_tokens, constraint=case.constraint)
    for _ in Session(case.model, Recipe()).run([request]):
        pass
    assert request.finish_reason == "stop"
    assert asked == [2]
