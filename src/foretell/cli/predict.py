"""`foretell predict`: predict the rows of a table with a model that `foretell fit` saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.numbers import print_json, require_numbers, write_csv
from foretell.cli.common.options import notice, number, switch
from foretell.cli.common.table_files import DateFormat, Decimal, Delimiter, Encoding, Missing, layout_of, read_and_say
from foretell.errors import UserError
from foretell.words import with_article

EXAMPLES = ("foretell predict model table.csv --interval 0.9 --output predictions.csv",)
_UNSEEN = "How to treat categories that were not in the training rows: `error` or `ignore`. By default as the model was fitted."


def predict(
    model: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a model that `foretell fit` saved.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA.csv", help="A table with the columns that the model was fitted to; other columns are ignored.")
    ],
    output: Annotated[
        Path | None, number("output", "FILE.csv", "Output", "Write the predictions to this file instead of standard output.", "-o")
    ] = None,
    interval: Annotated[
        float | None, number("interval", "X", "Output", "Add the ends of an interval of this coverage, such as 0.9.")
    ] = None,
    unseen: Annotated[str | None, number("unseen", "WAY", "Columns", _UNSEEN)] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    missing: Missing = None,
    as_json: Annotated[bool, switch("json", "Print JSON instead of a table.", "Output")] = False,
) -> None:
    """Predict a number for each row of a table.

    The result has one row for each, in the same order: the prediction, and with --interval its lower and upper end. If the table also
    holds the true values, the errors are printed to standard error.
    """
    require_numbers()
    from foretell.files import check_output_path

    check_output_path(output, "--output")
    with notice("loading"):
        import pandas as pd

        from foretell.cli.common.program import say
        from foretell.numbers.saving import load
        from foretell.numbers.tables.reading import numbers_of
        from foretell.numbers.tables.table_regressor import TableRegressor
        from foretell.numbers.tables.trial import scores

        fitted = load(model)
    if not isinstance(fitted, TableRegressor):
        raise UserError(
            f"{model} holds {with_article(type(fitted).__name__)}, which does not predict tables; "
            "load it in Python with foretell.numbers.saving.load"
        )
    if unseen is not None:
        fitted.encoder_.set_params(unseen=unseen)
    layout = layout_of(delimiter, decimal, encoding, date_format, missing)
    table = read_and_say(data, layout, fitted.encoder_.words_, fitted.layout_).frame
    found = pd.DataFrame({"prediction": fitted.predict(table)})
    if interval is not None:
        if not hasattr(fitted, "predict_interval"):
            raise UserError(f"the model {model} predicts no intervals; fit it with --coverage {interval:g}")
        found[["lower", "upper"]] = fitted.predict_interval(table, interval)
    if as_json:
        print_json({"model": str(model), "target": fitted.target_name_, "coverage": interval, **found.to_dict("list")})
    if output is not None or not as_json:
        write_csv(found, output)
    target = fitted.target_name_
    if target is not None and target in table.columns and table[target].notna().all() and len(table) > 1:
        truth = numbers_of(table[target], target)
        parts = [f"{name} {value:.4g}" for name, value in scores(truth, found["prediction"].to_numpy()).items()]
        if interval is not None:
            parts.append(f"{((truth >= found['lower']) & (truth <= found['upper'])).mean():.1%} inside the interval")
        say(f"against the true {target}: {', '.join(parts)}", "dim")
