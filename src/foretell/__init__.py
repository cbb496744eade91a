"""Foretell says the next words sooner (speculative decoding), within rules, better, and says numbers.

    import foretell as ft
    print(ft.generate("Name three rivers in Europe."))

Names are loaded when first used, so that `import foretell` costs nothing.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent until a program asks for the log

_HOME = {
    "generate": "foretell.api",
    "generate_many": "foretell.many",
    "stream": "foretell.streaming",
    "agenerate": "foretell.asynchronous",
    "astream": "foretell.asynchronous",
    "Result": "foretell.result",
    "Piece": "foretell.result",
    "Stream": "foretell.streaming",
    "complete": "foretell.completion",
    "extract": "foretell.extraction",
    "distribution": "foretell.number_distribution",
    "load": "foretell.models.load",
    "unload": "foretell.models.load",
    "load_group": "foretell.decoding.groups.model_group",
    "Model": "foretell.models.base",
    "Recipe": "foretell.decoding.recipe",
    "Session": "foretell.decoding.session",
    "Request": "foretell.decoding.request",
    "CostCurve": "foretell.decoding.cost_curve",
}
if TYPE_CHECKING:  # `as` tells type checkers that the name is exported
    from foretell.api import generate as generate
    from foretell.asynchronous import agenerate as agenerate
    from foretell.asynchronous import astream as astream
    from foretell.completion import complete as complete
    from foretell.decoding.cost_curve import CostCurve as CostCurve
    from foretell.decoding.groups.model_group import load_group as load_group
    from foretell.decoding.recipe import Recipe as Recipe
    from foretell.decoding.request import Request as Request
    from foretell.decoding.session import Session as Session
    from foretell.extraction import extract as extract
    from foretell.many import generate_many as generate_many
    from foretell.models.base import Model as Model
    from foretell.models.load import load as load
    from foretell.models.load import unload as unload
    from foretell.number_distribution import distribution as distribution
    from foretell.result import Piece as Piece
    from foretell.result import Result as Result
    from foretell.streaming import Stream as Stream
    from foretell.streaming import stream as stream
else:  # hidden from type checkers, which would otherwise take any name as known
    __all__ = [*_HOME, "__version__"]

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            from foretell.parts import nearest

            raise AttributeError(f"foretell has no {name!r}: {nearest(name, _HOME)}")
        return getattr(importlib.import_module(_HOME[name]), name)

    def __dir__() -> list[str]:
        return __all__
