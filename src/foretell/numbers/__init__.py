"""Numbers from sequence models and from tables, with scikit-learn's contract: estimators, what they are made of, and reports.

Needs the extra `numbers`. `estimators/` and `forecasters/` have one method a file; `targets/` how a network says a number,
`bodies/` what it is made of.
"""

from __future__ import annotations

from typing import Any

from foretell.errors import MissingPackageError

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise MissingPackageError("foretell.numbers needs scikit-learn: pip install 'foretell[numbers]'") from error

from foretell.catalog import find, parts
from foretell.parts import UnknownNameError

#: Kinds of what this package offers by class name.
_KINDS = ("estimator", "forecaster", "bandit")


def all_estimators() -> dict[str, Any]:
    """All estimators by name: they take X and y.

    >>> "histogram-regressor" in all_estimators()
    True
    """
    return parts("estimator")


def all_forecasters() -> dict[str, Any]:
    """All forecasters by name: they take series.

    >>> "seasonal-naive" in all_forecasters()
    True
    """
    return parts("forecaster")


def all_choosers() -> dict[str, Any]:
    """All online choosers by name: they take contexts, and the loss of the arm that they chose.

    >>> list(all_choosers())
    ['neural-bandit']
    """
    return parts("bandit")


def __getattr__(name: str) -> Any:
    """Estimators, forecasters and components by their class names, found when first used."""
    if name == "__all__":  # of `from foretell.numbers import *`
        return __dir__()
    if name.startswith("_") or not name[:1].isupper():
        raise AttributeError(f"foretell.numbers has no {name!r}")
    try:
        return find(name, *_KINDS, "component").load()
    except UnknownNameError as error:
        raise AttributeError(f"foretell.numbers has no {name!r}: {error}") from error


def __dir__() -> list[str]:
    classes = [cls.__name__ for kind in _KINDS for cls in parts(kind).values()]
    return sorted([*classes, "all_choosers", "all_estimators", "all_forecasters"])
