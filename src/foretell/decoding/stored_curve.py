"""Cost curves kept: measured once per model and machine, found again in the cache folder."""

from __future__ import annotations

import platform
import weakref
from typing import Any

import torch

from foretell.decoding.cost_curve import CostCurve, measure
from foretell.models.base import Model

_VERSION = 1
_known: weakref.WeakKeyDictionary[Model, CostCurve] = weakref.WeakKeyDictionary()


def curve_of(model: Model, remeasure: bool = False) -> CostCurve:
    """The model's curve: from this process, else from the cache folder, else measured now (about two seconds)."""
    from foretell.models.cache_folder import read_json, write_json

    if not remeasure and model in _known:
        return _known[model]
    name = f"curves/{model.fingerprint}-{platform.node()}-{torch.get_num_threads()}.json"
    curve = None if remeasure else _parse(read_json(name))
    if curve is None:
        curve = measure(model)
        write_json(name, {"version": _VERSION, "rows": curve.rows, "seconds": curve.seconds})
    _known[model] = curve
    return curve


def _parse(entry: Any) -> CostCurve | None:
    """None for entries that are missing or of another version: they are measured again."""
    try:
        return CostCurve(tuple(entry["rows"]), tuple(entry["seconds"])) if entry["version"] == _VERSION else None
    except (ValueError, KeyError, TypeError):
        return None
