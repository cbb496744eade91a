"""Views of rows: how far they move, where replaced numbers come from, which images are the same image moved."""

from __future__ import annotations

import pytest
import torch

from foretell.numbers.contrastive.views import ImageShifts, TableViews


def test_table_views_have_the_noise_and_the_share_of_other_rows_that_were_asked_for():
    torch.manual_seed(0)
    rows = torch.arange(1000.0)[:, None] * torch.tensor([1.0, -1.0, 10.0])
    moved = TableViews(noise=0.0, dropout=0.1)(rows, torch.zeros(3), torch.ones(3))
    changed = moved != rows
    assert changed.float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert all(torch.isin(moved[:, column], rows[:, column]).all() for column in range(3))
    assert changed.all(dim=1).float().mean() < 0.02, "columns are drawn apart"
    noisy = TableViews(noise=0.05, dropout=0.0)(rows, torch.zeros(3), torch.ones(3)) - rows
    assert noisy.std().item() == pytest.approx(0.05, rel=0.1)


def test_image_shifts_are_moved_copies_in_their_own_units():
    """Two planes; features were standardised by different scales, which must be undone before pixels change places."""
    torch.manual_seed(0)
    images = torch.rand(60, 2, 4, 4)
    mean, scale = torch.rand(32), 0.5 + torch.rand(32)
    moved = ImageShifts(side=4, reach=1)((images.reshape(60, 32) - mean) / scale, mean, scale) * scale + mean
    seen = set()
    for image, after in zip(images, moved.reshape(60, 2, 4, 4), strict=True):
        fits = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if torch.allclose(after, shifted(image, dy, dx), atol=1e-5)]
        assert len(fits) == 1
        seen.add(fits[0])
    assert len(seen) == 9


def shifted(image: torch.Tensor, dy: int, dx: int) -> torch.Tensor:
    rows, columns = (torch.arange(4) + dy).clamp(0, 3), (torch.arange(4) + dx).clamp(0, 3)
    return image[:, rows][:, :, columns]


@pytest.mark.parametrize(
    ("views", "says"),
    [
        (TableViews(noise=-1.0), r"noise=-1\.0 must"),
        (TableViews(dropout=1.5), r"dropout=1\.5 must"),
        (ImageShifts(side=3), "side=3 must be so that side . side divides 16"),
        (ImageShifts(side=0), "side=0 must"),
        (ImageShifts(side=4, reach=-1), "reach=-1 must"),
    ],
)
def test_settings_of_views_are_checked(views, says):
    with pytest.raises(ValueError, match=says):
        views(torch.zeros(2, 16), torch.zeros(16), torch.ones(16))
