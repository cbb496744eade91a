"""An estimator with a network takes series, sets, images and token rows, where its body is made for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.numbers import DecodingRegressor, HistogramRegressor, SupReMixEncoder
from foretell.numbers.batches import Ragged
from foretell.numbers.bodies.base import Body
from foretell.numbers.bodies.convolution import Convolution
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.input_spec import Tokens
from foretell.numbers.saving import load, save
from foretell.numbers.targets.mse import MSE
from foretell.numbers.unlearning.unlearn import unlearn

FAST = {"epochs": 40, "learning_rate": 1e-2, "random_state": 0}


class MeanOfSteps(nn.Module):
    """The mean over the true steps of each series, through two layers."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(num_features, 16), nn.Tanh())

    def forward(self, series: Ragged) -> Tensor:
        steps = self.layers(series.values) * series.mask[..., None]
        return steps.sum(1) / series.mask.sum(1, keepdim=True)


@dataclass(eq=False, repr=False)
class SeriesBody(Body):
    def build(self, inputs):
        return MeanOfSteps(inputs.shape[-1]), 16


class InContext(nn.Module):
    """A query looks at examples, each a point with its label: what an in-context learner does."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Linear(dimension, 16), nn.Linear(dimension, 16), nn.Linear(dimension + 1, 16)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        scores = torch.einsum("nk,nmk->nm", self.query(batch["query"]), self.key(batch["examples"]))
        return torch.einsum("nm,nmk->nk", scores.softmax(1), self.value(torch.cat([batch["examples"], batch["labels"]], 2)))


@dataclass(eq=False, repr=False)
class InContextBody(Body):
    def build(self, inputs):
        assert inputs["examples"].shape[1] == inputs["query"].shape[0]
        return InContext(inputs["query"].shape[0]), 16


class WordsAndState(nn.Module):
    """An instruction's tokens and a vector of numbers, side by side: the inputs of a policy that answers with a chunk of actions."""

    def __init__(self, num_tokens: int, num_numbers: int) -> None:
        super().__init__()
        self.embedding, self.linear = nn.Embedding(num_tokens, 8), nn.Linear(num_numbers, 8)

    def forward(self, batch) -> Tensor:
        words = self.embedding(batch["words"].values) * batch["words"].mask[..., None]
        return torch.cat([words.sum(1), self.linear(batch["state"])], 1)


@dataclass(eq=False, repr=False)
class PolicyBody(Body):
    def build(self, inputs):
        return WordsAndState(inputs["words"].num_tokens, inputs["state"].shape[0]), 16


def series(rng, num=80):
    rows = [5 + 3 * rng.standard_normal((rng.randint(2, 9), 2)) for _ in range(num)]
    return rows, np.array([row[:, 0].mean() for row in rows])


def test_series_of_different_lengths(rng, tmp_path):
    X, y = series(rng)  # noqa: N806
    fitted = HistogramRegressor(body=SeriesBody(), target=MSE(), **FAST).fit(X, y)
    assert fitted.score(X, y) > 0.9
    assert not hasattr(fitted, "n_features_in_")
    one_by_one = np.concatenate([fitted.predict([row]) for row in X[:5]])
    np.testing.assert_allclose(fitted.predict(X)[:5], one_by_one, rtol=1e-6)  # padding is not seen
    np.testing.assert_array_equal(clone(fitted).fit(X, y).predict(X), fitted.predict(X))
    assert fitted.predict(np.zeros((3, 4, 2))).shape == (3,)
    with pytest.raises(UserError, match=r"X has rows of numbers \(4, 3\), but fitting had numbers \(any, 2\)"):
        fitted.predict(np.zeros((3, 4, 3)))


def test_a_second_fit_may_be_to_a_table(rng):
    X, y = series(rng)  # noqa: N806
    model = HistogramRegressor(body=SeriesBody(), target=MSE(), epochs=1, random_state=0).fit(X, y)
    table = rng.standard_normal((30, 2))
    again = model.set_params(body=MLP((4,))).fit(table, table[:, 0])
    assert again.n_features_in_ == 2
    assert not hasattr(again, "input_spec_")
    with pytest.raises(UserError, match=r"a row of X is numbers \(any, 2\), but fitting had numbers \(2,\)"):
        again.predict(X)


def test_an_in_context_learner_fits(rng):
    """Tasks with a slope of their own, which only the examples tell."""
    slopes, examples, query = rng.standard_normal(300), rng.standard_normal((300, 6, 1)), rng.standard_normal((300, 1))
    X = {"examples": examples, "labels": examples * slopes[:, None, None], "query": query}  # noqa: N806
    fitted = HistogramRegressor(body=InContextBody(), target=MSE(), **FAST | {"epochs": 3}).fit(X, slopes * query[:, 0])
    assert fitted.predict(X).shape == (300,)
    order = rng.permutation(6)
    shuffled = {**X, "examples": X["examples"][:, order], "labels": X["labels"][:, order]}
    np.testing.assert_allclose(fitted.predict(shuffled), fitted.predict(X), rtol=1e-6)  # examples are a set


def test_chunks_of_actions_from_words_and_numbers(rng):
    """A structured input and several targets at once: 2 steps of 3 numbers."""
    words = [rng.randint(1, 6, size=rng.randint(1, 5)) for _ in range(120)]
    state = rng.standard_normal((120, 3))
    Y = np.concatenate([state + [[word[0]] for word in words], 10 * state], axis=1)  # noqa: N806
    X = {"words": Tokens(words, num_tokens=6), "state": state}  # noqa: N806
    fitted = HistogramRegressor(body=PolicyBody(), target=MSE(), **FAST).fit(X, Y)
    assert fitted.predict(X).reshape(120, 2, 3).shape == (120, 2, 3)
    assert fitted.score(X, Y) > 0.8


def test_images(rng, tmp_path):
    images = rng.standard_normal((40, 8, 8, 2))
    fitted = HistogramRegressor(body=Convolution(channels=(4,)), target=MSE(), epochs=3, random_state=0).fit(images, images.mean((1, 2, 3)))
    assert fitted.mean_.shape == (2,)  # one for each plane
    loaded = load(save(fitted, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(images), fitted.predict(images))
    assert loaded.inputs_ == fitted.inputs_


def test_rows_without_weight_are_left_out(rng):
    X, y = series(rng)  # noqa: N806
    weight = np.r_[np.ones(60), np.zeros(20)]
    settings = {"body": SeriesBody(), "target": MSE(), "epochs": 3, "random_state": 0}
    expected = HistogramRegressor(**settings).fit(X[:60], y[:60]).predict(X)
    np.testing.assert_allclose(HistogramRegressor(**settings).fit(X, y, weight).predict(X), expected, rtol=1e-6)


def test_estimators_of_tables_refuse_structures_by_name(rng):
    X, y = series(rng, 20)  # noqa: N806
    for estimator in (DecodingRegressor(), SupReMixEncoder()):
        with pytest.raises(UserError, match=rf"{type(estimator).__name__}: a row of X is numbers \(any, 2\), but it takes tables"):
            estimator.fit(X, y)
    with pytest.raises(UserError, match="body=MLP takes rows of numbers"):
        HistogramRegressor().fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        HistogramRegressor(body=SeriesBody()).fit(X, y[:-1])
    fitted = HistogramRegressor(body=SeriesBody(), target=MSE(), epochs=1).fit(X, y)
    with pytest.raises(UserError, match="unlearn: HistogramRegressor was fitted to structured inputs"):
        unlearn(fitted, X, y, [0])
