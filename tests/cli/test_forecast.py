"""`foretell forecast` on two small series."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from foretell.catalog import name_of
from foretell.cli.common.numbers import words
from foretell.numbers import OLinearForecaster, SeasonalNaive
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


def test_a_season_without_noise_leaves_nothing_to_compare_with(foretell, home):
    (home / "clock.csv").write_text("hour\n" + "\n".join(str(step % 12) for step in range(120)) + "\n")
    said = json.loads(foretell("forecast", "clock.csv", *NAIVE, "--season", "12", "--json").stdout)
    assert said["scores"]["seasonal-naive"] == {"MAE": 0.0, "RMSE": 0.0}
    assert said["forecast"]["hour"] == [0, 1, 2, 3, 4, 5]
    assert said["stamps"] == ["120", "121", "122", "123", "124", "125"]


def test_the_default_forecaster_and_its_settings(foretell, series):
    quick = ("--set", "epochs=1", "--set", "mixer=Mean", "--set", "width=8")
    said = json.loads(foretell("forecast", str(series), "--horizon", "6", "--columns", "north", *quick, "--json").stdout)
    assert said["forecaster"] == name_of(OLinearForecaster)
    assert set(said["scores"]) == {said["forecaster"], "seasonal-naive"}


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
        ((*NAIVE, "--lag", "1000"), "rows are too few for lag=1000"),
        ((*NAIVE, "--interval", "0.99"), "held out are too few for coverage=0.99 and horizon=6"),
        ((*NAIVE, "--set", "seasons=2"), "SeasonalNaive has no setting 'seasons': did you mean 'season'"),
        ((*NAIVE, "--test-share", "0"), "test_share=0 of 300 rows holds out 0"),
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
