"""`foretell fit`: fit an estimator to a table and compare it with baselines."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell.cli.common.numbers import Seed, Settings, Share, make, print_json, require_numbers, short, show_scores, words
from foretell.cli.common.options import ReportFile, notice, number, switch
from foretell.cli.common.table_files import DateFormat, Decimal, Delimiter, Encoding, Missing, layout_of, read_and_say
from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.numbers.tables.trial import Trial

EXAMPLES = (
    "foretell fit examples/data/tips.csv --target tip --coverage 0.9",
    "foretell fit table.csv --target price --output model",
)
_ESTIMATOR = "The estimator; `foretell list estimator` shows all. Or a regressor of scikit-learn, such as HistGradientBoostingRegressor."
_COVERAGE = "Coverage of intervals, such as 0.9; most estimators hold out rows to calibrate them (conformal prediction)."
_BUDGET = "Processor time for the candidates of the stacked regressor; slow ones that would exceed it are left out. By default 5."
_TEXT = "Columns of texts, read by the default language model; repeatable."
_CATEGORIES = "Columns to treat as categories though they hold numbers or more than 100 words, separated by commas; repeatable."


def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA.csv", help="The table, with a header line; .tsv files are separated by tabs.")],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")],
    output: Annotated[
        Path | None, number("output", "FOLDER", "Output", "Save the fitted model in this folder, for `foretell predict`.", "-o")
    ] = None,
    estimator: Annotated[str, typer.Option(metavar="NAME", help=_ESTIMATOR, rich_help_panel="Model")] = "stacked-regressor",
    settings: Settings = None,
    coverage: Annotated[float | None, number("coverage", "X", "Model", _COVERAGE)] = None,
    time_budget: Annotated[float | None, number("time-budget", "SECONDS", "Model", _BUDGET)] = None,
    test_share: Share = 0.2,
    seed: Seed = 0,
    drop: Annotated[
        list[str] | None, number("drop", "COLUMN,...", "Columns", "Columns to leave out, such as names, codes and texts; repeatable.")
    ] = None,
    categories: Annotated[list[str] | None, number("categories", "COLUMN,...", "Columns", _CATEGORIES)] = None,
    text: Annotated[list[str] | None, number("text", "COLUMN,...", "Columns", _TEXT)] = None,
    impute: Annotated[
        bool, switch("impute", "Replace missing numbers by the median; a missing category becomes a category of its own.", "Columns")
    ] = False,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    missing: Missing = None,
    report: ReportFile = None,
    as_json: Annotated[bool, switch("json", "Print only JSON.", "Output")] = False,
) -> None:
    """Fit an estimator to a table of numbers, categories, dates and texts, and measure it on held-out rows.

    Ridge regression, boosting and the mean are measured on the same rows. The saved model is the one that was measured;
    `foretell predict FOLDER DATA.csv` predicts with it.
    """
    require_numbers()
    from foretell.reports.page import check_report_path

    check_report_path(report)
    with notice("loading"):
        import pandas as pd

        from foretell.numbers.tables.reading import pick, target_of
        from foretell.numbers.tables.table_encoder import TableEncoder
        from foretell.numbers.tables.trial import measure

        chosen = make(estimator, "estimator", settings or [], seed, not as_json)
        if not hasattr(chosen, "predict"):
            raise UserError(f"--estimator {estimator!r} does not predict numbers; `foretell list estimator` shows those that do")
        if time_budget is not None:
            if "time_budget" not in chosen.get_params(deep=False):
                raise UserError(f"--time-budget is for stacked-regressor, but --estimator is {estimator!r}; leave it out")
            chosen.set_params(time_budget=time_budget)
    named, texts = words(categories), words(text)
    layout = layout_of(delimiter, decimal, encoding, date_format, missing)
    file = read_and_say(data, layout, as_text=[*named, *texts])
    table = file.frame
    y = pd.Series(target_of(table, target), name=target)
    features = table.drop(columns=[target, *pick(table, words(drop), "--drop")])
    if features.shape[1] == 0:
        raise UserError(f"{data} has no column but {target!r}; add columns to predict it from")
    chosen_texts = tuple(pick(features, texts, "--text"))
    encoder = TableEncoder(impute=impute, categories=tuple(pick(features, named, "--categories")), texts=chosen_texts)
    trial = measure(estimator, chosen, encoder, features, y, test_share, coverage, seed)
    trial.model.origin_ = {"seed": seed, "test_share": test_share, "layout": asdict(file.layout)}
    if output is not None:
        from foretell.numbers.saving import save  # here, since torch takes seconds to import

        save(trial.model, output)
    facts = _facts(trial, data, target, estimator, features.shape[1], settings or [], output, file.assumed)
    if report is not None:
        _write_report(report, trial, facts)
    if as_json:
        print_json(facts)
    else:
        _show(trial, facts)


def _facts(
    trial: Trial, data: Path, target: str, estimator: str, columns: int, settings: list[str], output: Path | None, assumed: list[str]
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "data": data.name,
        "assumed": assumed,
        "target": target,
        "estimator": estimator,
        "settings": settings,
        "candidates": getattr(trial.model.estimator_, "report_", {}).get("candidates"),
        "left_out": getattr(trial.model.estimator_, "report_", {}).get("left_out"),
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
    others = f"ridge {ridge['R2']:.1%}, boosting {facts['scores']['boosting']['R2']:.1%}"
    return f"{facts['estimator']} explains {best['R2']:.1%} of the variance of {facts['target']} on {rows}, {others}."


def _show(trial: Trial, facts: dict[str, Any]) -> None:
    if trial.scores:
        show_scores(trial.scores)
        typer.echo(f"\n{_sentence(facts)}")
    else:
        typer.echo(f"{facts['estimator']} was fitted to all {trial.num_fitted} rows; none was held out to measure it on.")
    if facts["candidates"]:
        mixed = {name: each["weight"] for name, each in facts["candidates"].items() if each["weight"] > 0}
        typer.echo("It mixes " + ", ".join(f"{name} {share:.0%}" for name, share in sorted(mixed.items(), key=lambda pair: -pair[1])) + ".")
    if facts["left_out"]:
        typer.echo(f"For {', '.join(facts['left_out'])} there was no time; raise --time-budget to try them too.")
    if trial.interval is not None and trial.covered is not None and trial.mean_width is not None:
        typer.echo(f"Intervals of {trial.coverage:.0%} hold {trial.covered:.1%} of the true values; mean width {short(trial.mean_width)}.")
    if facts["model"] is not None:
        typer.echo(f"The model is in {facts['model']}.")


def _write_report(path: Path, trial: Trial, facts: dict[str, Any]) -> None:
    from foretell.numbers.tables.fit_report import fit_sections
    from foretell.reports.page import write_page

    lead = _sentence(facts) if trial.scores else f"{facts['estimator']}, fitted to all {trial.num_fitted} rows."
    write_page(path, f"Foretell fit · {facts['data']}", fit_sections(trial, facts), lead)
