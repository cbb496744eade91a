"""Metrics and attacks against independent references."""

from __future__ import annotations

import numpy as np
import pytest

from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.targets.mse import MSE
from foretell.numbers.unlearning.attacks import membership_share, relearning
from foretell.numbers.unlearning.metrics import distance_to_gold, has_memorised, mae, relative_difference, rmse


def test_metrics(rng):
    one, other = rng.standard_normal(50), rng.standard_normal(50) + 1
    assert distance_to_gold(one, other) == pytest.approx(np.abs(np.sort(one) - np.sort(other)).mean())
    assert (mae(np.zeros(2), np.array([3.0, -4.0])), rmse(np.zeros(2), np.array([3.0, -4.0]))) == (3.5, pytest.approx(12.5**0.5))
    assert np.isfinite(relative_difference(np.array([1.0]), np.array([0.0]))).all()


def test_memory_is_told_from_chance(rng):
    known, unknown = np.abs(rng.standard_normal((2, 400)))
    elsewhere = np.abs(rng.standard_normal((2, 400)))
    assert has_memorised(0.3 * known, unknown, *elsewhere)
    assert not has_memorised(known, known * 1.04, *elsewhere)  # within 5 %
    assert not has_memorised(known, 1.3 * known, elsewhere[0], 1.3 * elsewhere[0])  # a worse fit everywhere is no memory
    assert not has_memorised(known[:8], 1.2 * unknown[:8], *elsewhere)  # too few to tell


def test_the_attack_finds_who_was_there_and_says_little_where_nobody_can_tell(rng):
    known, unknown = np.abs(0.2 * rng.standard_normal(300)), np.abs(rng.standard_normal(300)) + 0.8
    assert membership_share(known, unknown, known[:100]) > 0.95
    assert membership_share(known, unknown, unknown[:100]) < 0.05
    blind = [membership_share(*np.abs(rng.standard_normal((3, 300))), random_state=seed) for seed in range(3)]
    assert 0.2 < np.mean(blind) < 0.8
    assert membership_share(known, unknown, known, 1) == membership_share(known, unknown, known, 1)


def test_relearning_counts_steps_and_leaves_the_model_alone(rng):
    X = rng.standard_normal((200, 2))  # noqa: N806
    y = X @ [1.0, 2.0]
    settings = {"body": MLP((16,)), "target": MSE(), "batch_size": 20, "validation_fraction": 0, "random_state": 0}
    good = HistogramRegressor(epochs=30, learning_rate=1e-2, **settings).fit(X, y)
    poor = HistogramRegressor(epochs=1, **settings).fit(X, y)
    weight = poor.network_[0][0].weight.clone()
    goal = 1.05 * mae(y[:50], good.predict(X[:50]))
    runs = [relearning(model, X, y, (X[:50], y[:50]), goal, learning_rate=1e-4) for model in (good, poor)]
    assert runs[0].reached
    assert not runs[1].reached
    assert runs[0].steps < runs[1].steps == 100  # 10 epochs of 10 batches
    assert (poor.network_[0][0].weight == weight).all()
    reached = relearning(poor, X, y, (X[:50], y[:50]), mae(y[:50], poor.predict(X[:50])) / 2, learning_rate=1e-2)
    assert reached.reached
    assert 1 < reached.steps < 100


def test_a_histogram_without_a_place_for_the_rows_cannot_learn_them(rng):
    X = rng.standard_normal((60, 2))  # noqa: N806
    y = X @ [1.0, 2.0]
    model = HistogramRegressor(body=MLP((8,)), epochs=1, validation_fraction=0, random_state=0).fit(X[y > 0], y[y > 0])
    assert relearning(model, X, y, (X, y), 0.1) is None
    assert relearning(model, X[y > 0], y[y > 0], (X, y), 0.1) is not None
