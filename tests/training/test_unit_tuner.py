"""A language of fixed words is learnt word by word."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

import foretell as ft
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafters.placeholder_heads import PlaceholderHeads
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.sampler import Sampler
from foretell.decoding.verifiers.confidence import Confidence
from foretell.decoding.verifiers.exact import Exact
from foretell.training.lexical_units import mark_units
from foretell.training.network import Shape
from foretell.training.settings import TrainSettings
from foretell.training.trainer import Trainer
from foretell.training.unit_tuner import UnitTuner, add_placeholder

NUM_TOKENS, NUM_WORDS, LENGTH = 36, 12, 48


def words() -> list[tuple[int, ...]]:
    """Twelve words of three tokens, each known by its first."""
    dice = random.Random(0)
    return [
        (first, *dice.choices([i for i in range(NUM_TOKENS) if i != first], k=2)) for first in dice.sample(range(NUM_TOKENS), NUM_WORDS)
    ]


def text(length: int, seed: int, faithful: float = 0.82) -> list[int]:
    """Words in random order, in which each word has a favourite follower: in an order without any, nobody could foretell the
    second token of a word from before its first."""
    dice, found = random.Random(seed), list[int]()
    word = dice.randrange(NUM_WORDS)
    while len(found) < length:
        found += words()[word]
        word = (5 * word + 1) % NUM_WORDS if dice.random() < faithful else dice.randrange(NUM_WORDS)
    return found[:length]


ROWS = torch.tensor([text(LENGTH, seed) for seed in range(512)])


def base(steps: int):
    """A network trained on the language in the ordinary way."""
    network = Shape(2, 64, 2, max_length=128).build(NUM_TOKENS, NUM_TOKENS - 1)

    def batch_at(step: int, size: int) -> torch.Tensor:
        return ROWS[torch.randint(len(ROWS), (size,), generator=torch.Generator().manual_seed(step))]

    def loss(model, batch, step):
        return F.cross_entropy(model(batch[:, :-1]).logits.flatten(0, 1), batch[:, 1:].flatten())

    Trainer(network, loss, batch_at, TrainSettings(steps, batch=16, learning_rate=5e-3)).run(progress=False)
    return network


def decode(model, recipe: ft.Recipe) -> list[ft.Request]:
    requests = [ft.Request(text(9, 9000 + i), 36, Sampler(greedy=True), SampledDraws(0)) for i in range(24)]
    for _ in ft.Session(model, recipe, CostCurve.flat()).run(requests):
        pass
    return requests


def tokens_per_step(requests: list[ft.Request]) -> float:
    return sum(request.trace.num_tokens for request in requests) / sum(len(request.trace.decode_steps) for request in requests)


@pytest.mark.slow
def test_a_language_of_words_is_written_word_by_word(tmp_path, monkeypatch):
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))
    network, tuner = base(250), UnitTuner()
    units = tuner.mark(network, ROWS[:64])
    inner = [(start, start + 3) for start in range(3, LENGTH - 3, 3)]  # the first and last word have no outside
    assert sum(word in set(each) for each in units for word in inner) >= 0.98 * 64 * len(inner)
    placeholder, _ = tuner.run(network, ROWS, TrainSettings(300, batch=16, learning_rate=5e-3), progress=False)
    network.export(tmp_path / "tuned")
    model = ft.load(tmp_path / "tuned", dtype="fp32")
    assert model.suppressed == (placeholder,) == (NUM_TOKENS,)
    plain = decode(model, ft.Recipe())
    rates = []
    for beta in (0.95, 0.8, 0.7, 0.6):
        lossless = decode(model, ft.Recipe(PlaceholderHeads(4, beta), Exact(), Fixed(8)))
        assert [each.generated for each in lossless] == [each.generated for each in plain]
        lossy = decode(model, ft.Recipe(PlaceholderHeads(4, beta), Confidence(beta), Fixed(8)))
        rates.append((tokens_per_step(lossy), tokens_per_step(lossless)))
    assert rates[-1][0] >= 2.7
    assert rates[-1][1] > 1.2
    assert all(after >= 0.98 * before for (before, _), (after, _) in pairwise(rates))
    valid = [tuple(each.generated[i : i + 3]) in set(words()) for each in lossy for i in range(0, 36, 3)]
    assert sum(valid) >= 0.99 * len(valid)


def test_the_text_is_kept_and_placeholders_learn():
    network, tuner = base(60), UnitTuner(alpha=0.2, num_tokens=3, max_placeholders=32)
    before = network.model.embed_tokens.weight.detach().clone()
    placeholder, report = tuner.run(
        network, ROWS, TrainSettings(30, batch=8, learning_rate=5e-3, evaluate_every=10), progress=False
    )  # fmt: skip
    assert placeholder == NUM_TOKENS == len(before)
    assert network.generation_config.suppress_tokens == [placeholder]
    losses = [loss for _, loss in report.history]
    assert losses[-1] < losses[0]


def test_random_marks_have_the_same_lengths():
    network = base(40)
    sure, control = (UnitTuner(alpha=0.1, marks=marks).mark(network, ROWS[:8]) for marks in ("confidence", "random"))
    assert sure != control
    for one, other in zip(sure, control, strict=True):
        assert sorted(end - start for start, end in one) == sorted(end - start for start, end in other)
        assert [i for start, end in other for i in range(start, end)] == list(range(LENGTH))
    assert mark_units([0.0] * 4, 0.5, 4) == [(i, i + 1) for i in range(4)]


def test_wrong_use_is_refused():
    network = Shape(1, 16, 2, max_length=64).build(NUM_TOKENS, NUM_TOKENS - 1)
    with pytest.raises(ValueError, match=r"alpha=1.0 leaves no unit in 4 texts; lower it .*in steps of 0.1: 0.0: \d+, 0.1: "):
        UnitTuner(alpha=1.0).mark(network, ROWS[:4])
    with pytest.raises(ValueError, match=r"texts of shape \(4, 4\) are not longer than num_tokens=4"):
        UnitTuner().mark(network, ROWS[:4, :4])
    with pytest.raises(ValueError, match=r"Linear is no Backbone; make one by Backbone\.from_checkpoint"):
        add_placeholder(torch.nn.Linear(1, 1), ROWS)
    with pytest.raises(ValueError, match="rows hold the token 36, but the network has 36; the placeholder would be a real token"):
        add_placeholder(network, ROWS + 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha=0.0 must be a probability above 0"),
        ({"num_tokens": 1}, "num_tokens=1 must be at least 2"),
        ({"mix": 0.0}, "mix=0.0 must be above 0"),
        ({"asks": "some"}, "asks='some' must be one of unit, all"),
        ({"marks": "none"}, "marks='none'"),
        ({"max_placeholders": 2}, "max_placeholders=2 must be at least 3"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        UnitTuner(**options)
