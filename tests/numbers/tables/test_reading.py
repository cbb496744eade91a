"""Tables and series from files: what is read, and that each fault is said by column, row and value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import check_estimator

from foretell.errors import UserError
from foretell.models.tiny import TinyModel
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.saving import load, save
from foretell.numbers.tables.backtest import season_of
from foretell.numbers.tables.reading import numbers_of, read_table, target_of, words_of
from foretell.numbers.tables.series import read_series, stamps_after
from foretell.numbers.tables.table_encoder import TableEncoder
from foretell.numbers.tables.table_regressor import TableRegressor


@pytest.fixture
def file(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_numbers_words_and_missing_cells(file):
    frame = read_table(file("\ufeffsize, colour,rooms\n1.5,red,2\n,blue,3\n"))
    assert list(frame.columns) == ["size", "colour", "rooms"]
    assert frame["size"].isna().tolist() == [False, True]
    assert frame["colour"].tolist() == ["red", "blue"]
    assert read_table(file("zip,b\n01234,1\n"), as_text=["zip", "absent"])["zip"].tolist() == ["01234"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line must name the columns"),
        ("\n\n", "is empty"),
        ("a,b\n", "has a head but no rows"),
        ("a,b,a\n1,2,3\n", "has two columns called 'a'"),
        ("a,,b\n1,2,3\n", "has no name for column 2"),
        ("a,b\n1,2\n1,2,3\n", "is no table: .*line 3"),
        ("a,b\n1,2,3\n4,5,6\n", "has more cells in its rows than names in its head"),
    ],
)
def test_files_that_are_no_tables(file, text, message):
    with pytest.raises(ValueError, match=message):
        read_table(file(text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="is not a file"):
        read_table(tmp_path / "absent.csv")
    (tmp_path / "nul.csv").write_bytes(b"a\0,b\n1,2\n")
    with pytest.raises(UserError, match="holds NUL bytes, so it is no table of text"):
        read_table(tmp_path / "nul.csv")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, "twelve", 3.0], "column 'size', row 2: 'twelve' is no number; correct it"),
        ([1.0, "x", "y"], r"row 2: 'x' is no number \(2 of 3 are not\)"),
        ([1.0, np.inf], "column 'size', row 2: inf is no finite number"),
        ([1.0, None, None], r"column 'size', row 2: the value is missing, NaN \(2 are\)"),
    ],
)
def test_what_is_no_number(values, message):
    with pytest.raises(ValueError, match=message):
        numbers_of(pd.Series(values), "size")


def test_targets():
    frame = pd.DataFrame({"price": [1.0, 2.0], "same": [3, 3], "kind": ["a", "b"]})
    assert target_of(frame, "price").tolist() == [1.0, 2.0]
    for name, message in {
        "prise": "target='prise' is no column of the table: did you mean 'price'",
        "same": "the target 'same' is 3 in all 2 rows; there is nothing to learn",
        "kind": "the target 'kind' holds words, such as 'a'",
    }.items():
        with pytest.raises(ValueError, match=message):
            target_of(frame, name)
    with pytest.raises(ValueError, match="has one row"):
        target_of(frame.iloc[:1], "price")


def test_a_text_in_a_column_of_numbers_is_not_taken_for_a_category():
    column = pd.Series(["1", "2", "3", "4", "five"], dtype=object)
    with pytest.raises(ValueError, match="column 'size', row 5: 'five' is no number, but 80% of the column are"):
        words_of(column, "size")
    assert words_of(column, "size", asked=True).tolist() == ["1", "2", "3", "4", "five"]


TABLE = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "colour": ["red", "blue", "red", "blue"], "rooms": [1, 2, 3, 4]})


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_encoding(kind):
    table = TABLE if kind == "pandas" else pl.DataFrame(TABLE.to_dict("list"))
    encoder = TableEncoder().fit(table)
    assert encoder.get_feature_names_out().tolist() == ["size", "rooms", "colour_blue", "colour_red"]
    assert encoder.transform(table)[:2].tolist() == [[1.0, 1.0, 0.0, 1.0], [2.0, 2.0, 1.0, 0.0]]
    more = TABLE.assign(other="x")[["other", "rooms", "colour", "size"]]
    np.testing.assert_array_equal(encoder.transform(more), encoder.transform(TABLE))


def test_numbers_as_categories_and_imputation():
    encoder = TableEncoder(categories=("rooms",), impute=True)
    table = TABLE.assign(size=[1.0, np.nan, 3.0, 5.0], colour=["red", None, "red", "blue"])
    found = pd.DataFrame(encoder.fit_transform(table), columns=encoder.get_feature_names_out())
    assert found["size"].tolist() == [1.0, 3.0, 3.0, 5.0]
    assert found["colour_(missing)"].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert found["rooms_2"].tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("made", [TableEncoder(), TableRegressor(Ridge())], ids=["encoder", "regressor"])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_contract(made):
    """Arrays too are tables; each declared exception has its reason beside the class."""
    results = check_estimator(made, expected_failed_checks=dict(made.CHECKS_NOT_MET), on_skip=None)
    assert {result["check_name"] for result in results if result["status"] == "xfail"} == set(made.CHECKS_NOT_MET)


def test_unseen_categories():
    new = TABLE.assign(colour=["red", "blue", "green", "pink"])
    with pytest.raises(ValueError, match="column 'colour', row 3: the category 'green' was not there in fitting"):
        TableEncoder().fit(TABLE).transform(new)
    found = TableEncoder(unseen="ignore").fit(TABLE).transform(new)
    assert found[2, 2:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("settings", "table", "message"),
    [
        ({"unseen": "drop"}, TABLE, "unseen='drop' must be"),
        ({"categories": ("color",)}, TABLE, "did you mean 'colour'"),
        ({"most_categories": 1}, TABLE, "column 'colour' has 2 different values in 4 rows, such as 'red'"),
        ({}, TABLE.assign(size=[1.0, np.nan, 1.0, 1.0]), "column 'size', row 2: the value is missing"),
        ({}, TABLE.assign(size=[1.0, np.inf, 1.0, 1.0]), "column 'size', row 2: inf"),
        ({"impute": True}, TABLE.assign(size=[1.0, np.inf, 1.0, 1.0]), "column 'size', row 2: inf"),
        ({}, TABLE.assign(colour=["red", None, "red", "red"]), "column 'colour', row 2: the category is missing"),
    ],
)
def test_tables_that_cannot_be_encoded(settings, table, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(**settings).fit(table)


def test_a_declared_category_may_have_any_number_of_levels():
    table = pd.DataFrame({"k": [f"level {i}" for i in range(120)], "x": np.arange(120.0)})
    with pytest.raises(ValueError, match=r"leave it out \(--drop\).*--text.*--categories"):
        TableEncoder().fit(table)
    assert TableEncoder(categories=("k",)).fit_transform(table).shape == (120, 121)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.date_range("2024-01-01", periods=4), "the target 'y' holds dates; write it as a number"),
        (["yes", "no", "no", "yes"], "the target 'y' holds words, such as 'yes'"),
        (["1", "no", "2", "3"], "column 'y', row 2: 'no' is no number; correct it"),
    ],
)
def test_targets_that_are_no_numbers(values, message):
    with pytest.raises(ValueError, match=message):
        target_of(pd.DataFrame({"y": values}), "y")


def test_other_columns_than_in_fitting():
    encoder = TableEncoder().fit(TABLE)
    with pytest.raises(ValueError, match="the fitted column='colour' is no column of the table"):
        encoder.transform(TABLE.drop(columns="colour"))
    with pytest.raises(ValueError, match="column 'size', row 1: 'big' is no number"):
        encoder.transform(TABLE.assign(size="big"))


def test_a_regressor_of_tables_is_saved_and_has_intervals_where_its_estimator_has(tmp_path):
    table = pd.concat([TABLE] * 10, ignore_index=True)
    y = pd.Series(table["size"] + (table["colour"] == "red"), name="price")
    fitted = TableRegressor(ConformalRegressor(random_state=0)).fit(table, y)
    loaded = load(save(fitted, tmp_path / "model"))
    assert loaded.target_name_ == "price"
    np.testing.assert_array_equal(loaded.predict_interval(table, 0.8), fitted.predict_interval(table, 0.8))
    assert not hasattr(TableRegressor(Ridge()).fit(table, y), "predict_interval")
    assert not hasattr(TableRegressor(DummyRegressor()), "predict_interval")


# Series

DAYS = "date,a,b\n2024-01-01,1,10\n2024-01-02,2,20\n2024-01-03,3,30\n"


def test_line_ends_of_every_system(file):
    for end in ("\n", "\r\n", "\r"):
        table = read_table(file(end.join(["a,b", "1,x", "2,y", ""])))
        assert (table["a"].tolist(), table["b"].tolist()) == ([1, 2], ["x", "y"])
    rows = '20 all"\n' * 569 + "\r" * 1500 + "\n" * 1500
    assert len(read_table(file('when,"value, all"\n' + rows + "2020-01-02,NA\n"))) == 570  # pandas alone does not end


def test_one_date_says_no_step(file):
    series = read_series(file("date,value\n2020-01-01,1\n"))
    with pytest.raises(UserError, match="1 row says no time step"):
        stamps_after(series, 2)


def test_series_by_their_dates(file):
    series = read_series(file(DAYS))
    assert series.index.name == "date"
    assert series["b"].tolist() == [10.0, 20.0, 30.0]
    assert read_series(file(DAYS), columns=["b"]).columns.tolist() == ["b"]
    assert [str(day.date()) for day in stamps_after(series, 2)] == ["2024-01-04", "2024-01-05"]


def test_series_by_months_and_by_numbers(file):
    series = read_series(file("m,a\n2024-01-31,1\n2024-02-29,2\n2024-03-31,3\n2024-04-30,4\n"))
    assert str(stamps_after(series, 1)[0].date()) == "2024-05-31"
    assert season_of(series.index) == 12
    years = read_series(file("year,a\n1990,1\n1995,2\n2000,3\n"), time="year")
    assert stamps_after(years, 2).tolist() == [2005, 2010]
    rows = read_series(file("a,b\n1,2\n3,4\n"))
    assert (list(rows.columns), stamps_after(rows, 1).tolist()) == (["a", "b"], [2])


@pytest.mark.parametrize(("step", "season"), [("h", 24), ("15min", 96), ("D", 7), ("B", 5), ("W", 52), ("MS", 12), ("QS", 4), ("YS", 1)])
def test_seasons_by_steps_of_time(step, season):
    assert season_of(pd.date_range("2024-01-01", periods=40, freq=step)) == season


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("date,a\n2024-01-01,1\n2024-01-01,2\n2024-01-02,3\n", {}, "column 'date': the time stamp 2024-01-01.* comes more than once"),
        ("date,a\n2024-01-02,1\n2024-01-01,2\n2024-01-03,3\n", {}, "are not in order; sort the rows"),
        (
            "date,a\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-06,4\n",
            {},
            "not at even steps: 2024-01-03.* is followed by 2024-01-06",
        ),
        ("t,a\n1,1\n2,2\n4,3\n5,3\n", {"time": "t"}, "not at even steps"),
        (
            "date,a\n2024-01-01,1\n2024-13-45,2\n",
            {"time": "date"},
            "column 'date', row 2: '2024-13-45' is no date or time like '2024-01-01'",
        ),
        (DAYS, {"time": "dat"}, "time='dat' is no column of the table: did you mean 'date'"),
        (DAYS, {"columns": ["c"]}, "columns='c' is no column"),
        (DAYS, {"columns": ["date"]}, "no series beside the time column 'date'"),
        ("date\n2024-01-01\n2024-01-02\n", {}, "no series beside"),
        ("from,to,a\n2024-01-01,2024-01-02,1\n2024-01-02,2024-01-03,2\n", {}, "the columns 'from', 'to' all hold dates; say which"),
        ("date,a\n2024-01-01,1\n2024-01-02,\n", {}, "column 'a', row 2: the value is missing"),
        ("date,a\n2024-01-01,1\n2024-01-02,high\n", {}, "column 'a', row 2: 'high' is no number"),
        ("date,a\n2024-01-01,1\n2024-01-02,inf\n", {}, "column 'a', row 2: inf is no finite number"),
    ],
)
def test_series_that_are_refused(file, text, options, message):
    with pytest.raises(ValueError, match=message):
        read_series(file(text), **options)


def test_texts_become_columns_of_a_language_model(tmp_path):
    table = pd.DataFrame({"size": np.arange(12.0), "title": ["a red lamp", "a dim lamp", "ink"] * 4})
    y = np.arange(12.0) + np.array([5.0, 0.0, -5.0] * 4)
    model = TinyModel(96, seed=0, spelling=tuple(bytes([i]) for i in range(32, 128)))
    encoder = TableEncoder(texts=("title",), text_model=model)
    rows = encoder.fit_transform(table)
    assert rows.shape[0] == 12
    assert rows.shape[1] > 1
    assert encoder.transform(table.iloc[:3]) == pytest.approx(rows[:3])
    without = TableRegressor(Ridge(alpha=1e-3)).fit(table.drop(columns="title"), y).score(table.drop(columns="title"), y)
    assert TableRegressor(Ridge(alpha=1e-6), encoder).fit(table, y).score(table, y) > max(0.99, without)
    with pytest.raises(ValueError, match="column 'title', row 2: the text is missing"):
        TableEncoder(texts=("title",), text_model=model).fit(table.assign(title=["a", None, "b"] * 4))
