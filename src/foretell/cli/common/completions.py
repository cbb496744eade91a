"""Completion of names in the shell: parts, kinds and models, by the name of the parameter. Nothing heavy is imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

#: Kinds of the parts that parameters of these names take.
_KINDS = {
    "recipe": ("drafter", "verifier", "pace", "sampler"),
    "recipes": ("drafter", "verifier", "pace", "sampler"),
    "constraint": ("constraint",),
    "router": ("router",),
    "search": ("search",),
    "estimator": ("estimator",),
    "forecaster": ("forecaster",),
    "method": ("unlearning-method",),
    "peers": ("peer",),
}
_FIXED = {"dtype": ("int8", "fp32", "bf16", "fp16"), "device": ("cpu", "cuda", "mps")}
#: What ends one part's name in a recipe's text.
_JOIN = re.compile(r"[\s|+^>&,=(]+")


def complete_value(name: str | None) -> Callable[[Any, Any, str], list[Any]] | None:
    """The completion of the parameter of that name, as typer calls it; None where there is none."""
    if name in _KINDS:
        return lambda ctx, parameter, typed: part_names(typed, _KINDS[name])
    if name in _FIXED:
        return lambda ctx, parameter, typed: _starting(_FIXED[name], typed)
    if name in ("model", "small", "tokenizer"):
        return lambda ctx, parameter, typed: model_names(typed)
    if name == "kind":
        return lambda ctx, parameter, typed: _starting(_kinds(), typed)
    if name in ("name", "what"):
        return lambda ctx, parameter, typed: _starting(_all_names(), typed)
    return None


def part_names(typed: str, kinds: Iterable[str]) -> list[str]:
    """What is typed with its last name completed: all names of these kinds that begin like it.

    >>> part_names("prompt-lookup|token-r", ("drafter",))
    ['prompt-lookup|token-recycling']
    """
    from foretell.catalog import entries

    last = _JOIN.split(typed)[-1]
    before = typed.removesuffix(last)
    names = [entry.name for kind in kinds for entry in entries(kind) if not entry.symbol]
    return [f"{before}{name}" for name in _starting(names, last)]


def model_names(typed: str) -> list[str]:
    """Models that have a name; where none begins so, shells offer files.

    >>> model_names("std")
    ['stdlib-nested']
    """
    from foretell.models.locate import DEFAULT
    from foretell.models.shipped import shipped

    return _starting([DEFAULT, *shipped()], typed)


def _kinds() -> list[str]:
    from foretell.catalog import KINDS

    return [*KINDS, "model", "paper"]


def _all_names() -> list[str]:
    from foretell.catalog import KINDS, entries
    from foretell.catalog.papers import papers
    from foretell.models.shipped import shipped

    return [*(entry.name for kind in KINDS for entry in entries(kind)), *papers(), *shipped()]


def _starting(names: Iterable[str], typed: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(typed.replace("_", "-") if "_" in typed else typed)]
