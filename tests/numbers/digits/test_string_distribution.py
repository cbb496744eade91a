"""The distribution over number strings: against brute force over all ways to spell them, whole or cut, in any batch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.numbers.digits.string_distribution import StringEnumerator
from foretell.rules.constraints.choices import Choices
from foretell.rules.constraints.integers import Integers

SPELLING = (b"0", b"1", b"2", b"12", b" ", b" 1", b"\n", b"\n\n", b"a")
STOPS = frozenset({6, 7})
RULE = Choices((" ",)) + Integers(0, 221)
PROMPTS = [[8, 4, 8], [8, 4, 0, 8, 8], [8, 1]]


def model(seed=0):
    return TinyModel(len(SPELLING), order=3, seed=seed, spelling=SPELLING)


def by_brute_force(model, prompt, distribution):
    """All token rows of at most five tokens, each multiplied out token by token."""
    state = RULE.start(Vocabulary.of(model, STOPS))
    found = {}
    for length in range(1, 6):
        for tokens in itertools.product(range(9), repeat=length):
            if any(token in STOPS for token in tokens):
                continue
            here, mass = state, 1.0
            rows = model.forward([Feed(model.new_cache(), [*prompt, *tokens])])[0].logits[len(prompt) - 1 :].double().softmax(-1).numpy()
            for row, token in zip(rows, tokens, strict=False):
                if not here.accepts(token):
                    break
                mass *= row[token] / (row[here.allowed().ids].sum() if distribution == "masked" else 1)
                here = here.advance(token)
            else:
                if here.accepting:
                    ending = rows[length][list(STOPS)].sum() / (rows[length][here.allowed().ids].sum() if distribution == "masked" else 1)
                    text = b"".join(SPELLING[token] for token in tokens)
                    found[text] = found.get(text, 0.0) + mass * ending
    return found


@pytest.mark.parametrize("distribution", ["masked", "conditioned"])
def test_against_brute_force(distribution):
    fitted = StringEnumerator(distribution, missed=0).run(model(), PROMPTS, RULE, STOPS)
    for prompt, found in zip(PROMPTS[:1], fitted, strict=False):
        brute = by_brute_force(model(), prompt, distribution)
        assert set(found.texts) == set(brute)
        total = sum(brute.values())
        assert distribution == "conditioned" or total == pytest.approx(1, abs=1e-6)
        for text, mass in zip(found.texts, found.masses, strict=True):
            assert mass == pytest.approx(brute[text] / total, rel=1e-5)
        assert found.missed == 0


@pytest.mark.parametrize("distribution", ["masked", "conditioned"])
def test_prompts_do_not_feel_each_other(distribution):
    together = StringEnumerator(distribution, missed=0, batch=3, width=5).run(model(), PROMPTS, RULE, STOPS)
    alone = [StringEnumerator(distribution, missed=0, width=1).run(model(), [prompt], RULE, STOPS)[0] for prompt in PROMPTS]
    for one, other in zip(together, alone, strict=True):
        assert dict(zip(one.texts, one.masses, strict=True)) == pytest.approx(dict(zip(other.texts, other.masses, strict=True)))


@pytest.mark.parametrize("distribution", ["masked", "conditioned"])
@pytest.mark.parametrize("missed", [0.3, 0.05])
def test_what_is_missed_is_bounded(distribution, missed):
    for prompt in PROMPTS:
        [whole] = StringEnumerator(distribution, missed=0).run(model(1), [prompt], RULE, STOPS)
        [part] = StringEnumerator(distribution, missed=missed, width=1).run(model(1), [prompt], RULE, STOPS)
        exact = dict(zip(whole.texts, whole.masses, strict=True))
        assert part.missed <= missed
        assert part.num_rows < whole.num_rows
        unseen = 1 - sum(exact[text] for text in part.texts)
        assert unseen <= part.missed + 1e-9
        assert part.masses.sum() == pytest.approx(1)
        assert max(abs(mass - exact[text]) for text, mass in zip(part.texts, part.masses, strict=True)) <= part.missed + 1e-9


def test_the_masked_distribution_reads_no_whole_strings():
    rule = Choices((" ",)) + Integers(100, 122)
    masked, conditioned = (
        StringEnumerator(distribution, missed=0).run(model(), PROMPTS[:1], rule, STOPS)[0] for distribution in ("masked", "conditioned")
    )
    assert masked.num_rows < conditioned.num_rows
    np.testing.assert_allclose(masked.masses.sum(), 1)


def test_rows_are_limited():
    [part] = StringEnumerator(missed=0, most_rows=4, width=1).run(model(), PROMPTS[:1], RULE, STOPS)
    assert part.num_rows == 4
    assert 0 < part.missed < 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"distribution": "free"}, "distribution='free'"),
        ({"missed": 1}, "missed=1"),
        ({"missed": -0.1}, "missed=-0.1"),
        ({"batch": 0}, "batch=0"),
    ],
)
def test_bad_settings(options, named):
    with pytest.raises(ValueError, match=named):
        StringEnumerator(**options)


def test_bad_prompts():
    small = TinyModel(len(SPELLING), max_length=4, spelling=SPELLING)
    with pytest.raises(ValueError, match="the model supports 4"):
        StringEnumerator().run(small, [[8] * 5], RULE, STOPS)
    with pytest.raises(ValueError, match="no whole string"):
        StringEnumerator(missed=0, most_rows=1).run(model(), PROMPTS[:1], RULE, STOPS)
