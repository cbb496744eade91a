"""`PromptedRegressor` and `TextEncoder` on a tiny model whose tokens are letters: prompts, distribution, draws, bad input."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from foretell.models.tiny import TinyModel
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.digits.decimal_text import DecimalText
from foretell.numbers.digits.prompted import stop_tokens
from foretell.numbers.digits.string_distribution import StringEnumerator
from foretell.numbers.embedding import TextEncoder
from foretell.numbers.estimators.decoding_regressor import DecodingRegressor
from foretell.numbers.estimators.prompted_regressor import PromptedRegressor

LETTERS = tuple(bytes([letter]) for letter in (10, *range(32, 127)))
TEXTS, YEARS = ["oil on canvas", "steel", "oil on wood", "light"], [1992, 1999, 2004, 2010]


def model(seed=0):
    return TinyModel(len(LETTERS), seed=seed, spelling=LETTERS)


def fitted(years=YEARS, **options):
    return PromptedRegressor(**{"model": model(), "n_shots": 2, "target": "Year", "missed": 0, "random_state": 0, **options}).fit(
        TEXTS, years
    )


def test_prompts_of_texts():
    found = fitted(instruction="When?").prompts(["ink"])[0]
    assert found.startswith("When?\n\n")
    assert found.endswith("\n\nink\nYear:")
    assert found.count("\nYear: ") == 2
    assert fitted(n_shots=0).prompts(["ink"]) == ["ink\nYear:"]
    assert fitted(n_shots=9).prompts(["ink"])[0].count("\nYear: ") == 4


def test_prompts_of_tables():
    table = pd.DataFrame({"weight": [1.5, 2.0], "kind": ["a", "b"]})
    found = PromptedRegressor(model(), n_shots=1, shots="nearest").fit(table, [1, 2])
    assert found.prompts(table.iloc[1:]) == ["weight: 2\nkind: b\nNumber: 2\n\nweight: 2\nkind: b\nNumber:"]
    found.set_params(template="{kind} of {weight} kg", n_shots=0).fit(table, [1, 2])
    assert found.prompts(table) == ["a of 1.5 kg\nNumber:", "b of 2 kg\nNumber:"]


def test_nearest_examples_are_the_most_alike_the_last_the_nearest():
    found = fitted(shots="nearest").prompts(["oil on canvas, framed"])[0]
    assert found.index("oil on wood") < found.index("oil on canvas\n") < found.index("framed")
    assert "steel" not in found


def test_random_examples_are_the_same_for_all_rows():
    one, other = fitted().prompts(["ink", "tar"])
    assert one.replace("ink", "tar") == other


@pytest.mark.parametrize("distribution", ["masked", "conditioned"])
def test_the_distribution_is_that_of_the_strings(distribution):
    found = fitted(distribution=distribution, format=DecimalText(1990, 2010))
    masses = found.predict_numbers(["ink", "tar"]).masses
    np.testing.assert_allclose(masses.sum(axis=1), 1)
    assert masses.shape == (2, 21)
    for row, strings in zip(masses, found.string_distributions(["ink", "tar"]), strict=True):
        for text, mass in zip(strings.texts, strings.masses, strict=True):
            assert row[int(text) - 1990] == pytest.approx(mass)
    distribution = found.predict_distribution(["ink", "tar"])
    np.testing.assert_allclose(np.exp(distribution.log_density(np.full(2, 1995.3))), masses[:, 5])
    np.testing.assert_array_equal(found.predict(["ink", "tar"]), found.predict_numbers(["ink", "tar"]).median())


def test_draws_by_decoding_have_the_masked_distribution():
    found = fitted([1, 2, 3, 30], format=DecimalText(0, 30), model=model(3))
    exact = found.predict_numbers(["ink"]).masses[0]
    for recipe in (None, "prompt-lookup"):
        draws = found.generate(["ink"], 500, random_state=1, recipe=recipe)[0]
        assert set(draws) <= set(range(31))
        counts = np.array([(draws == number).sum() for number in range(31)])
        often = exact * len(draws) > 5
        chi = ((counts - exact * len(draws)) ** 2 / (exact * len(draws)))[often].sum()
        assert chi < often.sum() + 4.5 * np.sqrt(2 * often.sum())


def test_mean_and_quantiles_are_those_of_many_draws():
    found = fitted(format=DecimalText(1990, 2010))
    draws, distribution = found.sample(["ink"], 100_000, random_state=0)[0], found.predict_distribution(["ink"])
    assert abs(draws.mean() - distribution.mean()[0]) < 4.5 * draws.std() / np.sqrt(len(draws))
    assert abs((draws <= found.predict_quantile(["ink"], 0.3)[0]).mean() - 0.3) < 0.007


def test_laws_are_kept_with_the_model(monkeypatch):
    found = fitted(format=DecimalText(1990, 2010))
    before = found.predict(["ink", "tar"])
    monkeypatch.setattr(StringEnumerator, "run", None)
    np.testing.assert_array_equal(found.predict(["tar", "ink"]), before[::-1])


def test_clones_share_the_model_and_pickles_predict_the_same():
    found = fitted(format=DecimalText(1990, 2010, widening=0.2))
    twin = clone(found)
    assert twin.model is found.model
    assert twin.format is not found.format
    assert twin.format.get_params() == found.format.get_params()
    assert not hasattr(twin, "texts_")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).predict(["ink"]), found.predict(["ink"]))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"shots": "best"}, "shots='best'.*random, nearest"),
        ({"n_shots": -1}, "n_shots=-1"),
        ({"point": "middle"}, "point='middle'"),
        ({"distribution": "free"}, "distribution='free'"),
        ({"missed": 1.0}, "missed=1.0"),
        ({"template": "{colour}"}, r"template='\{colour\}' must name columns, which are text"),
        ({"format": DecimalText(maximum=2000)}, "maximum=2000.*leaves out targets"),
        ({"model": "no such model"}, "no such model"),
    ],
)
def test_bad_settings(options, named):
    with pytest.raises((ValueError, FileNotFoundError), match=named):
        fitted(**options).predict(["ink"])


def test_bad_input():
    found = fitted()
    with pytest.raises(ValueError, match="NaN"):
        found.fit(pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]}), [1, 2])
    with pytest.raises(ValueError, match="y contains NaN"):
        found.fit(TEXTS, [1, 2, np.nan, 4])
    with pytest.raises(ValueError, match="could not convert string"):
        found.fit(TEXTS, ["one", "two", "three", "four"])
    with pytest.raises(ValueError, match="the model supports 64"):
        fitted(model=TinyModel(len(LETTERS), max_length=64, spelling=LETTERS), n_shots=4).predict(["ink"])
    with pytest.raises(ValueError, match="no token that begins with"):
        stop_tokens(TinyModel(95, spelling=LETTERS[1:]))


def test_text_encoder_is_the_mean_of_hidden_states():
    found = TextEncoder(model()).fit_transform(["ink", "a longer text", "ink"])
    assert found.shape == (3, len(LETTERS))
    np.testing.assert_array_equal(found[0], found[2])
    parts = TextEncoder(model(), layer=0).fit_transform(["a", "b", "ab"])
    np.testing.assert_allclose(parts[2], (parts[0] + parts[1]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(
        TextEncoder(model(), max_tokens=3).fit_transform(["ink well"]), TextEncoder(model()).fit_transform(["ink"])
    )
    assert (
        TextEncoder(model(), batch=1).fit_transform(["ink", "tar"]).tolist() == TextEncoder(model()).fit_transform(["ink", "tar"]).tolist()
    )


def test_texts_are_learnt_by_a_trained_head():
    texts = [f"{'big' if i % 2 else 'tiny'} number {i}" for i in range(60)]
    y = np.array([10.0 if i % 2 else 1.0 for i in range(60)])
    head = DecodingRegressor(body=MLP((16,)), epochs=15, n_members=1, learning_rate=1e-2, random_state=0)
    pipe = make_pipeline(TextEncoder(model(), layer=0), FunctionTransformer(), head).fit(texts, y)
    assert np.abs(pipe.predict(["big number 99", "tiny number 98"]) - [10, 1]).max() < 2


@pytest.mark.parametrize(
    ("options", "texts", "named"),
    [
        ({}, [""], "row 0 is ''"),
        ({}, [3.5, "a"], "row 0 is 3.5"),
        ({}, [["a", "b"]], "shape"),
        ({"layer": 9}, ["a"], "layer=9"),
        ({"batch": 0}, ["a"], "batch=0"),
    ],
)
def test_bad_texts(options, texts, named):
    with pytest.raises(ValueError, match=named):
        TextEncoder(model(), **options).fit(texts)
