"""Models inside parts: found, and given a cost curve, so that tests never look at a clock or at the user's cache folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.pacing.measured_curve import use_curve
from foretell.models.base import Model
from foretell.models.tiny import TinyModel

#: A draft model ten times as fast as a target whose step takes 1.
SMALL_CURVE = CostCurve.flat(0.1, 0.01)


def models_in(value: Any) -> Iterator[Model]:
    """Every model that a part holds, at any depth."""
    if isinstance(value, Model):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from models_in(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from models_in(getattr(value, field.name))


def resized(value: Any, vocab_size: int) -> Any:
    """A part like `value`, at any depth, whose tiny models have `vocab_size` tokens."""
    if isinstance(value, TinyModel):
        names = ("order", "seed", "sharpness", "num_layers", "max_length")
        return TinyModel(vocab_size, **{name: getattr(value, name) for name in names})
    if isinstance(value, tuple):
        return tuple(resized(each, vocab_size) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and any(models_in(value)):
        return value.replace(**{f.name: resized(getattr(value, f.name), vocab_size) for f in dataclasses.fields(value) if f.init})  # type: ignore[attr-defined]
    return value


def use_small_curves(part: Any, curve: CostCurve = SMALL_CURVE, target: Model | None = None) -> None:
    """Let every model in `part`, its early exits, and every early exit of `target`, have this `curve` in this process."""
    for model in models_in(part):
        for stop in (None, *range(1, model.num_layers)):
            use_curve(model, curve, stop=stop)
    if target is not None:
        for layer in range(1, target.num_layers):
            use_curve(target, curve, stop=layer)
