"""Windows over series, as views: values are copied only when a batch is taken."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from foretell.errors import UserError


def windows(rows: np.ndarray, length: int) -> np.ndarray:
    """(T - length + 1, length, N): all windows of `length` rows of (T, N), a read-only view. ValueError where there is none.

    >>> windows(np.arange(4.0)[:, None], 3)[:, :, 0].tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    if not 1 <= length <= len(rows):
        raise UserError(f"length={length!r} must be from 1 to the {len(rows)} rows there are")
    return np.lib.stride_tricks.sliding_window_view(rows, length, axis=0).swapaxes(1, 2)


def pairs(rows: np.ndarray, lag: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """(B, lag, N) and the (B, horizon, N) that follow, of all B = T - lag - horizon + 1 places: two views.

    >>> before, after = pairs(np.arange(5.0)[:, None], lag=2, horizon=1)
    >>> before[:, :, 0].tolist(), after[:, :, 0].tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [[2.0], [3.0], [4.0]])
    """
    whole = windows(rows, lag + horizon)
    return whole[:, :lag], whole[:, lag:]


def pairs_at(rows: Tensor, starts: Tensor, lag: int, horizon: int) -> tuple[Tensor, Tensor]:
    """(b, N, lag) and (b, N, horizon) of the windows that start at `starts` (b,) in `rows` (T, N): a batch, time last."""
    whole = rows.unfold(0, lag + horizon, 1)[starts]
    return whole[..., :lag], whole[..., lag:]


def split_by_time(num_rows: int, lag: int, horizon: int, fraction: float) -> tuple[int, range, range]:
    """(rows to learn from, starts of windows to learn from, starts of windows to stop by).

    The last `fraction` of the rows, at least `horizon` of them, are held out: no window to learn from touches them, and what the
    windows to stop by forecast lies wholly in them (what they look at may reach back). fraction=0 holds out none.

    >>> split_by_time(20, lag=4, horizon=2, fraction=0.25)
    (15, range(0, 10), range(11, 15))
    """
    num_held = max(round(fraction * num_rows), horizon) if fraction else 0
    num_known = num_rows - num_held
    if num_known < lag + horizon:
        needed = max(lag + 2 * horizon, math.ceil((lag + horizon + 0.5) / (1 - fraction)))
        raise UserError(
            f"validation_fraction={fraction!r} holds out {num_held} of {num_rows} rows and leaves {num_known}, fewer than "
            f"lag + horizon = {lag + horizon}; give at least {needed} rows, or validation_fraction=0, which holds out none"
        )
    held = range(num_known - lag, num_rows - lag - horizon + 1) if num_held else range(0)
    return num_known, range(num_known - lag - horizon + 1), held
