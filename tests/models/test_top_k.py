"""top_k against a stable sort, with ties, NaN and odd widths."""

from __future__ import annotations

import pytest
import torch

from foretell.models.top_k import top_k


@pytest.mark.parametrize("k", [1, 8, 64])
@pytest.mark.parametrize("width", [64, 129, 5000])
def test_agrees_with_a_stable_sort(width, k):
    rows = torch.randn(5, width, generator=torch.Generator().manual_seed(width)).mul(20).round() / 20  # many ties
    order = torch.argsort(rows, dim=1, descending=True, stable=True)[:, :k]
    values, indices = top_k(rows, k)
    assert torch.equal(indices, order)
    assert torch.equal(values, rows.gather(1, order))


def test_sorted_and_infinite_rows():
    rising = torch.arange(1000.0)[None]
    assert top_k(rising, 3)[1].tolist() == [[999, 998, 997]]
    rows = torch.full((1, 300), -torch.inf)
    rows[0, 7] = torch.inf
    assert top_k(rows, 3)[1].tolist() == [[7, 0, 1]]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_nan_comes_first(sign):
    rows = torch.randn(2, 500)
    rows[1, 321] = sign * torch.nan
    values, _ = top_k(rows, 4)
    assert values[:, 0].isnan().tolist() == [False, True]


def test_other_types_go_through_torch():
    rows = torch.randn(2, 100, dtype=torch.float64)
    assert torch.equal(top_k(rows, 5)[0], torch.topk(rows, 5).values)


def test_wrong_k_is_named():
    with pytest.raises(ValueError, match="k=9"):
        top_k(torch.zeros(1, 8), 9)
