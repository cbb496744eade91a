"""Names that are found where they were in the version before, with a warning that says where they are now.

A module that a name has left sets `__getattr__ = moved(__name__, {"Session": "foretell.decoding.session"})`. Such lines are kept for
one version.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def moved(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of `module`, which the names in `homes` have left: {name: dotted path of the module that has it now}."""

    def look_up(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_moved(f"{module}.{name}", f"{homes[name]}.{name}")
        return getattr(importlib.import_module(homes[name]), name)

    return look_up


def warn_moved(old: str, new: str) -> None:
    """Warn whoever asked the caller's caller for `old` that it is `new` now."""
    warnings.warn(f"{old} is {new} now; the old name goes with the next version", DeprecationWarning, stacklevel=3)
