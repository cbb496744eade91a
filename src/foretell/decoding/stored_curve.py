"""Cost curves kept: measured once per model and machine, found again in the cache folder."""

from __future__ import annotations

import platform
import weakref
from typing import Any

import torch

from foretell.decoding.cost_curve import CostCurve, measure
from foretell.models.base import Model

#: Bump when curves are measured otherwise, or an engine has become another.
_VERSION = 2
_known: weakref.WeakKeyDictionary[Model, CostCurve] = weakref.WeakKeyDictionary()


def curve_of(model: Model, remeasure: bool = False) -> CostCurve:
    """The model's curve: from this process, else from the cache folder, else measured now (about two seconds)."""
    from foretell.models.cache_folder import write_json

    curve = None if remeasure else known_curve(model)
    if curve is None:
        curve = measure(model)
        write_json(_name(model), {"version": _VERSION, "rows": curve.rows, "seconds": curve.seconds})
    _known[model] = curve
    return curve


def use_curve(model: Model, curve: CostCurve) -> None:
    """Let `curve` be the model's in this process, unmeasured: for tests and plans."""
    _known[model] = curve


def known_curve(model: Model) -> CostCurve | None:
    """The model's curve where it was measured before; None otherwise."""
    from foretell.models.cache_folder import read_json

    if model not in _known:
        curve = _parse(read_json(_name(model)))
        if curve is None:
            return None
        _known[model] = curve
    return _known[model]


def _name(model: Model) -> str:
    return f"curves/{model.fingerprint}-{platform.node()}-{torch.get_num_threads()}.json"


def _parse(entry: Any) -> CostCurve | None:
    """None for entries that are missing or of another version: they are measured again."""
    try:
        return CostCurve(tuple(entry["rows"]), tuple(entry["seconds"])) if entry["version"] == _VERSION else None
    except (ValueError, KeyError, TypeError):
        return None
