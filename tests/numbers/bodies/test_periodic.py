"""Numerical embeddings: their formula, and that a network learns bends with them that it misses without."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from foretell.errors import UserError
from foretell.numbers import HistogramRegressor
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.bodies.periodic import Periodic, PeriodicLayer
from foretell.numbers.input_spec import flat
from foretell.numbers.targets.mse import MSE


def test_each_column_has_waves_and_a_map_of_its_own():
    torch.manual_seed(0)
    layer = PeriodicLayer(2, 3, sigma=0.5, width=4)
    rows = torch.randn(5, 2)
    found = layer(rows)
    assert found.shape == (5, 2 * 4 + 2)
    for column in range(2):
        angles = 2 * math.pi * layer.frequencies[column] * rows[:, column, None]
        waves = torch.cat([angles.cos(), angles.sin()], 1)
        expected = torch.relu(waves @ layer.weight[column] + layer.bias[column])
        torch.testing.assert_close(found[:, 4 * column : 4 * column + 4], expected)
    torch.testing.assert_close(found[:, 8:], rows)


def test_a_network_learns_bends_sooner():
    x = np.random.RandomState(0).uniform(-2, 2, (300, 1))
    y = np.sin(6 * x[:, 0])
    settings = {"target": MSE(), "epochs": 20, "learning_rate": 1e-2, "random_state": 0}
    plain = HistogramRegressor(body=MLP((16,)), **settings).fit(x, y)
    waves = HistogramRegressor(body=Periodic(MLP((16,)), sigma=1.0), **settings).fit(x, y)
    assert waves.score(x, y) > 0.9 > plain.score(x, y) + 0.2


@pytest.mark.parametrize(("name", "value"), [("frequencies", 0), ("width", 0), ("sigma", 0.0)])
def test_settings_out_of_range(name, value):
    with pytest.raises(UserError, match=f"{name}={value}"):
        Periodic(**{name: value}).build(flat(2))
