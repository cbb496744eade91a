"""Settings as the command line has them: `epochs=200`, `target=HLGauss`, `body=MLP(widths=(64, 64))`, `target.sigma_to_bin=0.5`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator

from foretell.catalog.part_text import read_value, setting_of
from foretell.errors import UserError
from foretell.parts import UnknownNameError, nearest


def apply_settings(estimator: BaseEstimator, settings: Sequence[str]) -> Any:
    """The estimator with these settings, in their order. Values are Python's literals, components by class name or as
    `foretell show` writes them, and text otherwise. UnknownNameError with the nearest name for what is none of its settings.

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
        _known(owner, name)
        owner.set_params(**{name: read_value(value.strip(), "component")})
    return estimator


def _part(owner: Any, name: str) -> Any:
    """The component that is this setting, which a default may stand for."""
    _known(owner, name)
    part = setting_of(owner, name)
    if not isinstance(part, BaseEstimator):
        raise UserError(f"{type(owner).__name__}: {name} is {part!r}, which has no settings; name what it is first, such as {name}=NAME")
    owner.set_params(**{name: part})
    return part


def _known(owner: Any, name: str) -> None:
    known = owner.get_params(deep=False)
    if name not in known:
        raise UnknownNameError(f"{type(owner).__name__} has no setting {name!r}: {nearest(name, known)}")
