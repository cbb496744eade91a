"""Settings as the command line writes them: `epochs=200`, `target=HLGauss`, `body=MLP(widths=(64, 64))`, `target.sigma_to_bin=0.5`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator

from foretell.catalog.part_text import read_value, setting_of
from foretell.catalog.renamed import present_option
from foretell.errors import UserError
from foretell.parts import UnknownNameError, nearest


def apply_settings(estimator: BaseEstimator, settings: Sequence[str]) -> Any:
    """The estimator with these settings, applied in order. Values are Python literals, components (by class name, or as `foretell show`
    writes them), or else text. UnknownNameError with the nearest name for an unknown setting.

    >>> from foretell.numbers import HistogramRegressor
    >>> apply_settings(HistogramRegressor(), ["epochs=7", "body=MLP(widths=(8, 8))", "body.dropout=0.5"])
    HistogramRegressor(body=MLP(dropout=0.5, widths=(8, 8)), epochs=7)
    """
    for text in settings:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise UserError(f"--set {text!r} is no setting; write for example epochs=200")
        *holders, name = path.strip().replace("__", ".").split(".")
        owner = estimator
        for holder in holders:
            owner = _part(owner, holder)
        name = present_option(type(owner).__name__, name)
        _known(owner, name)
        owner.set_params(**{name: read_value(value.strip(), "component")})
    return estimator


def _part(owner: Any, name: str) -> Any:
    """The component that is this setting, which a default may stand for."""
    _known(owner, name)
    part = setting_of(owner, name)
    if not isinstance(part, BaseEstimator):
        raise UserError(f"{type(owner).__name__}: {name} is {part!r}, which has no settings; set it first, such as {name}=NAME")
    owner.set_params(**{name: part})
    return part


def _known(owner: Any, name: str) -> None:
    known = owner.get_params(deep=False)
    if name not in known:
        raise UnknownNameError(f"{type(owner).__name__} has no setting {name!r}: {nearest(name, known)}")
