"""Targets of any level and unit: what is learnt is the same, whatever is added to the targets or multiplied with them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from foretell.numbers import ConformalRegressor, DecodingRegressor, HistogramRegressor, SketchedLinearRegression
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.digits.head import DigitHead
from foretell.numbers.digits.normalised import Normalised
from foretell.numbers.targets.huber import Huber
from foretell.numbers.targets.l1 import L1
from foretell.numbers.targets.mse import MSE
from foretell.numbers.targets.two_hot import TwoHot

QUICK = {"body": MLP((8,)), "epochs": 3, "random_state": 0}
ESTIMATORS = {
    "decoding": DecodingRegressor(format=Normalised(4, 3), decoder=DigitHead(8), **QUICK),
    **{type(target).__name__: HistogramRegressor(target=target, **QUICK) for target in (MSE(), L1(), Huber(), TwoHot())},
    "HLGauss": HistogramRegressor(**QUICK),
    "conformal": ConformalRegressor(Ridge(), coverage=0.5, random_state=0),
    "sketched": SketchedLinearRegression(random_state=0),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_levels_and_units(name, exact):
    rng = np.random.RandomState(0)
    x = rng.standard_normal((80, 2))
    y = x @ [1.0, -2.0] + (0 if exact else 0.3 * rng.standard_normal(80))
    plain = clone(ESTIMATORS[name]).fit(x, y).predict(x)
    for level, unit in ((1e6, 1.0), (1e9, 1.0), (0.0, 1e300), (0.0, 1e-300)):
        found = clone(ESTIMATORS[name]).fit(x, unit * (y + level)).predict(x) / unit - level
        error, before = (np.sqrt(np.mean((each - y) ** 2)) for each in (found, plain))
        assert error == pytest.approx(before, rel=0.03, abs=1e-3), (level, unit)
