"""Windows are views, and a split by time lets nothing through."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from foretell.numbers.forecasting.windows import pairs, pairs_at, split_by_time, windows

ROWS = np.arange(24.0).reshape(12, 2)


def test_windows_are_views_of_all_places():
    found = windows(ROWS, 5)
    assert np.shares_memory(found, ROWS)
    np.testing.assert_array_equal(found, np.stack([ROWS[i : i + 5] for i in range(8)]))
    with pytest.raises(ValueError, match="length=13 must be from 1 to the 12 rows"):
        windows(ROWS, 13)


def test_pairs_in_numpy_and_torch_agree():
    before, after = pairs(ROWS, 4, 3)
    assert np.shares_memory(before, ROWS)
    assert np.shares_memory(after, ROWS)
    starts = torch.tensor([5, 0, 2])
    taken = pairs_at(torch.as_tensor(ROWS), starts, 4, 3)
    np.testing.assert_array_equal(taken[0].numpy(), before[[5, 0, 2]].swapaxes(1, 2))
    np.testing.assert_array_equal(taken[1].numpy(), after[[5, 0, 2]].swapaxes(1, 2))


@pytest.mark.parametrize(("num", "fraction"), [(100, 0.2), (100, 0.01), (57, 0.33), (100, 0)])
def test_held_out_forecasts_lie_beyond_all_that_is_learnt_from(num, fraction):
    known, learnt, held = split_by_time(num, 6, 4, fraction)
    assert learnt.stop - 1 + 6 + 4 == known
    assert bool(held) == bool(fraction)
    if held:
        assert held.start + 6 == known
        assert held.stop - 1 + 6 + 4 == num


def test_too_few_rows_say_how_many_are_needed():
    with pytest.raises(ValueError, match=r"holds out 4 of 13 rows and leaves 9.*give at least 14 rows, or validation_fraction=0"):
        split_by_time(13, 6, 4, 0.1)
    split_by_time(14, 6, 4, 0.1)
    with pytest.raises(ValueError, match="give at least 21 rows"):
        split_by_time(19, 6, 4, 0.5)
    split_by_time(21, 6, 4, 0.5)
