"""`foretell fit` and `foretell predict` on a small table."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from foretell.numbers.saving import load
from tests.cli.tables import write_table

QUICK = ("--target", "price", "--drop", "id", "--estimator", "histogram-regressor", "--set", "epochs=3", "--set", "body=MLP(widths=(8,))")


@pytest.fixture
def table(home):
    return write_table(home)


def test_scores_beside_baselines_and_a_model_that_is_kept(foretell, table, home):
    args = ("--set", "epochs=40", "--set", "learning_rate=0.02", "--coverage", "0.8", "-o", "model", "--report", "fit.html")
    result = foretell("fit", str(table), *QUICK, *args)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["histogram-regressor", "ridge", "boosting", "mean"]
    assert "on 24 rows held out, ridge" in result.stdout
    assert "Intervals of 80% hold" in result.stdout
    model = load(home / "model")
    assert (model.target_name_, model.encoder_.columns_) == ("price", ["size", "colour"])
    assert (model.estimator_.estimator_.epochs, model.estimator_.estimator_.body.widths) == (40, (8,))
    page = (home / "fit.html").read_text()
    for heading in ("Scores", "Predicted and true values", "Intervals of 80%", "Residuals", "Loss", "What was run"):
        assert f"<h2>{heading}</h2>" in page
    assert sorted(path.name for path in home.iterdir()) == ["fit.html", "houses.csv", "model"]


def test_json_is_all_that_is_printed_and_the_scores_are_those_of_the_model(foretell, table, home):
    said = json.loads(foretell("fit", str(table), *QUICK, "-o", "model", "--json", "--seed", "3").stdout)
    assert (said["rows_fitted"], said["rows_held_out"], said["columns"]) == (96, 24, 2)
    from sklearn.model_selection import train_test_split

    frame = pd.read_csv(table)
    _, held = train_test_split(np.arange(120), test_size=24, random_state=3)
    error = frame["price"].iloc[held] - load(home / "model").predict(frame.iloc[held])
    assert said["scores"]["histogram-regressor"]["MAE"] == pytest.approx(error.abs().mean())
    assert said["interval"]["asked"] == 0.9


def test_the_same_seed_gives_the_same_model(foretell, table, home):
    for name in ("a", "b"):
        assert foretell("fit", str(table), *QUICK, "-o", name, "--json").exit_code == 0
    frame = pd.read_csv(table)
    np.testing.assert_array_equal(load(home / "a").predict(frame), load(home / "b").predict(frame))


def test_all_rows_may_be_fitted(foretell, table):
    result = foretell("fit", str(table), *QUICK, "--test-share", "0")
    assert "fitted to all 120 rows; none was held out" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--target", "prise"), "--target prise is no column of the table: did you mean 'price'"),
        (("--target", "colour"), "the target 'colour' holds words"),
        (("--target", "price"), "column 'id' has 120 different values in 120 rows, such as 'h0'"),
        ((*QUICK, "--time-budget", "3"), "--time-budget is for stacked-regressor, but --estimator is 'histogram-regressor'"),
        (("--target", "price", "--estimator", "histogram-regresor"), "did you mean 'histogram-regressor'"),
        (("--target", "price", "--set", "fold=3"), "StackedRegressor has no setting 'fold': did you mean 'folds'"),
        ((*QUICK, "--set", "epoch=3"), "HistogramRegressor has no setting 'epoch': did you mean 'epochs'"),
        (("--target", "price", "--drop", "idd"), "--drop='idd' is no column of the table: did you mean 'id'"),
        (("--target", "price", "--drop", "id,size,colour"), "has no column but 'price'"),
        (("--target", "price", "--categories", "size2"), "--categories='size2' is no column"),
        ((*QUICK, "--test-share", "0.999"), "hold out at least two and leave two"),
        ((*QUICK, "--test-share", "1.5"), "--test-share 1.5 must be"),
        ((*QUICK, "--coverage", "0.99"), "held out are too few for --coverage 0.99, which needs 99"),
        ((*QUICK, "--coverage", "90"), "--coverage 90.0 must lie between 0 and 1"),
        ((*QUICK, "--report", "absent/fit.html"), "does not exist; create it first"),
    ],
)
def test_mistakes_are_one_line(foretell, table, args, message):
    result = foretell("fit", str(table), *args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("size,price\n", "has a head but no rows"),
        ("size,price\n1,2\n", "has one row"),
        ("size,price\n1,2\n2,2\n3,2\n", "is 2 in all 3 rows; there is nothing to learn"),
        ("size,size,price\n1,1,2\n", "has two columns called 'size'"),
        ("size,price\n1,2\n2,\n3,4\n", "column 'price', row 2: the value is missing"),
        ("size,price\n1,2\ninf,3\n3,4\n4,5\n5,6\n", "column 'size', row 2: inf is no finite number"),
        ("size,price\n1,2\n,3\n3,4\n4,5\n5,6\n", "column 'size', row 2: the value is missing"),
        ("size,price\n1,2\n2,3\n3,4\n4,5\nbig,6\n", "column 'size', row 5: 'big' is no number, but 80% of the column are"),
    ],
)
def test_bad_tables(foretell, home, text, message):
    (home / "bad.csv").write_text(text)
    result = foretell("fit", "bad.csv", "--target", "price")
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_the_default_mixes_candidates_and_says_what_of_the_file_was_assumed(foretell, table, home):
    frame = pd.read_csv(table).drop(columns="id").assign(day=lambda rows: pd.date_range("2024-01-01", periods=len(rows)))
    frame.to_csv(home / "h.csv", sep=";", decimal=",", date_format="%d.%m.%Y", encoding="latin-1")
    result = foretell("fit", "h.csv", "--target", "price", "--time-budget", "0.01", "--set", "folds=2", "-o", "model")
    assert result.exit_code == 0, result.stderr
    assert "h.csv was read with ';' between cells (--delimiter); its first column" in result.stderr
    assert "decimal commas (--decimal); column 'day' as dates with the day first (--date-format)" in result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()[1:5]] == ["stacked-regressor", "ridge", "boosting", "mean"]
    assert "It mixes ridge" in result.stdout
    assert "there was no time" in result.stdout
    assert "Intervals of 90% hold" in result.stdout
    model = load(home / "model")
    assert model.origin_["seed"] == 0
    assert (model.layout_.decimal, model.layout_.day_first) == (",", True)
    (home / "new.csv").write_text('size,colour,day\n"0,125",red,01/02/2024\n')
    plain = foretell("predict", "model", "new.csv").stdout
    (home / "new.csv").write_text("size,colour,day\n0.125,red,2024-02-01\n")
    assert foretell("predict", "model", "new.csv").stdout == plain


def test_boosting_of_scikit_learn_with_intervals(foretell, table, home):
    args = ("--target", "price", "--drop", "id", "--estimator", "HistGradientBoostingRegressor", "--set", "max_iter=9", "--coverage", "0.8")
    assert foretell("fit", str(table), *args, "-o", "model").exit_code == 0
    found = foretell("predict", "model", str(table), "--interval", "0.8")
    assert (found.exit_code, len(found.stdout.splitlines())) == (0, 121)


@pytest.mark.parametrize("unit", [1e300, 1e-300, 1e9])
def test_any_unit_of_the_target(foretell, table, home, unit):
    frame = pd.read_csv(table).drop(columns="id")
    frame.assign(price=frame["price"] * unit).to_csv(home / "far.csv", index=False)
    said = foretell("fit", "far.csv", "--target", "price", "--time-budget", "0.01", "--set", "folds=2", "--json")
    found = json.loads(said.stdout, parse_constant=lambda word: pytest.fail(word))["scores"]
    assert found["stacked-regressor"]["R2"] > 0.9
    assert found["ridge"]["RMSE"] == pytest.approx(0.3 * unit, rel=0.5)
