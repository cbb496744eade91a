"""Finds estimators and forecasters: every final class in their rooms, and those that other packages offer (entry points
"foretell.estimators", "foretell.forecasters").

Nobody keeps a list. A name is the class name in lower-case with hyphens: `HistogramRegressor` is "histogram-regressor".
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from sklearn.base import BaseEstimator

from foretell.decoding.registry import name_of
from foretell.parts import UnknownNameError, nearest

ROOMS = ("estimators", "forecasters", "choosers")


@cache
def _found(room: str) -> dict[str, type[BaseEstimator]]:
    package = importlib.import_module(f"foretell.numbers.{room}")
    modules = [importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)]
    classes = [cls for module in modules for cls in vars(module).values() if getattr(cls, "__module__", "") == module.__name__]
    classes += [entry.load() for entry in entry_points(group=f"foretell.{room}")]
    found = {
        name_of(cls): cls
        for cls in classes
        if isinstance(cls, type) and issubclass(cls, BaseEstimator) and not inspect.isabstract(cls) and not cls.__name__.startswith("_")
    }
    return dict(sorted(found.items()))


def all_estimators() -> dict[str, type[BaseEstimator]]:
    """All estimators by name: they take X and y.

    >>> "histogram-regressor" in all_estimators()
    True
    """
    return _found("estimators")


def all_forecasters() -> dict[str, type[BaseEstimator]]:
    """All forecasters by name: they take series.

    >>> "seasonal-naive" in all_forecasters()
    True
    """
    return _found("forecasters")


def all_choosers() -> dict[str, type[BaseEstimator]]:
    """All online choosers by name: they take contexts, and the loss of the arm that they chose.

    >>> list(all_choosers())
    ['neural-bandit']
    """
    return _found("choosers")


def all_unlearning_methods() -> dict[str, type[BaseEstimator]]:
    """All ways of unlearning by name.

    >>> "blindspot" in all_unlearning_methods()
    True
    """
    return _found("unlearning")


def find(name: str, room: str) -> type[BaseEstimator]:
    """What is called so ("histogram-regressor") in that room, hyphens and capitals aside; UnknownNameError with the nearest name
    otherwise.

    >>> find("OLinearForecaster", "forecasters") is find("olinear-forecaster", "forecasters")
    True
    """
    known = _found(room)
    plain = {_plain(each): cls for each, cls in known.items()}
    if _plain(name) not in plain:
        raise UnknownNameError(f"there is no {room[:-1]} called {name!r}: {nearest(name, known)}")
    return plain[_plain(name)]


def _plain(name: str) -> str:
    return name.replace("-", "").lower()


def load_class(class_name: str) -> type[BaseEstimator]:
    """What has this class name ("HistogramRegressor")."""
    by_class = {cls.__name__: cls for room in ROOMS for cls in _found(room).values()}
    if class_name not in by_class:
        raise UnknownNameError(f"foretell.numbers has no {class_name!r}: {nearest(class_name, by_class)}")
    return by_class[class_name]
