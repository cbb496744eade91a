"""`foretell forecast`: forecast the next rows of series, with a backtest on the last ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from foretell.cli.common.numbers import Seed, Settings, Share, make, print_json, require_numbers, show_scores, words, write_csv
from foretell.cli.common.options import ReportFile, notice, number, switch
from foretell.cli.common.table_files import DateFormat, Decimal, Delimiter, Encoding, Missing, layout_of, read_and_say
from foretell.errors import UserError

EXAMPLES = ("foretell forecast examples/data/passengers.csv --time month --horizon 12 --interval 0.9",)
_FORECASTER = "The forecaster; by default the best of several, weighted by a backtest. `foretell list forecaster` shows all."
_TIME = "The column of time stamps. By default the only column of dates, or one of numbers that count time; without one, rows are numbered."
_LAG = "Number of rows that a forecast uses. By default twice the horizon, fewer for short series."
_SEASON = "Number of rows of a season, for the seasonal naive forecast. By default taken from the spacing of the time stamps."


def forecast(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA.csv", help="The table, with a row for each time step, a column for each series, and a header line."),
    ],
    horizon: Annotated[int, typer.Option(metavar="N", help="Number of rows to forecast.")],
    output: Annotated[
        Path | None, number("output", "FILE.csv", "Output", "Write the forecast to this file instead of standard output.", "-o")
    ] = None,
    forecaster: Annotated[str, typer.Option(metavar="NAME", help=_FORECASTER, rich_help_panel="Model")] = "combined-forecaster",
    lag: Annotated[int | None, number("lag", "N", "Model", _LAG)] = None,
    settings: Settings = None,
    season: Annotated[int | None, number("season", "N", "Model", _SEASON)] = None,
    interval: Annotated[float | None, number("interval", "X", "Model", "Add intervals of this coverage, such as 0.9.")] = None,
    test_share: Share = 0.2,
    seed: Seed = 0,
    time: Annotated[str | None, number("time", "COLUMN", "Columns", _TIME)] = None,
    columns: Annotated[list[str] | None, number("columns", "COLUMN,...", "Columns", "The series to forecast; by default all.")] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    missing: Missing = None,
    report: ReportFile = None,
    as_json: Annotated[bool, switch("json", "Print only JSON.", "Output")] = False,
) -> None:
    """Forecast the next rows of one or more series.

    The forecaster is first measured on all windows of the last part of the rows, beside a ridge regression on windows and the seasonal
    naive forecast, and then fitted to all rows. By default several are weighted by how well they
    forecast before that part. The result has a row for each step, with its time stamp, and with --interval the lower and upper ends.
    """
    require_numbers()
    from foretell.files import check_output_path
    from foretell.reports.page import check_report_path

    check_output_path(output, "--output")
    check_report_path(report)
    with notice("loading"):
        from foretell.catalog import name_of
        from foretell.cli.common.program import say
        from foretell.numbers.forecasters.combined_forecaster import CombinedForecaster
        from foretell.numbers.tables.backtest import backtest, season_of, with_intervals
        from foretell.numbers.tables.series import series_of

        made = make(forecaster, "forecaster", settings or [], seed, not as_json)
        name = name_of(type(made))
    if horizon < 1:
        raise UserError(f"--horizon {horizon} must be at least 1")
    file = read_and_say(data, layout_of(delimiter, decimal, encoding, date_format, missing))
    series = series_of(file.frame, time, words(columns))
    assumed = [*file.assumed, *filter(None, [series.attrs["assumed"]])]
    if series.attrs["assumed"]:
        say(f"{data.name} was read with {series.attrs['assumed']}", "dim")
    season = season or season_of(series.index)
    known = made.get_params(deep=False)
    if "lag" not in known:
        raise UserError(f"--forecaster {name!r} wraps another forecaster; name that one, and use --interval for intervals")
    lag = lag or _lag(len(series), horizon, season, test_share, interval)
    given = {"lag": lag, "horizon": horizon, **({"season": min(season, lag)} if known.get("season") == 1 else {})}
    made.set_params(**given)
    tested = backtest(name, made, series, test_share, min(season, lag), interval)
    model = with_intervals(made, interval).fit(series)
    inner = model if interval is None else model.forecaster_
    said = model.predict()
    ends = None if interval is None else model.predict_interval()
    facts: dict[str, Any] = {
        "data": data.name,
        "assumed": assumed,
        "forecaster": name,
        "weights": inner.weights_ if isinstance(inner, CombinedForecaster) else None,
        "settings": settings or [],
        "series": list(series.columns),
        "rows": len(series),
        "lag": lag,
        "horizon": horizon,
        "season": season,
        "scores": tested.scores,
        "interval": None if interval is None else {"asked": interval, "covered_in_test": tested.covered},
    }
    frame = _frame(series, said, ends)
    if report is not None:
        from foretell.numbers.tables.forecast_report import forecast_sections
        from foretell.reports.page import write_page

        title = f"Foretell forecast · {data.name}"
        write_page(report, title, forecast_sections(series, said, ends, tested, model, facts), _sentence(facts))
    if as_json:
        print_json({**facts, "stamps": [str(stamp) for stamp in frame.index], "forecast": frame.to_dict("list")})
    if output is not None or not as_json:
        write_csv(frame, output)
    if not as_json:
        _say(tested.scores, facts, to_stderr=output is None)


def _lag(rows: int, horizon: int, season: int, test_share: float, interval: float | None) -> int:
    """Twice the horizon and at least a season, but not so long that fewer windows remain for training than a window has rows, where a part
    of them is held out to compare forecasters and to set the width of intervals."""
    kept = rows * (1 - test_share) * (1 if interval is None else 0.75)
    kept -= max(0.2 * kept, horizon)
    return max(1, min(max(2 * horizon, season), int(kept - horizon) // 2))


def _frame(series: Any, said: Any, ends: Any) -> Any:
    import pandas as pd

    from foretell.numbers.tables.series import stamps_after

    index = stamps_after(series, len(said)).rename(series.index.name or "step")
    found = {}
    for place, name in enumerate(series.columns):
        found[name] = said[:, place]
        if ends is not None:
            found[f"{name}_lower"], found[f"{name}_upper"] = ends[:, place].T
    return pd.DataFrame(found, index=index)


def _sentence(facts: dict[str, Any]) -> str:
    ours = facts["scores"][facts["forecaster"]]
    known = ours["of naive"] == ours["of naive"]  # NaN where the naive forecast is exact
    share = f", {ours['of naive']:.0%} of the seasonal naive error" if known else ", and the seasonal naive forecast by 0"
    text = f"On held-out rows, {facts['forecaster']} errs by {ours['MAE']:.4g} on average{share}"
    covered = facts["interval"] and facts["interval"]["covered_in_test"]
    return f"{text}; intervals of {facts['interval']['asked']:.0%} held {covered:.1%}." if covered is not None else f"{text}."


def _say(scores: Any, facts: dict[str, Any], to_stderr: bool) -> None:
    """Print the backtest's result: to standard output where the forecast went to a file, else to standard error."""
    from foretell.cli.common.program import say

    if to_stderr:
        say(_sentence(facts), "dim")
    else:
        show_scores(scores)
        typer.echo(f"\n{_sentence(facts)}")
