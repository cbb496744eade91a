"""`a + b` and `a ^ b`: what they propose, and which drafter is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafters.adaptive_ngram import AdaptiveNgram
from foretell.decoding.drafters.chooser import Chooser
from foretell.decoding.drafters.interpolation import Interpolation
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.stand import Stand
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.trees.best_first import best_first
from foretell.decoding.draws import SampledDraws
from foretell.decoding.pacing.measured_curve import use_curve
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, Scripted, greedy_text, run

MODEL = TinyModel(vocab_size=12, order=2, seed=3)
VOCAB = 12


def table(orders: tuple[int, ...], rows: dict[tuple[int, ...], dict[int, float]]) -> SuccessorTable:
    """A table that was told these distributions, each of a context of one of its orders."""
    made = SuccessorTable(VOCAB, orders, 4, "mean")
    for context, distribution in rows.items():
        one = SuccessorTable(VOCAB, (len(context),), 4, "mean")
        tokens = sorted(distribution, key=lambda token: -distribution[token])
        one.learn_rows([context], [tokens], [[distribution[token] for token in tokens]])
        made.learn_rows([[-1] * (max(orders) - len(context)) + list(context)], [tokens], [[distribution[token] for token in tokens]])
    return made


def test_shares_are_interpolated_with_weights_by_order():
    long, short = table((2,), {(1, 2): {3: 0.75, 4: 0.25}}), table((1,), {(2,): {4: 1.0}})
    paths = best_first([long, short], [1, 2], 8, 1)
    # Weights 4 and 2: token 3 has 4 * 0.75 / 6, token 4 has (4 * 0.25 + 2) / 6, so agreement puts it level.
    assert dict(zip(paths.tokens, paths.reach, strict=True)) == pytest.approx({3: 0.5, 4: 0.5})
    only = best_first([long, short], [9, 2], 8, 1)  # the long table does not know this context and has no say
    assert (only.tokens, only.reach) == ([4], [1.0])


def test_a_path_goes_on_with_another_tables_words():
    first, second = table((1,), {(1,): {5: 1.0}}), table((1,), {(5,): {7: 1.0}, (7,): {8: 1.0}})
    assert best_first([first, second], [1], 8, 8).tokens == [5, 7, 8]
    assert best_first(first, [1], 8, 8).tokens == [5]


def test_wide_tables_are_ranked_whole():
    wide = SuccessorTable(120, (1,), 100, "mean")
    wide.learn_rows([[7]], [list(range(100))], [[(100 - i) / 5050 for i in range(100)]])
    narrow = SuccessorTable(120, (1,), 4, "mean")
    narrow.learn_rows([[7]], [[99]], [[1.0]])
    assert best_first(wide, [7], 100, 1).tokens == list(range(100))
    assert best_first([wide, narrow], [7], 100, 1).tokens == [99, *range(99)]


def test_equal_tables_say_what_one_says():
    rows = {(1,): {2: 0.6, 3: 0.4}, (2,): {3: 0.5, 1: 0.5}, (3,): {1: 1.0}}
    one, twin = table((1,), rows), table((1,), rows)
    assert best_first([one, twin], [1], 9, 4).reach == pytest.approx(best_first(one, [1], 9, 4).reach)


@pytest.mark.parametrize(
    "drafter",
    [
        Interpolation((AdaptiveNgram(), TokenRecycling())),
        Interpolation((AdaptiveNgram(), Stand((2, 1), 4, siblings="best-first", scope="global"))),
        Interpolation((AdaptiveNgram((2, 1)), TokenRecycling(), Stand((3,), 4))),
    ],
)
def test_text_stays_plains_and_some_of_it_is_drafted(drafter):
    prompts = [[1, 2, 3, 1, 2], [4, 5, 4, 5, 4], [7]]
    requests = run(MODEL, drafter, [Request(prompt, 30, GREEDY, SampledDraws(0)) for prompt in prompts])
    for prompt, request in zip(prompts, requests, strict=True):
        assert request.generated == greedy_text(MODEL, prompt, 30)
    assert any(step.accepted for request in requests for step in request.trace.steps)


def test_a_drafter_without_a_table_is_refused():
    with pytest.raises(ValueError, match=r"keeps no table of successors; join it with \| or >"):
        Interpolation((PromptLookup(), TokenRecycling()))
    with pytest.raises(ValueError, match="keeps no table"):
        Recipe.parse("prompt-lookup + token-recycling")


@dataclass(frozen=True)
class Costly(Scripted):
    """A scripted drafter that takes time."""

    seconds: float = field(default=0.0)

    def draft_cost(self, memory, depth):
        return self.seconds


def drafted_by(arms: tuple[Scripted, ...], steps: int = 60) -> list[int]:
    """How often each drafter of a chooser drafted; they mark their drafts by their last token."""
    model = TinyModel(vocab_size=12, order=1, seed=3, sharpness=8.0)
    use_curve(model, CostCurve.flat(1.0, per_row=0.01))
    [request] = run(model, Chooser(arms), [Request([1], steps, GREEDY, SampledDraws(0))])
    assert request.generated == greedy_text(model, [1], steps)
    marks = [step.drafted[-1] for step in request.trace.decode_steps if step.drafted]
    return [marks.count(10 + number) for number in range(len(arms))]


def oracle(mark: int, num: int):
    """Drafts `num` right tokens and a mark."""
    model = TinyModel(vocab_size=12, order=1, seed=3, sharpness=8.0)
    return lambda text: [*greedy_text(model, text, num), mark]


def test_the_better_drafter_drafts_most():
    bad, good = Scripted(lambda text: [11, 10]), Scripted(oracle(11, 2))
    few, many = drafted_by((bad, good))
    assert many > 3 * few > 0


def test_drafting_that_costs_more_than_it_gains_is_left():
    better, cheap = Costly(oracle(10, 3), 50.0), Costly(oracle(11, 2), 0.0)
    dear, free = drafted_by((better, cheap))
    assert free > 3 * dear > 0


def test_symbols_bind_in_their_order_and_read_back():
    text = "(prompt-lookup | (adaptive-ngram + token-recycling)) ^ stand) > aded"
    recipe = Recipe.parse("prompt-lookup | adaptive-ngram + token-recycling ^ stand > aded")
    assert str(recipe).startswith(f"({text}")
    assert Recipe.parse(str(recipe)) == recipe
