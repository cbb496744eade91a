"""Finds estimators: every final class in `estimators/`, and those of other packages (entry points "foretell.estimators").

Nobody keeps a list. An estimator's name is its class name in lower-case with hyphens: `HistogramRegressor` is
"histogram-regressor".
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

GROUP = "foretell.estimators"


@cache
def all_estimators() -> dict[str, type[BaseEstimator]]:
    """All estimators by name.

    >>> "histogram-regressor" in all_estimators()
    True
    """
    package = importlib.import_module("foretell.numbers.estimators")
    modules = [importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)]
    classes = [cls for module in modules for cls in vars(module).values() if getattr(cls, "__module__", "") == module.__name__]
    classes += [entry.load() for entry in entry_points(group=GROUP)]
    found = {
        name_of(cls): cls
        for cls in classes
        if isinstance(cls, type) and issubclass(cls, BaseEstimator) and not inspect.isabstract(cls) and not cls.__name__.startswith("_")
    }
    return dict(sorted(found.items()))


def find(name: str) -> type[BaseEstimator]:
    """The estimator called so ("histogram-regressor"); UnknownNameError with the nearest name otherwise."""
    if name not in all_estimators():
        raise UnknownNameError(f"there is no estimator called {name!r}: {nearest(name, all_estimators())}")
    return all_estimators()[name]


def load_class(class_name: str) -> type[BaseEstimator]:
    """The estimator whose class is called so ("HistogramRegressor")."""
    by_class = {cls.__name__: cls for cls in all_estimators().values()}
    if class_name not in by_class:
        raise UnknownNameError(f"foretell.numbers has no {class_name!r}: {nearest(class_name, by_class)}")
    return by_class[class_name]
