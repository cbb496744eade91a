"""Sampler steps against transformers' logits processors, and by hand where transformers has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as theirs

from foretell.decoding.sampler import Candidates, NonFiniteLogitsError, NoTokenLeftError, Sampler, SamplerStep
from foretell.decoding.samplers.logit_bias import LogitBias
from foretell.decoding.samplers.min_p import MinP
from foretell.decoding.samplers.penalties import Penalties
from foretell.decoding.samplers.temperature import Temperature
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.samplers.top_p import TopP
from foretell.decoding.sampling_options import make_sampler
from foretell.testing.combinations import examples

SIZE = 100


def rows(num: int = 20, ties: bool = False) -> torch.Tensor:
    """Random rows, peaked and flat; with ties, of few distinct values."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(num, SIZE, generator=generator) * torch.linspace(0.5, 6, num)[:, None]
    return logits.round() if ties else logits


def their_probs(processor, logits: torch.Tensor, history: list[int]) -> np.ndarray:
    scores = processor(torch.tensor([history]), logits[None].clone())
    return scores.double().softmax(-1)[0].numpy()


def ours(step: SamplerStep, logits: torch.Tensor, history: list[int] = (), prompt: int = 0) -> np.ndarray:
    return Sampler((step,)).distribution(logits, history, prompt).dense()


PAIRS = [
    (Temperature(0.7), theirs.TemperatureLogitsWarper(0.7)),
    (Temperature(3.0), theirs.TemperatureLogitsWarper(3.0)),
    (TopK(1), theirs.TopKLogitsWarper(1)),
    (TopK(7), theirs.TopKLogitsWarper(7)),
    (TopK(1000), theirs.TopKLogitsWarper(1000)),
    (TopP(0.3), theirs.TopPLogitsWarper(0.3)),
    (TopP(0.9), theirs.TopPLogitsWarper(0.9)),
    (TopP(0.999), theirs.TopPLogitsWarper(0.999)),
    (MinP(0.05), theirs.MinPLogitsWarper(0.05)),
    (MinP(0.9), theirs.MinPLogitsWarper(0.9)),
    (Penalties(repetition=1.3), theirs.RepetitionPenaltyLogitsProcessor(1.3)),
    (Penalties(repetition=0.8), theirs.RepetitionPenaltyLogitsProcessor(0.8)),
]


@pytest.mark.parametrize(("step", "processor"), PAIRS, ids=lambda value: repr(value) if isinstance(value, SamplerStep) else "")
def test_steps_agree_with_transformers(step, processor):
    history = [3, 3, 5, 17, 99, 3]
    for logits in rows():
        np.testing.assert_allclose(ours(step, logits, history, 2), their_probs(processor, logits, history), atol=2e-6)


@pytest.mark.parametrize("step", [TopK(7), TopP(0.5), MinP(0.5)], ids=repr)
def test_ties_keep_the_promised_number_and_never_a_worse_token(step):
    """transformers keeps all tokens that tie with the k-th; here `k` means k, and every one left out is no better."""
    for logits in rows(ties=True):
        kept = ours(step, logits) > 0
        assert logits[torch.tensor(kept)].min() >= logits[torch.tensor(~kept)].max()
        if isinstance(step, TopK):
            assert kept.sum() == 7
        if isinstance(step, TopP):
            probs = logits.double().softmax(-1).numpy()
            assert probs[kept].sum() >= 0.5 > probs[kept].sum() - probs[kept].min() - 1e-6


def test_the_usual_mix_agrees_with_transformers_in_order():
    sampler = make_sampler(temperature=0.8, top_k=20, top_p=0.8, min_p=0.02, repetition_penalty=1.2)
    chain = [
        theirs.RepetitionPenaltyLogitsProcessor(1.2),
        theirs.TemperatureLogitsWarper(0.8),
        theirs.TopKLogitsWarper(20),
        theirs.TopPLogitsWarper(0.8),
        theirs.MinPLogitsWarper(0.02),
    ]
    history = [1, 2, 3]
    for logits in rows():
        scores = logits[None].clone()
        for processor in chain:
            scores = processor(torch.tensor([history]), scores)
        expected = scores.double().softmax(-1)[0].numpy()
        np.testing.assert_allclose(sampler.distribution(logits, history, 1).dense(), expected, atol=2e-6)


def test_the_order_of_steps_matters_and_is_kept():
    logits = torch.tensor([3.0, 2.0, 0.0])
    warm_first = Sampler((Temperature(4.0), TopP(0.7))).distribution(logits)
    warm_last = Sampler((TopP(0.7), Temperature(4.0))).distribution(logits)
    assert len(warm_first.ids) == 2
    assert len(warm_last.ids) == 1
    assert [type(step) for step in make_sampler(1.5, 3, 0.9, 0.1, 1.1, logit_bias={0: 1.0}).steps] == [
        LogitBias, Penalties, Temperature, TopK, TopP, MinP,
    ]  # fmt: skip


def test_presence_and_frequency_by_hand():
    logits, history = torch.zeros(5), [4, 4, 0, 1, 1, 1]  # the first two are the prompt, which does not count
    after = Penalties(presence=0.5, frequency=0.25).apply(Candidates(logits, None, 5), history, 2).logits
    assert after.tolist() == [-0.75, -1.25, 0, 0, 0]
    both = Penalties(repetition=2.0, presence=1.0).apply(Candidates(torch.tensor([4.0, -4.0, 4.0]), None, 3), [1, 0], 1).logits
    assert both.tolist() == [1.0, -8.0, 4.0]  # repetition counts the prompt, and comes first
    assert logits.tolist() == [0] * 5  # the model's row is not touched


