"""Settings in the command line's words."""

from __future__ import annotations

import pytest

from foretell.numbers import HistogramRegressor
from foretell.numbers.settings import apply_settings


def test_values_components_and_their_settings():
    made = apply_settings(HistogramRegressor(), ["epochs=3", "target=MSE", "body=MLP(widths=(4, 4))", "body.activation=gelu", "device=cpu"])
    assert (made.epochs, type(made.target).__name__, made.body.widths, made.body.activation) == (3, "MSE", (4, 4), "gelu")
    assert type(apply_settings(HistogramRegressor(), ["target=mse"]).target).__name__ == "MSE"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epoch=3", "HistogramRegressor has no setting 'epoch': did you mean 'epochs'"),
        ("epochs", "is no setting; write for example epochs=200"),
        ("=3", "is no setting"),
        ("body=MLPP(widths=(4,))", "there is no component called 'MLPP': did you mean 'MLP'"),
        ("body=MLP(widths=sizes)", "cannot be read; write for example MLP"),
        ("body=MLP(widths=open('x'))", "there is no component called 'open'"),
        ("body=MLP(width=(4,))", "MLP has no option 'width': did you mean 'widths'"),
        ("target.sigmas=3", "has no setting 'sigmas'"),
        ("epochs.x=3", "epochs is 100, which has no settings"),
    ],
)
def test_what_is_none(setting, message):
    with pytest.raises(ValueError, match=message):
        apply_settings(HistogramRegressor(), [setting])
