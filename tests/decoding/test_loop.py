"""The loop's edges: ends inside an accepted path, long prompts in chunks, ragged batches, broken rows, early exits."""

from __future__ import annotations

import pytest
import torch

from foretell.decoding import loop
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import NonFiniteLogitsError
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, Scripted, greedy_text, run

MODEL = TinyModel(vocab_size=8, order=2, seed=5)
PROMPT = [0, 1, 2, 3, 0, 1]
DRAFTERS = {
    "plain": Plain(),
    "prompt-lookup": PromptLookup(),
    "token-recycling": TokenRecycling(k=4, template=((0,), (1,), (0, 0), (2,), (0, 1))),
    "draft-model": DraftModel(TinyModel(vocab_size=8, order=2, seed=6), (2, 1)),
}
each_drafter = pytest.mark.parametrize("drafter", DRAFTERS.values(), ids=DRAFTERS)


def request(length=20, prompt=PROMPT, sampler=GREEDY, seed=0, **options):
    return Request(prompt, length, sampler, SampledDraws(seed), **options)


def oracle(length):
    """A drafter that is always right: everything is accepted, so every end falls inside a path."""
    text = PROMPT + greedy_text(MODEL, PROMPT, length + 20)
    return Scripted(lambda tokens: text[len(tokens) : len(tokens) + 6])


def test_an_always_right_drafter_takes_all():
    (done,) = run(MODEL, oracle(21), [request(21)])
    assert done.generated == greedy_text(MODEL, PROMPT, 21)
    assert done.trace.tokens_per_step == 7.0
    assert done.trace.sources["scripted"] == 18


@pytest.mark.parametrize("length", range(1, 15))
def test_max_new_tokens_cuts_inside_a_path(length):
    (done,) = run(MODEL, oracle(length), [request(length)])
    assert (done.generated, done.finish_reason) == (greedy_text(MODEL, PROMPT, length), "length")


def test_a_stop_token_cuts_inside_a_path_and_is_not_part_of_the_text():
    text = greedy_text(MODEL, PROMPT, 12)
    place = next(i for i in range(2, 12) if text[i] not in text[:i])
    (done,) = run(MODEL, oracle(20), [request(20, stop_tokens=frozenset({text[place]}))])
    assert (done.generated, done.finish_reason) == (text[:place], "stop")


def test_a_stop_condition_cuts_inside_a_path():
    (done,) = run(MODEL, oracle(20), [request(20, stops=lambda tokens: len(tokens) == 9)])
    assert (len(done.generated), done.finish_reason) == (9, "stop")


@each_drafter
def test_the_context_ends_the_text(drafter):
    model = TinyModel(vocab_size=8, order=2, seed=5, max_length=15)
    (done,) = run(model, drafter, [request(50)])
    assert (len(done.tokens), done.finish_reason) == (15, "context")


@each_drafter
def test_a_long_prompt_in_chunks_gives_the_same_text(drafter, monkeypatch):
    prompt = [(3 * i + i // 5) % 8 for i in range(41)]
    whole = run(MODEL, drafter, [request(12, prompt), request(12)])
    monkeypatch.setattr(loop, "PREFILL_CHUNK", 7)
    parts = run(MODEL, drafter, [request(12, prompt), request(12)])
    assert [done.generated for done in parts] == [done.generated for done in whole]
    assert len(parts[0].trace.steps) > len(parts[0].trace.decode_steps)


@each_drafter
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_ragged_batch_equals_row_by_row(drafter, temperature):
    def requests():
        sampler = make_sampler(temperature=temperature)
        return [request(5 + 3 * i, PROMPT[: 2 + i % 4], sampler, seed=i) for i in range(7)]

    together = [done.generated for done in run(MODEL, drafter, requests(), max_batch=3)]
    assert together == [run(MODEL, drafter, [each])[0].generated for each in requests()]


@each_drafter
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logprobs_are_the_targets_under_speculation(drafter, temperature):
    (done,) = run(MODEL, drafter, [request(15, sampler=make_sampler(temperature=temperature), num_logprobs=3)])
    assert [entry.token for entry in done.logprobs] == done.generated
    for i, entry in enumerate(done.logprobs):
        (row,) = run(MODEL, Plain(), [request(1, done.tokens[: len(PROMPT) + i], num_logprobs=8)])
        expected = dict(row.logprobs[0].top)
        assert entry.logprob == pytest.approx(expected[entry.token], abs=1e-12)
        assert entry.top == row.logprobs[0].top[:3]


def test_leaving_early_keeps_what_was_generated():
    done = request(30)
    for grown in Session(MODEL, Recipe(oracle(30), pace=Fixed(6)), CostCurve.flat()).run([done]):
        assert grown is done
        break
    assert done.generated == greedy_text(MODEL, PROMPT, 7)
    assert done.finish_reason == "cancelled"


class Broken(TinyModel):
    """Rows of NaN after the prompt."""

    def _forward(self, feeds, hidden, start, stop):
        results = super()._forward(feeds, hidden, start, stop)
        for rows in results:
            rows.logits = torch.full_like(rows.logits, float("nan"))
        return results


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_nan_logits_are_an_error_that_says_so(temperature):
    with pytest.raises(NonFiniteLogitsError, match="weights or the chosen dtype are broken"):
        run(Broken(vocab_size=8), Plain(), [request(5, sampler=make_sampler(temperature=temperature))])


def test_time_is_booked_for_every_step():
    (done,) = run(MODEL, PromptLookup(), [request(10)])
    assert all(set(step.seconds) == {"draft", "forward", "decide", "other"} for step in done.trace.steps)
    assert done.trace.num_tokens == 10
    assert done.trace.tokens_per_second > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": []}, r"prompt=\[\] has no tokens"),
        ({"length": 0}, "max_new_tokens=0 must be at least 1"),
        ({"length": -3}, "max_new_tokens=-3"),
        ({"num_logprobs": -1}, "num_logprobs=-1"),
    ],
)
def test_bad_requests_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        request(**options)


def test_other_bad_input():
    with pytest.raises(ValueError, match="max_batch=0 must be at least 1"):
        run(MODEL, Plain(), [request()], max_batch=0)
    with pytest.raises(ValueError, match="seed=-1"):
        request(seed=-1)
    with pytest.raises(ValueError, match="temperature=-1 must be 0"):
        make_sampler(temperature=-1)
    small = TinyModel(vocab_size=8, order=2, seed=5, max_length=6)
    with pytest.raises(ValueError, match="prompt has 6 tokens, but the model was made for 6"):
        run(small, Plain(), [request()])
    with pytest.raises(ValueError, match="logits are 4 wide, the target's 8"):
        Session(MODEL, Recipe(DraftModel(TinyModel(vocab_size=4))), CostCurve.flat())
