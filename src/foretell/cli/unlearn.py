"""`foretell unlearn`: remove the influence of training rows from a fitted model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell.cli.common.numbers import print_json
from foretell.cli.common.options import ReportFile, notice, number, switch
from foretell.cli.common.table_files import DateFormat, Decimal, Delimiter, Encoding, Missing, layout_of, read_and_say
from foretell.errors import UserError
from foretell.words import with_article

if TYPE_CHECKING:
    import pandas as pd

    from foretell.numbers.tables.table_regressor import TableRegressor
    from foretell.numbers.unlearning.base import UnlearningMethod
    from foretell.numbers.unlearning.report import UnlearningReport

EXAMPLES = ("foretell unlearn model table.csv --forget rows.csv --output without",)
_FORGET = "The rows to forget: a condition such as 'price<500', or a file with rows of the table, of which some columns suffice."
_METHOD = "The method; `foretell list unlearning-method` shows all. By default blindspot for a network, and retrain for other models."
_FITTED = "The value that was given to `foretell fit`. By default the one that the model's folder keeps."


def unlearn(
    model: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a model that `foretell fit` saved.")],
    data: Annotated[Path, typer.Argument(metavar="DATA.csv", help="The whole table that the model was fitted to.")],
    forget: Annotated[str, typer.Option(metavar="ROWS.csv|CONDITION", help=_FORGET)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Save the new model in this folder.", rich_help_panel="Output")
    ],
    method: Annotated[str | None, number("method", "NAME", "Model", _METHOD)] = None,
    test_share: Annotated[float | None, number("test-share", "X", "Model", _FITTED)] = None,
    seed: Annotated[int | None, number("seed", "N", "Model", _FITTED)] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    missing: Missing = None,
    report: ReportFile = None,
    as_json: Annotated[bool, switch("json", "Print only JSON.", "Output")] = False,
) -> None:
    """Make a model without the influence of some of its training rows. The given model is not changed.

    All methods but `retrain` are approximate. --report measures how well it worked: it compares with a model that is trained without the
    rows, and tries how soon the rows are learnt again, which takes longer than the training did.
    """
    from foretell.reports.page import check_report_path

    check_report_path(report)
    if output.absolute() == model.absolute():
        raise UserError(f"--output {output} is the given model, which is not changed; choose another folder")
    with notice("loading"):
        from foretell.numbers.saving import load, save
        from foretell.numbers.tables.reading import target_of
        from foretell.numbers.tables.table_regressor import TableRegressor
        from foretell.numbers.tables.trial import parted
        from foretell.numbers.torch_regressor import TorchRegressor
        from foretell.numbers.unlearning.choosing import rows_to_forget
        from foretell.numbers.unlearning.unlearn import method_named, unlearn
        from foretell.numbers.unlearning.wrapped import innermost

        fitted = load(model)
        method = method or ("blindspot" if isinstance(innermost(fitted), TorchRegressor) else "retrain")
        chosen = method_named(method)
    if not isinstance(fitted, TableRegressor) or fitted.target_name_ is None:
        raise UserError(
            f"{model} holds {with_article(type(fitted).__name__)} which was not fitted by `foretell fit`; "
            "load it in Python and call unlearn there"
        )
    layout = layout_of(delimiter, decimal, encoding, date_format, missing)
    table = read_and_say(data, layout, fitted.encoder_.words_, fitted.layout_).frame
    truth, mask = target_of(table, fitted.target_name_), rows_to_forget(table, forget)
    seed = int(_of_the_fit("seed", seed, fitted, model))
    kept, held = parted(len(table), _of_the_fit("test_share", test_share, fitted, model), seed)
    if mask.any() and not mask[kept].any():
        raise UserError(f"--forget {forget!r} names only rows that were held out; the model was not trained on them")
    found = unlearn(fitted, table.iloc[kept], truth[kept], mask[kept], chosen, random_state=seed)
    facts: dict[str, Any] = {"model": str(output), "method": method, "forgotten": int(mask[kept].sum()), "held_out": int(mask[held].sum())}
    said = f"{facts['forgotten']} of {len(kept)} rows were unlearned by {method}; {facts['held_out']} more were held out of training."
    if report is not None:
        if len(held) == 0:
            raise UserError("--report needs held-out rows, but all rows were fitted (--test-share 0); remove --report")
        compared = _report(
            fitted, found, (table.iloc[kept], truth[kept], mask[kept]), (table.iloc[held], truth[held], mask[held]), chosen, forget
        )
        compared.write(report)
        facts, said = {**facts, "report": compared.to_dict()}, compared.text()
    found.origin_ = getattr(fitted, "origin_", {})
    save(found, output)
    if as_json:
        print_json(facts)
    else:
        typer.echo(f"{said}\n\nThe new model is in {output}." + ("" if report is None else f" The page is {report}."))


def _of_the_fit(name: str, given: float | None, fitted: TableRegressor, folder: Path) -> float:
    """A value that rows were held out by in fitting: what the folder keeps, or else what is given."""
    option, kept = f"--{name.replace('_', '-')}", getattr(fitted, "origin_", {}).get(name)
    if kept is None and given is None:
        raise UserError(f"{folder} does not keep the {option} of its fit; give it, since it says which rows were held out")
    if kept is not None and given is not None and kept != given:
        raise UserError(f"{option} {given:g}: the model was fitted with {option} {kept:g}, as {folder} says; leave it out")
    return float(given if kept is None else kept)  # type: ignore[arg-type]  # one of them is there


def _report(
    original: TableRegressor,
    unlearned: TableRegressor,
    train: tuple[pd.DataFrame, Any, Any],
    test: tuple[pd.DataFrame, Any, Any],
    method: UnlearningMethod,
    asked: str,
) -> UnlearningReport:
    """The report: on the encoded columns, where the method trains a network; else on tables, and without relearning."""
    import copy

    from foretell.numbers.unlearning.report import UnlearningReport
    from foretell.numbers.unlearning.unlearn import unlearn

    about: dict[str, Any] = {"y": train[1], "forget": train[2], "y_test": test[1], "method": method, "asked": asked}
    about["test_forget"] = test[2] if test[2].any() and not test[2].all() else None
    encoder = copy.deepcopy(original.encoder_).set_params(unseen="ignore")
    if not method.needs_network:
        models = [copy.deepcopy(model) for model in (original, unlearned)]
        for model in models:
            model.encoder_.set_params(unseen="ignore")
        return UnlearningReport(models[0], models[1], models[1], X=train[0], X_test=test[0], relearning_rate=0, **about)
    rows, new = encoder.transform(train[0]), encoder.transform(test[0])
    gold = unlearn(original.estimator_, rows, train[1], train[2], "retrain")
    return UnlearningReport(original.estimator_, unlearned.estimator_, gold, X=rows, X_test=new, **about)
