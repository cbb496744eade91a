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

from foretell.numbers.registry import all_choosers, all_estimators, all_forecasters, load_class


def __getattr__(name: str) -> Any:
    """Estimators and forecasters by their class names, found when first used."""
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return load_class(name)
    except ValueError as error:
        raise AttributeError(str(error)) from error


def __dir__() -> list[str]:
    classes = [*all_estimators().values(), *all_forecasters().values(), *all_choosers().values()]
    return sorted([*(cls.__name__ for cls in classes), "all_choosers", "all_estimators", "all_forecasters"])
