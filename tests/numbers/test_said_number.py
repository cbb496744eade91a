"""`ft.distribution`: the number that a model says, against brute force over all texts that the rule allows."""

from __future__ import annotations

import numpy as np
import pytest

import foretell as ft
from foretell.errors import UserError
from foretell.models.base import Feed
from foretell.models.text import Text
from foretell.models.tiny import TinyModel
from foretell.rules.constraints.choices import Choices
from foretell.rules.constraints.decimals import Decimals
from foretell.rules.constraints.integers import Integers
from tests.models.files import save_tokenizer

PROMPT = "How many?"
INTEGERS = [str(number) for number in range(-3, 131)]
DECIMALS = [f"{number / 10:.1f}" for number in range(-5, 16)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A token a byte, so that each number is written in one way."""
    folder = tmp_path_factory.mktemp("bytes")
    save_tokenizer(folder, None)
    text = Text.from_folder(folder)
    made = TinyModel(len(text), seed=3)
    made.tokenizer = text
    return made


def by_brute_force(model, texts, given):
    """Mass of each text: of its bytes and of ending there, among what the texts allow next ("masked"), or among all tokens."""
    encode = lambda text: model.tokenizer.encode(text, special=False)  # noqa: E731
    prompt, stops = model.tokenizer.encode(PROMPT), sorted(model.tokenizer.stop_tokens)
    rows = {}
    allowed = {}
    for tokens in (tuple(encode(text)) for text in texts):
        for place in range(len(tokens) + 1):
            allowed.setdefault(tokens[:place], set()).update(stops if place == len(tokens) else [tokens[place]])
    found = []
    for tokens in (tuple(encode(text)) for text in texts):
        mass = 1.0
        for place in range(len(tokens) + 1):
            before = tokens[:place]
            if before not in rows:
                [row] = model.forward([Feed(model.new_cache(), [*prompt, *before])])
                rows[before] = row.logits[-1].double().softmax(-1).numpy()
            next_ones = stops if place == len(tokens) else [tokens[place]]
            mass *= rows[before][next_ones].sum() / (rows[before][sorted(allowed[before])].sum() if given == "masked" else 1)
        found.append(mass)
    return np.array(found) / (1 if given == "masked" else sum(found))


@pytest.mark.parametrize("given", ["masked", "conditioned"])
@pytest.mark.parametrize(
    ("number", "texts"),
    [
        (range(-3, 131), INTEGERS),
        ("integers(minimum=-3, maximum=130)", INTEGERS),
        (Decimals("-0.5", "1.5", precision=1), DECIMALS),
        (Choices(("7", "12", "1e3")), ["7", "12", "1e3"]),
    ],
)
def test_masses_are_those_of_all_texts(model, number, texts, given):
    said = ft.distribution(PROMPT, model, number=number, chat=False, given=given, missed=0)
    masses = by_brute_force(model, texts, given)
    values = np.array([float(text) for text in texts])
    order = np.argsort(values)
    np.testing.assert_allclose(said.values, values[order])
    np.testing.assert_allclose(said.masses[0], masses[order], atol=1e-6)
    assert said.texts == tuple(texts[place] for place in order)
    assert said.missed == 0
    assert said.mean()[0] == pytest.approx(masses @ values)
    assert said.cdf(np.array([1.0]))[0] == pytest.approx(masses[values <= 1].sum(), abs=1e-6)


def test_what_is_not_read_is_bounded_also_without_bounds(model):
    whole = ft.distribution(PROMPT, model, number=Integers(0, 999), chat=False, missed=0)
    part = ft.distribution(PROMPT, model, number=Integers(0, 999), chat=False, missed=0.2)
    assert 0 < part.missed <= 0.2
    assert part.num_rows < whole.num_rows
    known = dict(zip(whole.texts, whole.masses[0], strict=True))
    assert all(abs(known[text] - mass) <= part.missed + whole.missed for text, mass in zip(part.texts, part.masses[0], strict=True))
    endless = ft.distribution(PROMPT, model, number=Integers(), chat=False, missed=0.3, most_rows=50)
    assert 0 < endless.missed < 1
    assert len(endless) == 1


def test_it_is_what_generate_draws_from(model):
    said = ft.distribution(PROMPT, model, number=range(0, 4), chat=False, missed=0)
    drawn = [ft.generate(PROMPT, model, constraint=Integers(0, 3), chat=False, temperature=1.0, seed=seed).text for seed in range(200)]
    counts = np.array([drawn.count(text) for text in said.texts]) / len(drawn)
    assert np.abs(counts - said.masses[0]).max() < 4 * 0.5 / np.sqrt(len(drawn))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"number": range(0, 10, 2)}, "step of 1"),
        ({"number": 7}, "must be a range, a constraint"),
        ({"number": Choices(("one", "2"))}, "'one', which is no number"),
        ({"number": range(3), "given": "free"}, "must be one of masked, conditioned"),
        ({"number": range(3), "missed": 2}, "must be 0 or above and below 1"),
    ],
)
def test_what_is_wrong_is_named(model, options, message):
    with pytest.raises(UserError, match=message):
        ft.distribution(PROMPT, model, chat=False, **options)


def test_the_repr_says_what_the_number_is(model):
    said = ft.distribution(PROMPT, model, number=range(7, 8), chat=False, missed=0)
    assert repr(said) == "<SaidNumber: median 7, 80 % from 7 to 7, 1 numbers, missed=0>"
