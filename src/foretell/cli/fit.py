"""`foretell fit`: fit an estimator to a table and compare it with baselines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell.cli.common.numbers import Seed, Settings, Share, make, require_numbers, short, show_scores, words
from foretell.cli.common.options import ReportFile, notice, number, switch
from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.numbers.tables.trial import Trial

EXAMPLES = (
    "foretell fit examples/data/tips.csv --target tip --coverage 0.9",
    "foretell fit table.csv --target price --output model",
)
_ESTIMATOR = "The estimator; `foretell list estimator` shows all."
_COVERAGE = "Calibrate conformal intervals of this coverage, such as 0.9, on held-out rows."
_CATEGORIES = "Numeric columns to treat as categories, separated by commas; repeatable."


def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA.csv", help="The table, with a header line; .tsv files are separated by tabs.")],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")],
    output: Annotated[
        Path | None, number("output", "FOLDER", "Output", "Save the fitted model in this folder, for `foretell predict`.", "-o")
    ] = None,
    estimator: Annotated[str, typer.Option(metavar="NAME", help=_ESTIMATOR, rich_help_panel="Model")] = "histogram-regressor",
    settings: Settings = None,
    coverage: Annotated[float | None, number("coverage", "X", "Model", _COVERAGE)] = None,
    test_share: Share = 0.2,
    seed: Seed = 0,
    drop: Annotated[
        list[str] | None, number("drop", "COLUMN,...", "Columns", "Columns to leave out, such as names, codes and texts; repeatable.")
    ] = None,
    categories: Annotated[list[str] | None, number("categories", "COLUMN,...", "Columns", _CATEGORIES)] = None,
    impute: Annotated[
        bool, switch("impute", "Replace missing numbers by the median; a missing category becomes a category of its own.", "Columns")
    ] = False,
    report: ReportFile = None,
    as_json: Annotated[bool, switch("json", "Print only JSON.", "Output")] = False,
) -> None:
    """Fit an estimator to a table of numbers and categories, and measure it on held-out rows.

    Ridge regression and the mean are measured on the same rows. The saved model is the one that was measured;
    `foretell predict FOLDER DATA.csv` predicts with it.
    """
    require_numbers()
    from foretell.reports.page import check_report_path

    check_report_path(report)
    with notice("loading"):
        import pandas as pd

        from foretell.numbers.saving import save
        from foretell.numbers.tables.reading import pick, read_table, target_of
        from foretell.numbers.tables.table_encoder import TableEncoder
        from foretell.numbers.tables.trial import measure

        chosen = make(estimator, "estimator", settings or [], seed, not as_json)
        if not hasattr(chosen, "predict"):
            raise UserError(f"--estimator {estimator!r} does not predict numbers; `foretell list estimator` shows those that do")
    named = words(categories)
    table = read_table(data, as_text=named)
    y = pd.Series(target_of(table, target), name=target)
    features = table.drop(columns=[target, *pick(table, words(drop), "--drop")])
    if features.shape[1] == 0:
        raise UserError(f"{data} has no column but {target!r}; add columns to predict it from")
    encoder = TableEncoder(impute=impute, categories=tuple(pick(features, named, "--categories")))
    trial = measure(estimator, chosen, encoder, features, y, test_share, coverage, seed)
    if output is not None:
        save(trial.model, output)
    facts = _facts(trial, data, target, estimator, features.shape[1], settings or [], output)
    if report is not None:
        _write_report(report, trial, facts)
    if as_json:
        import json

        typer.echo(json.dumps(facts))
    else:
        _show(trial, facts)


def _facts(trial: Trial, data: Path, target: str, estimator: str, columns: int, settings: list[str], output: Path | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "data": data.name,
        "target": target,
        "estimator": estimator,
        "settings": settings,
        "columns": columns,
        "rows_fitted": trial.num_fitted,
        "rows_held_out": len(trial.truth),
        "scores": trial.scores,
        "interval": None,
        "model": None if output is None else str(output),
    }
    if trial.interval is not None:
        facts["interval"] = {"asked": trial.coverage, "covered": trial.covered, "mean_width": trial.mean_width}
    return facts


def _sentence(facts: dict[str, Any]) -> str:
    best, ridge = facts["scores"][facts["estimator"]], facts["scores"]["ridge"]
    rows = f"{facts['rows_held_out']} rows held out"
    return f"{facts['estimator']} explains {best['R2']:.1%} of the variance of {facts['target']} on {rows}, ridge {ridge['R2']:.1%}."


def _show(trial: Trial, facts: dict[str, Any]) -> None:
    if trial.scores:
        show_scores(trial.scores)
        typer.echo(f"\n{_sentence(facts)}")
    else:
        typer.echo(f"{facts['estimator']} was fitted to all {trial.num_fitted} rows; none was held out to measure it on.")
    if trial.interval is not None and trial.covered is not None and trial.mean_width is not None:
        typer.echo(f"Intervals of {trial.coverage:.0%} hold {trial.covered:.1%} of the true values; mean width {short(trial.mean_width)}.")
    if facts["model"] is not None:
        typer.echo(f"The model is in {facts['model']}.")


def _write_report(path: Path, trial: Trial, facts: dict[str, Any]) -> None:
    from foretell.numbers.tables.fit_report import fit_sections
    from foretell.reports.page import write_page

    lead = _sentence(facts) if trial.scores else f"{facts['estimator']}, fitted to all {trial.num_fitted} rows."
    write_page(path, f"Foretell fit · {facts['data']}", fit_sections(trial, facts), lead)
