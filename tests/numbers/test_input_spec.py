"""What X is, is read from it; structured inputs are standardised by feature and padded; what does not fit is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import dok_array

from foretell.errors import UserError
from foretell.numbers.batches import Ragged, first_tensor, in_parts, map_tensors, num_rows, take, to_double
from foretell.numbers.input_spec import (
    ArrayInput,
    Tokens,
    conformed,
    count_rows,
    flat,
    flat_width,
    from_plain,
    is_structured,
    read_inputs,
    select,
    to_plain,
)
from foretell.numbers.standardisation import as_tensors, moments, standardised

SERIES = [np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]]), np.array([[7.0, 20.0]])]
STRUCTURE = {"series": SERIES, "place": np.array([[0.5], [1.5]]), "words": Tokens([[1, 2], [0, 3]], num_tokens=4)}


def test_tables_are_no_structures():
    table = np.zeros((4, 2))
    tables = [table, table.tolist(), pd.DataFrame(table), pl.DataFrame(table), dok_array(table)]
    for plain in (*tables, [np.zeros(3), np.ones(3)], [], "abc", None):
        assert not is_structured(plain)
    for structure in (np.zeros((4, 2, 2)), SERIES, [np.zeros((2, 2))] * 2, [np.zeros(3), np.zeros(2)], STRUCTURE, Tokens([[1]], 2)):
        assert is_structured(structure)


def test_descriptions_are_read_and_come_back_from_plain_data():
    rows, spec = read_inputs(STRUCTURE)
    expected = {"series": ArrayInput((None, 2)), "place": ArrayInput((1,)), "words": ArrayInput((2,), 4)}
    assert spec == expected == from_plain(to_plain(spec))
    assert count_rows(rows) == 2
    assert rows["words"].dtype == np.int64
    assert read_inputs(np.zeros((5, 3, 2)))[1] == ArrayInput((3, 2))
    assert read_inputs({"outer": {"inner": np.zeros((2, 3))}})[1] == {"outer": {"inner": flat(3)}}
    assert [each.tolist() for each in select(rows, np.array([1]))["series"]] == [[[7.0, 20.0]]]


def test_features_are_standardised_over_all_steps_of_all_rows():
    rows, spec = read_inputs(STRUCTURE)
    steps = np.concatenate(SERIES)
    mean, scale = moments(rows, spec)
    np.testing.assert_allclose(mean["series"], steps.mean(axis=0))
    np.testing.assert_allclose(scale["series"], steps.std(axis=0))
    assert mean["words"] is scale["words"] is None
    tensors = as_tensors(standardised(rows, spec, mean, scale), spec, "cpu")
    assert tensors["series"].mask.tolist() == [[True, True, True], [True, False, False]]
    np.testing.assert_allclose(tensors["series"].values[1, 0], (SERIES[1][0] - steps.mean(axis=0)) / steps.std(axis=0), rtol=1e-6)
    assert (tensors["series"].values[1, 1:] == 0).all()
    assert tensors["words"].tolist() == [[1, 2], [0, 3]]


def test_weights_count_rows_with_all_their_steps():
    for rows, spec in (read_inputs(SERIES), read_inputs(np.arange(12.0).reshape(2, 3, 2))):
        weighted = moments(rows, spec, np.array([1.0, 2.0]))
        repeated = moments(select(rows, np.array([0, 1, 1])), spec)
        np.testing.assert_allclose(weighted, repeated)


def test_a_table_has_the_moments_of_its_columns(rng):
    table, weight = rng.standard_normal((20, 3)), rng.uniform(size=20)
    mean, scale = moments(table, flat(3), weight)
    np.testing.assert_array_equal(mean, np.average(table, axis=0, weights=weight))
    np.testing.assert_allclose(scale, np.sqrt(np.average((table - mean) ** 2, axis=0, weights=weight)))
    assert moments(np.full((4, 1), 7.0), flat(1))[1].tolist() == [1.0]


def test_arrays_of_one_number_a_step_and_a_row():
    rows, spec = read_inputs({"steps": [np.array([1.0, 3.0]), np.array([5.0])], "one": np.array([2.0, 4.0])})
    assert spec == {"steps": ArrayInput((None,)), "one": ArrayInput(())}
    mean, scale = moments(rows, spec)
    assert (float(mean["steps"]), float(mean["one"]), float(scale["one"])) == (3.0, 3.0, 1.0)
    tensors = as_tensors(standardised(rows, spec, mean, scale), spec, "cpu")
    assert tensors["steps"].values.shape == (2, 2)
    assert tensors["one"].tolist() == [-1.0, 1.0]


def test_rows_of_equal_length_fit_a_ragged_description():
    ragged = ArrayInput((None, 2))
    rows, spec = read_inputs(np.zeros((3, 4, 2)))
    assert [row.shape for row in conformed(rows, spec, ragged)] == [(4, 2)] * 3
    assert conformed(rows, spec, spec) is rows


@pytest.mark.parametrize(
    ("given", "fitted", "message"),
    [
        (np.zeros((2, 3, 2)), flat(3), r"X has rows of numbers \(3, 2\), but fitting had numbers \(3,\)"),
        (np.zeros((2, 3, 2)), ArrayInput((4, 2)), r"X has rows of numbers \(3, 2\), but fitting had numbers \(4, 2\)"),
        (SERIES, ArrayInput((3, 2)), r"X has rows of numbers \(any, 2\)"),
        ({"a": np.zeros((2, 1))}, {"b": flat(1)}, r"X is \{a: numbers \(1,\)\}, but fitting had \{b: numbers \(1,\)\}"),
        ({"a": np.zeros((2, 1))}, {"a": ArrayInput((1,), 5)}, r"X\['a'\] has rows of numbers \(1,\), but fitting had 5 tokens \(1,\)"),
        (np.zeros((2, 3)), {"a": flat(3)}, r"X is numbers \(3,\), but fitting had"),
    ],
)
def test_other_inputs_than_in_fitting_are_refused(given, fitted, message):
    with pytest.raises(UserError, match=message):
        conformed(*read_inputs(given), fitted)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "X is an empty dict"),
        ({"a": np.zeros((2, 1)), "b": np.zeros((3, 1))}, r"arrays have different numbers of rows, \{'a': 2, 'b': 3\}"),
        ({"a": np.array([[1.0], [np.nan]])}, r"X\['a'\]: row 1 holds NaN or infinity"),
        ([np.zeros((2, 2)), np.full((1, 2), np.inf)], "X: row 1 holds NaN or infinity"),
        ([np.zeros((2, 2)), np.zeros((1, 3))], "rows may differ in length alone"),
        ([np.zeros((2, 2)), np.zeros((0, 2))], "rows may differ in length alone, none of them empty"),
        (Tokens([[1, 4]], 4), "X: row 0 holds tokens from 1 to 4; they must lie in 0 to 3"),
        ({"a": [["red"], ["blue"]]}, r"X\['a'\] must hold numbers"),
        ({"a": np.zeros((0, 2))}, "give one row at least"),
    ],
)
def test_what_is_no_input_is_named(given, message):
    with pytest.raises(UserError, match=message):
        read_inputs(given)


def test_bodies_of_tables_refuse_anything_else():
    assert flat_width(flat(3), None) == 3
    for inputs in (ArrayInput((None,)), ArrayInput((3, 2)), ArrayInput((3,), 5), {"a": flat(3)}):
        with pytest.raises(UserError, match=r"body=str takes rows of numbers \(columns,\)"):
            flat_width(inputs, "")


def test_batches_are_taken_apart_by_rows():
    batch = {"a": torch.arange(5), "b": Ragged(torch.ones(5, 2), torch.ones(5, 2, dtype=torch.bool))}
    assert num_rows(batch) == 5
    assert first_tensor(batch) is batch["a"]
    assert [num_rows(part) for part in in_parts(batch, 2)] == [2, 2, 1]
    some = take(batch, torch.tensor([4, 0]))
    assert some["a"].tolist() == [4, 0]
    assert isinstance(some["b"], Ragged)
    double = to_double(batch)
    assert (double["a"].dtype, double["b"].values.dtype, double["b"].mask.dtype) == (torch.int64, torch.float64, torch.bool)
    assert map_tensors(lambda tensor: tensor + 1, batch)["a"].tolist() == [1, 2, 3, 4, 5]
