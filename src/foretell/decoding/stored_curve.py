"""Cost curves kept: measured once per model and machine, found again in the cache folder."""

from __future__ import annotations

import platform
import weakref
from typing import Any

import torch

from foretell.decoding.cost_curve import ROWS, CostCurve, measure
from foretell.models.base import Model

#: Bump when curves are measured otherwise, or an engine has become another.
_VERSION = 2
#: Of an exit, which drafts token by token, only the first rows matter; a pace may ask for many exits.
_EXIT_ROWS = (1, 2)
#: By model, then by the layer after which it is left (None: all layers run).
_known: weakref.WeakKeyDictionary[Model, dict[int | None, CostCurve]] = weakref.WeakKeyDictionary()


def curve_of(model: Model, remeasure: bool = False, stop: int | None = None) -> CostCurve:
    """The model's curve: from this process, else from the cache folder, else measured now (about two seconds).

    stop: the curve of an early exit after that layer (measured in a tenth of the time).
    """
    from foretell.models.cache_folder import write_json

    curve = None if remeasure else known_curve(model, stop)
    if curve is None:
        curve = measure(model, ROWS if stop is None else _EXIT_ROWS, stop=stop)
        write_json(_name(model, stop), {"version": _VERSION, "rows": curve.rows, "seconds": curve.seconds})
    use_curve(model, curve, stop)
    return curve


def use_curve(model: Model, curve: CostCurve, stop: int | None = None) -> None:
    """Let `curve` be the model's in this process, unmeasured: for tests and plans."""
    _known.setdefault(model, {})[stop] = curve


def known_curve(model: Model, stop: int | None = None) -> CostCurve | None:
    """The model's curve where it was measured before; None otherwise."""
    from foretell.models.cache_folder import read_json

    if stop not in _known.get(model, {}):
        curve = _parse(read_json(_name(model, stop)))
        if curve is None:
            return None
        use_curve(model, curve, stop)
    return _known[model][stop]


def _name(model: Model, stop: int | None) -> str:
    exit_layer = "" if stop is None else f"-exit{stop}"
    return f"curves/{model.fingerprint}-{platform.node()}-{torch.get_num_threads()}{exit_layer}.json"


def _parse(entry: Any) -> CostCurve | None:
    """None for entries that are missing or of another version: they are measured again."""
    try:
        return CostCurve(tuple(entry["rows"]), tuple(entry["seconds"])) if entry["version"] == _VERSION else None
    except (ValueError, KeyError, TypeError):
        return None