def test_bias_adds_and_forbids():
    distribution = Sampler((LogitBias((0, 2), (math.log(3), float("-inf"))),)).distribution(torch.zeros(3))
    assert distribution.dense().tolist() == pytest.approx([0.75, 0.25, 0])


@given(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=80), st.sampled_from(examples("sampler")))
@settings(max_examples=150, deadline=None)
def test_every_step_gives_a_law(values, step):
    logits = torch.tensor(values)
    if isinstance(step, LogitBias) and len(values) < 3:
        return
    distribution = Sampler((step,)).distribution(logits, [0], 0)
    assert distribution.probs.sum() == pytest.approx(1)
    assert (np.diff(distribution.ids) > 0).all()
    assert distribution.size == len(values)
    best = Sampler((step,), greedy=True).distribution(logits, [0], 0)
    assert distribution[int(best.ids[0])] == pytest.approx(distribution.probs.max())


def test_greedy_takes_the_lowest_of_equal_tokens_and_tells_the_margin():
    distribution = Sampler(greedy=True).distribution(torch.tensor([1.0, 5.0, 5.0, 4.0]))
    assert (distribution.ids.tolist(), distribution.margin) == ([1], 0.0)
    assert Sampler(greedy=True).distribution(torch.tensor([1.0, 5.0, 4.0])).margin == 1.0
    assert Sampler(greedy=True).distribution(torch.tensor([1.0])).margin == math.inf


STEPS = [(), *((step,) for step in examples("sampler"))]


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("steps", STEPS, ids=repr)
def test_broken_logits_are_named(steps, bad, greedy):
    logits = torch.zeros(5)
    logits[2] = bad
    with pytest.raises(NonFiniteLogitsError, match="weights or the chosen dtype are broken"):
        Sampler(steps, greedy).distribution(logits, [0], 0)


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize(
    ("step", "message"),
    [
        (LogitBias((0, 1, 2), (-math.inf,) * 3), "^logit_bias: it makes the best logit -inf; allow at least one token"),
        (LogitBias((0,), (3e38,)), "^logit_bias: it makes the best logit inf; take smaller numbers"),
        (Penalties(1e-40), "^repetition_penalty, .*: it makes the best logit inf"),
    ],
)
def test_the_option_that_leaves_no_token_is_named(step, message, greedy):
    with pytest.raises(NoTokenLeftError, match=message):
        Sampler((step,), greedy).distribution(torch.tensor([1e38, 2.0, 1.0]), [0, 1], 0)


@pytest.mark.parametrize("value", [1e-20, 1e-40, 5e-324])
def test_tiny_temperatures_leave_the_best_tokens(value):
    sampler = make_sampler(temperature=value, top_p=0.9, min_p=0.1)
    for logits, probs in (([1.0, 30.0, 29.0], [0, 1, 0]), ([-1.0, -30.0, -math.inf], [1, 0, 0]), ([5.0, 5.0, 1.0], [0.5, 0.5, 0])):
        assert sampler.distribution(torch.tensor(logits)).dense().tolist() == probs


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_sampler(temperature=-1), "temperature=-1 must be 0"),
        (lambda: make_sampler(temperature=math.nan), "temperature=nan"),
        (lambda: make_sampler(top_k=-1), "top_k=-1"),
        (lambda: make_sampler(top_p=0), "top_p=0"),
        (lambda: make_sampler(min_p=2), "min_p=2"),
        (lambda: make_sampler(repetition_penalty=0), "repetition=0"),
        (lambda: make_sampler(presence_penalty=11), "presence=11"),
        (lambda: Temperature(0), "value=0 must be a finite number above 0"),
        (lambda: TopK(0), "k=0 must be a whole number"),
        (lambda: LogitBias((1,), ()), "one number for each"),
        (lambda: LogitBias((-1,), (1.0,)), "token ids"),
        (lambda: Sampler(("top-k",)), "must be sampler steps"),
        (lambda: Sampler((TopK(2), Penalties(1.2))).distribution(torch.zeros(4), [0]), "Penalties must come before"),
        (lambda: Sampler((TopK(2), LogitBias((0,), (1.0,)))).distribution(torch.zeros(4)), "LogitBias must come before"),
        (lambda: Sampler((LogitBias((9,), (1.0,)),)).distribution(torch.zeros(4)), "beyond the vocabulary of 4"),
    ],
)
def test_wrong_settings_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_off_values_leave_their_step_out():
    assert make_sampler() == Sampler(greedy=True)
    assert make_sampler(temperature=1.0) == Sampler()
    assert make_sampler(temperature=0, top_k=5, top_p=0.5, min_p=0.5) == Sampler(greedy=True)


def test_lists_become_tuples_so_that_samplers_can_be_kept():
    assert Sampler([TopK(2)]) == Sampler((TopK(2),))
    assert hash(Sampler([LogitBias([1], [2.0])])) == hash(Sampler((LogitBias((1,), (2.0,)),)))


def test_a_row_is_sampled_by_one_thread_and_the_number_comes_back(monkeypatch):
    seen = []
    monkeypatch.setattr(Temperature, "apply", lambda self, candidates, *_: seen.append(torch.get_num_threads()) or candidates)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Sampler((Temperature(0.5),)).distribution(torch.zeros(4))
        with pytest.raises(NonFiniteLogitsError):
            Sampler((Temperature(0.5),)).distribution(torch.full((4,), math.nan))
        assert (seen, torch.get_num_threads()) == ([1, 1], 2)
    finally:
        torch.set_num_threads(before)
