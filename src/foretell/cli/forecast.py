"""`foretell forecast`: the next rows of series, with a test on the last ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from foretell.cli.common.numbers import Seed, Settings, Share, make, show_scores, words, write_csv
from foretell.cli.common.options import ReportFile, notice, number, switch
from foretell.errors import UserError

_FORECASTER = "By the name that `foretell list forecaster` shows."
_TIME = "The column of time stamps; the only column of dates where none is named, and rows are steps where there is none."
_LAG = "Rows that a forecast looks at; twice the horizon where none is given, fewer where rows are few."
_SEASON = "Rows of a season, for the seasonal naive forecast; from the steps of time where none is given."


def forecast(
    data: Annotated[Path, typer.Argument(metavar="DATA.csv", help="A row a time step and a column a series, with a head.")],
    horizon: Annotated[int, typer.Option(metavar="N", help="Rows to forecast.")],
    output: Annotated[Path | None, number("output", "FILE.csv", "Output", "Write there, in place of the terminal.", "-o")] = None,
    forecaster: Annotated[str, typer.Option(metavar="NAME", help=_FORECASTER, rich_help_panel="Model")] = "olinear-forecaster",
    lag: Annotated[int | None, number("lag", "N", "Model", _LAG)] = None,
    settings: Settings = None,
    season: Annotated[int | None, number("season", "N", "Model", _SEASON)] = None,
    interval: Annotated[float | None, number("interval", "X", "Model", "Give intervals of this coverage too, such as 0.9.")] = None,
    test_share: Share = 0.2,
    seed: Seed = 0,
    time: Annotated[str | None, number("time", "COLUMN", "Columns", _TIME)] = None,
    columns: Annotated[list[str] | None, number("columns", "COLUMN,...", "Columns", "Which series; all where none is named.")] = None,
    report: ReportFile = None,
    as_json: Annotated[bool, switch("json", "Print nothing but JSON.", "Output")] = False,
) -> None:
    """Forecast the next rows of one or more series.

    The forecaster is measured on the last part of the rows, from each of their windows, beside repeating the last season; then it is
    fitted to all rows. The result has a row for each step, with its time stamp, and with --interval lower and upper ends.
    """
    from foretell.files import check_output_path
    from foretell.reports.page import check_report_path

    check_output_path(output, "--output")
    check_report_path(report)
    with notice("loading"):
        from foretell.catalog import name_of
        from foretell.numbers.tables.backtest import backtest, season_of, with_intervals
        from foretell.numbers.tables.series import read_series

        made = make(forecaster, "forecaster", settings or [], seed, not as_json)
        name = name_of(type(made))
    if horizon < 1:
        raise UserError(f"--horizon {horizon} must be at least 1")
    series = read_series(data, time, words(columns))
    season = season or season_of(series.index)
    known = made.get_params(deep=False)
    if "lag" not in known:
        raise UserError(f"--forecaster {name!r} wraps another one; name that one, and --interval for intervals")
    lag = lag or _lag(len(series), horizon, season, test_share, interval)
    given = {"lag": lag, "horizon": horizon, **({"season": min(season, lag)} if known.get("season") == 1 else {})}
    made.set_params(**given)
    tested = backtest(name, made, series, test_share, min(season, lag), interval)
    model = with_intervals(made, interval).fit(series)
    said = model.predict()
    ends = None if interval is None else model.predict_interval()
    facts: dict[str, Any] = {
        "data": data.name,
        "forecaster": name,
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
        import json

        stamps = [str(stamp) for stamp in frame.index]
        typer.echo(json.dumps({**facts, "stamps": stamps, "forecast": frame.to_dict("list")}))
    if output is not None or not as_json:
        write_csv(frame, output)
    if not as_json:
        _say(tested.scores, facts, to_stderr=output is None)


def _lag(rows: int, horizon: int, season: int, test_share: float, interval: float | None) -> int:
    """Twice the horizon and at least a season, but leaving as many windows to learn from as a window is long."""
    kept = rows * (1 - test_share) * (1 if interval is None else 0.75)
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
    text = (
        f"On rows held out, {facts['forecaster']} errs by {ours['MAE']:.4g} on average, {ours['of naive']:.0%} of the seasonal naive error"
    )
    covered = facts["interval"] and facts["interval"]["covered_in_test"]
    return f"{text}; intervals of {facts['interval']['asked']:.0%} held {covered:.1%}." if covered is not None else f"{text}."


def _say(scores: Any, facts: dict[str, Any], to_stderr: bool) -> None:
    """The test's result: beside the forecast where that went to a file, else apart from it on stderr."""
    from foretell.cli.common.program import say

    if to_stderr:
        say(_sentence(facts), "dim")
    else:
        show_scores(scores)
        typer.echo(f"\n{_sentence(facts)}")
