"""Number formats: what is written is read back, the tree of tokens is right, bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.numbers.digits.decimal_text import DecimalText
from foretell.numbers.digits.floating import Floating
from foretell.numbers.digits.normalised import Normalised

FORMATS = [Normalised(), Normalised(2, 5), Normalised(7, 2, -3, 11.5), Floating(), Floating(2, 4), Floating(1, 1), DecimalText()]
targets = st.lists(st.floats(-1e4, 1e4, allow_nan=False).map(lambda y: round(y, 1)), min_size=2, max_size=12)


@pytest.mark.parametrize("number", FORMATS, ids=repr)
@given(y=targets)
@settings(max_examples=25, deadline=None)
def test_round_trip_to_the_nearest_number(number, y):
    y = np.array(y)
    if isinstance(number, Normalised) and number.minimum is not None:
        y = np.clip(y, number.minimum, number.maximum)
    if isinstance(number, DecimalText):
        y = np.clip(y, -300, 400)
    code = number.fit(y)
    leaves = number.leaves(code)
    again = number.decode(code, number.encode(code, y))
    np.testing.assert_array_less(np.abs(again - y), np.abs(leaves.values[:, None] - y).min(axis=0) + 1e-9 * np.maximum(1, np.abs(y)))
    width = np.diff(leaves.edges)[leaves.places(y)]
    assert (np.abs(again - y) <= width * (0.5 if not isinstance(number, Floating) else 0.92) + 1e-9).all()


def test_floating_is_off_by_half_a_unit_of_its_last_digit():
    y = np.concatenate([10.0 ** np.linspace(-1.9, 1, 200), -(10.0 ** np.linspace(-1.9, 1, 200))])
    number = Floating(digits=3, decades=3)
    code = number.fit(y)
    off = np.abs(number.decode(code, number.encode(code, y)) - y)
    least = code["top"] - 2
    unit = 10.0 ** (np.maximum(np.floor(np.log10(np.abs(y))), least) - 2)
    assert (off <= 0.5001 * unit).all()


@pytest.mark.parametrize("number", FORMATS, ids=repr)
def test_leaves_are_all_that_the_tree_allows(number):
    code = number.fit(np.array([-2.5, 0.0, 11.0]))
    leaves = number.leaves(code)
    assert (np.diff(leaves.values) > 0).all()
    assert (np.diff(leaves.edges) > 0).all()
    assert ((leaves.edges[:-1] <= leaves.values) & (leaves.values <= leaves.edges[1:])).all()
    assert len(np.unique(leaves.tokens, axis=0)) == len(leaves)
    np.testing.assert_array_equal(leaves.places(leaves.values), np.arange(len(leaves)))
    beginnings = {(): 0}
    for place, level in enumerate(leaves.levels):  # against a plain walk of all beginnings
        allowed: dict = {}
        for row in leaves.tokens.tolist():
            allowed.setdefault(tuple(row[:place]), set()).add(row[place])
        assert set(allowed) == set(beginnings)
        for beginning, tokens in allowed.items():
            assert set(np.flatnonzero(level.allowed[beginnings[beginning]])) == tokens
        assert level.allowed.shape[0] == len(allowed)
        after = leaves.levels[place + 1].node if place + 1 < len(leaves.levels) else np.arange(len(leaves))
        beginnings = {tuple(row[: place + 1]): node for row, node in zip(leaves.tokens.tolist(), after.tolist(), strict=True)}


def test_sizes():
    assert len(Normalised(3, 4).leaves({"low": 0.0, "high": 1.0})) == 81
    assert len(Floating(2, 3).leaves({"top": 0, "minus": True})) == 2 * (2 * 90 + 100) - 1
    assert len(DecimalText(0, 9, 1).leaves(DecimalText(0, 9, 1).fit(np.array([1.0])))) == 91


@given(low=st.integers(-150, 150), width=st.integers(0, 120), precision=st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_decimal_texts_are_those_of_the_constraint(low, width, precision):
    low, high = low / 10**precision, (low + width) / 10**precision
    number = DecimalText(low, high, precision)
    code = number.fit(np.array([low, high]))
    texts, values, rule = number.texts(code), number.leaves(code).values, number.constraint(code).automaton()
    assert len(texts) == width + 1
    for text, value in zip(texts, values, strict=True):
        assert rule.matches(text.encode())
        assert float(text) == value
        assert number.text(code, value) == text
    step = 10.0**-precision
    for outside in (values[0] - step, values[-1] + step):
        assert not rule.matches(f"{outside:.{precision}f}".encode())


def test_decimal_text_drives_a_model():
    model = TinyModel(vocab_size=13, spelling=(*[bytes([letter]) for letter in b"0123456789-."], None))
    number = DecimalText(-1, 1, precision=1)
    code = number.fit(np.array([0.0]))
    state = number.constraint(code).start(Vocabulary.of(model, {12}))
    assert set(state.allowed().ids.tolist()) == {0, 1, 10}


def test_precision_follows_the_targets():
    assert DecimalText().fit(np.array([1990.0, 2001.0]))["precision"] == 0
    assert DecimalText().fit(np.array([1.25, 7.5]))["precision"] == 2
    assert DecimalText().fit(np.array([0.0, 1 / 3, 40.0]))["precision"] == 1
    assert DecimalText().fit(np.array([1 / 3, 1 / 3]))["precision"] == 6


@pytest.mark.parametrize("number", [Normalised(), Floating(), DecimalText()], ids=repr)
@pytest.mark.parametrize("value", [0.0, -7.0, 1e-3, 123456.0])
def test_constant_targets_are_written(number, value):
    y = np.full(4, value)
    code = number.fit(y)
    np.testing.assert_allclose(number.decode(code, number.encode(code, y)), y, rtol=5e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Normalised(1).fit(np.array([0.0, 1.0])), "base=1"),
        (lambda: Normalised(10, 0).fit(np.array([0.0, 1.0])), "digits=0"),
        (lambda: Normalised(10, 6).fit(np.array([0.0, 1.0])), "digits=6.*lower it"),
        (lambda: Normalised(10, 2.0).fit(np.array([0.0, 1.0])), "digits=2.0"),
        (lambda: Normalised(maximum=5).fit(np.array([0.0, 6.0])), "maximum=5.*leaves out targets"),
        (lambda: Normalised(minimum=5).fit(np.array([0.0, 6.0])), "minimum=5.*leaves out targets"),
        (lambda: Normalised(widening=-0.1).fit(np.array([0.0, 6.0])), "widening=-0.1"),
        (lambda: Normalised(minimum=6, maximum=6).fit(np.array([6.0, 6.0])), "maximum=6.*must be above"),
        (lambda: Floating(0).fit(np.array([0.0, 6.0])), "digits=0"),
        (lambda: Floating(3, 0).fit(np.array([0.0, 6.0])), "decades=0"),
        (lambda: DecimalText(precision=-1).fit(np.array([0.0, 6.0])), "precision=-1"),
        (lambda: DecimalText(precision=5).fit(np.array([0.0, 6.0])), "precision=5.*lower it"),
        (lambda: DecimalText(0.4, 0.6, precision=0).fit(np.array([0.5, 0.5])), "no number between"),
        (lambda: Normalised().decode({"low": 0.0, "high": 1.0}, np.array([[0, 0, 10]])), "are not what the format writes"),
        (lambda: Normalised().encode({"low": 0.0, "high": 1.0}, np.array([1.5])), "outside the support"),
        (lambda: Normalised().encode({"low": 0.0, "high": 1.0}, np.array([np.nan])), "outside the support"),
        (lambda: Floating().encode({"top": 0, "minus": False}, np.array([-1.0])), "outside the support"),
    ],
)
def test_bad_input(make, named):
    with pytest.raises(ValueError, match=named):
        make()
