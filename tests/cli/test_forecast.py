"""`foretell forecast` on two small series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foretell.catalog import name_of
from foretell.cli.common.numbers import words
from foretell.numbers import CombinedForecaster, OLinearForecaster, SeasonalNaive
from tests.cli.tables import write_series

NAIVE = ("--horizon", "6", "--forecaster", "seasonal-naive")


@pytest.fixture
def series(home):
    return write_series(home)


def test_a_row_a_step_with_its_time_and_a_test_beside_the_naive_one(foretell, series, home):
    result = foretell("forecast", str(series), *NAIVE, "--interval", "0.8", "-o", "out.csv", "--report", "out.html")
    assert result.exit_code == 0, result.stderr
    frame = pd.read_csv(home / "out.csv", parse_dates=["time"], index_col="time")
    assert list(frame.columns) == ["north", "north_lower", "north_upper", "south", "south_lower", "south_upper"]
    assert [str(time) for time in frame.index[:2]] == ["2024-01-13 12:00:00", "2024-01-13 13:00:00"]
    rows = pd.read_csv(series)[["north", "south"]].to_numpy()
    expected = SeasonalNaive(24, 6, 24).fit(rows).predict()
    np.testing.assert_allclose(frame[["north", "south"]].to_numpy(), expected)
    assert (frame["north_lower"] < frame["north"]).all()
    assert "intervals of 80% held" in result.stdout
    page = (home / "out.html").read_text()
    for heading in ("Forecast", "Scores", "Error by step of the horizon", "What was run"):
        assert f"<h2>{heading}</h2>" in page


def test_json(foretell, series):
    said = json.loads(foretell("forecast", str(series), *NAIVE, "--columns", "south", "--json").stdout)
    assert (said["series"], said["lag"], said["season"]) == (["south"], 24, 24)
    assert len(said["forecast"]["south"]) == len(said["stamps"]) == 6
    assert said["scores"]["seasonal-naive"]["of naive"] == 1.0


CLOCK = "hour\n" + "\n".join(str(step % 12) for step in range(120)) + "\n"
DAYS = pd.date_range("2024-01-01", periods=120)


@pytest.mark.parametrize("forecaster", [(), ("--forecaster", "window-ridge"), ("--forecaster", "seasonal-naive")])
@pytest.mark.parametrize("text", [CLOCK, "a,b\n" + "5,7\n" * 120, "day,a\n" + "".join(f"{day.date()},{day.dayofweek}\n" for day in DAYS)])
def test_a_naive_forecast_without_error_is_no_division_by_zero(foretell, home, text, forecaster):
    (home / "exact.csv").write_text(text)
    words = ("forecast", "exact.csv", "--horizon", "7", "--interval", "0.8", *forecaster, *(("--season", "12") if text is CLOCK else ()))
    shown = foretell(*words, "-o", "exact.out.csv", "--report", "exact.html")
    assert shown.exit_code == 0, shown.output
    assert "seasonal naive forecast by 0" in shown.stdout
    assert "<h2>Scores</h2>" in (home / "exact.html").read_text()
    said = json.loads(foretell(*words, "--json").stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert said["scores"]["seasonal-naive"] == {"MAE": 0.0, "RMSE": 0.0, "of naive": None}
    if forecaster != ("--forecaster", "window-ridge"):
        assert said["scores"][said["forecaster"]]["MAE"] < 1e-12
    if text is CLOCK:
        assert said["stamps"][:2] == ["120", "121"]


def test_the_default_stands_beside_a_ridge_and_the_naive_forecast(foretell, series):
    said = json.loads(foretell("forecast", str(series), "--horizon", "6", "--columns", "north", "--json").stdout)
    assert said["forecaster"] == name_of(CombinedForecaster)
    assert list(said["scores"]) == [said["forecaster"], "window-ridge", "seasonal-naive"]
    assert sum(said["weights"].values()) == pytest.approx(1)


def test_passengers_are_forecast_better_than_by_the_ridge(foretell):
    """Rolling origins over the last fifth, 12 months ahead; Holt-Winters, refitted each month, errs by 16.9 or more."""
    data = Path(__file__).parents[2] / "examples/data/passengers.csv"
    said = json.loads(foretell("forecast", str(data), "--horizon", "12", "--json").stdout)
    scores = {name: each["MAE"] for name, each in said["scores"].items()}
    assert scores["combined-forecaster"] < scores["window-ridge"] < 17 < scores["seasonal-naive"]


def test_a_network_and_its_settings(foretell, series):
    quick = ("--set", "epochs=1", "--set", "mixer=Mean", "--set", "width=8")
    words = ("--horizon", "6", "--columns", "north", "--forecaster", "olinear-forecaster", *quick)
    said = json.loads(foretell("forecast", str(series), *words, "--json").stdout)
    assert set(said["scores"]) == {name_of(OLinearForecaster), "window-ridge", "seasonal-naive"}


@pytest.mark.parametrize(
    ("head", "stamp", "first", "season"),
    [
        ("year", lambda i: 1950 + i, "2070", 1),
        ("Timestamp", lambda i: 1_700_000_000 + 3600 * i, "2023-11-19 22:13:20", 24),
        ("t", lambda i: (1_700_000_000 + 86_400 * i) * 1000, "2024-03-13 22:13:20", 7),
        ("number", lambda i: i, "120", 1),  # the first column, at even steps
        ("year,month", lambda i: f"{2000 + i // 12},{1 + i % 12}", "2010-01-01 00:00:00", 12),
    ],
)
def test_numbers_that_count_time_are_no_series(foretell, home, head, stamp, first, season):
    rows = "".join(f"{stamp(i)},{i % 5 + 0.1 * (i % 7)}\n" for i in range(120))
    (home / "counted.csv").write_text(f"{head},load\n{rows}")
    shown = foretell("forecast", "counted.csv", "--horizon", "4", "--json", "--report", "counted.html")
    said = json.loads(shown.stdout)
    assert (said["series"], said["stamps"][0], said["season"]) == (["load"], first, season)
    assert "as the time" in shown.stderr
    assert "as the time" in said["assumed"][0]
    also = foretell("forecast", "counted.csv", "--horizon", "4", "--json", "--columns", f"{head},load")
    assert json.loads(also.stdout)["series"] == [*head.split(","), "load"]


def test_series_that_rise_evenly_are_series(foretell, home):
    (home / "rising.csv").write_text("load,total\n" + "".join(f"{i % 5},{3 * i}\n" for i in range(120)))
    assert json.loads(foretell("forecast", "rising.csv", "--horizon", "4", "--json").stdout)["series"] == ["load", "total"]
    (home / "alone.csv").write_text("year\n" + "".join(f"{1900 + i}\n" for i in range(120)))
    assert json.loads(foretell("forecast", "alone.csv", "--horizon", "4", "--json").stdout)["series"] == ["year"]


def test_the_plot_has_dates(foretell, home, series):
    assert foretell("forecast", str(series), *NAIVE, "--report", "dated.html").exit_code == 0
    page = (home / "dated.html").read_text()
    assert "rows from the last known one" not in page
    assert "2024-Jan" in page


def test_without_a_file_the_table_is_all_of_stdout(foretell, series):
    result = foretell("forecast", str(series), *NAIVE)
    assert result.stdout.splitlines()[0] == "time,north,south"
    assert len(result.stdout.splitlines()) == 7
    assert "On held-out rows, seasonal-naive errs by" in result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--horizon", "0", "--forecaster", "seasonal-naive"), "--horizon 0 must be at least 1"),
        (("--horizon", "400", "--forecaster", "seasonal-naive"), "must be at least the horizon of 400"),
        (("--horizon", "6", "--forecaster", "seasonal-naif"), "did you mean 'seasonal-naive'"),
        (("--horizon", "6", "--forecaster", "conformal-forecaster"), "wraps another forecaster; name that one"),
        ((*NAIVE, "--time", "when"), "--time when is no column of the table"),
        ((*NAIVE, "--columns", "noth"), "--columns noth is no column of the table: did you mean 'north'"),
        ((*NAIVE, "--lag", "1000"), "rows are too few for --lag 1000"),
        ((*NAIVE, "--interval", "0.99"), "held out are too few for --interval 0.99 and --horizon 6"),
        ((*NAIVE, "--set", "seasons=2"), "SeasonalNaive has no setting 'seasons': did you mean 'season'"),
        ((*NAIVE, "--test-share", "0"), "--test-share 0 of 300 rows holds out 0"),
    ],
)
def test_mistakes_are_one_line(foretell, series, args, message):
    result = foretell("forecast", str(series), *args)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.iloc[[*range(10), 9, *range(10, 300)]], "comes more than once"),
        (lambda frame: frame.iloc[[1, 0, *range(2, 300)]], "are not in order; sort the rows"),
        (lambda frame: frame.drop(index=100), "not at even steps: 2024-01-05 03:00:00 is followed by 2024-01-05 05:00:00"),
        (lambda frame: frame.assign(north=frame["north"].where(frame.index != 4)), "column 'north', row 5: the value is missing"),
    ],
)
def test_bad_series(foretell, home, series, change, message):
    change(pd.read_csv(series)).to_csv(home / "bad.csv", index=False)
    result = foretell("forecast", "bad.csv", *NAIVE)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_names_with_commas_between():
    assert words(["a, b", "c"]) == ["a", "b", "c"]
    assert words(None) == []
