"""Shared by the verbs for tables and series: options, making estimators, tables on the terminal, CSV files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell.cli.common.options import number
from foretell.parts import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

Settings = Annotated[
    list[str] | None,
    number(
        "set",
        "NAME=VALUE",
        "Model",
        "A setting of the estimator or of a component: epochs=200, target=HLGauss, target.sigma_to_bin=0.5; repeatable.",
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of the held-out rows and of the fit.", rich_help_panel="Model")]
Share = Annotated[float, typer.Option(metavar="X", help="Share of the rows that is held out for measuring.", rich_help_panel="Model")]


def require_numbers() -> None:
    """Raise MissingPackageError, with the install command, where the extra for tables and series is not installed."""
    import foretell.numbers  # noqa: F401


def make(name: str, kind: str, settings: Sequence[str], seed: int, show: bool) -> Any:
    """The estimator or forecaster of that name with these settings. show: print its progress, where it is ours and can."""
    from foretell.catalog import find
    from foretell.numbers.settings import apply_settings

    given: dict[str, Any] = {"random_state": seed}
    try:
        made = find(name, kind).load()()
        given["verbose"] = show
    except UnknownNameError:
        made = _of_sklearn(name) if kind == "estimator" else None
        if made is None:
            raise
    known = made.get_params(deep=False)
    made.set_params(**{key: value for key, value in given.items() if key in known})
    return apply_settings(made, settings)


def _of_sklearn(name: str) -> Any:
    """The regressor of scikit-learn with this class name, or None."""
    from sklearn.utils import all_estimators

    cls = dict(all_estimators(type_filter="regressor")).get(name)
    return None if cls is None else cls()


def words(text: Sequence[str] | None) -> list[str]:
    """Names from repeated options, each of which may hold several with commas between."""
    return [name.strip() for each in text or () for name in each.split(",") if name.strip()]


def show_scores(scores: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table with a row for each name and a column for each score; the first row is highlighted."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for name in next(iter(scores.values())):
        table.add_column(name, justify="right")
    for place, (name, values) in enumerate(scores.items()):
        table.add_row(name, *(short(value) for value in values.values()), style="bold green" if place == 0 else "")
    Console(highlight=False).print(table)


def finite(value: Any) -> Any:
    """The value as JSON can hold it: numbers that are not finite become None.

    >>> finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def short(value: float) -> str:
    """A number with four significant digits.

    >>> short(0.91234), short(12345.6), short(0.00001), short(float("nan"))
    ('0.9123', '12,346', '1e-05', '-')
    """
    if value != value:
        return "-"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def print_json(value: Any) -> None:
    """Print as JSON on one line. JSON has no NaN and no infinity; they become null."""
    import json

    typer.echo(json.dumps(finite(value), allow_nan=False))


def write_csv(frame: pd.DataFrame, path: Path | None) -> None:
    """Write a table to a file, atomically, or to standard output."""
    from foretell.files import write_text

    text = frame.to_csv(index=frame.index.name is not None, lineterminator="\n")
    if path is None:
        typer.echo(text, nl=False)
    else:
        write_text(path, text)
