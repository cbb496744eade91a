"""The sections of `foretell forecast --report`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from foretell.numbers.tables.backtest import Backtest
from foretell.numbers.tables.fit_report import losses, score_table, what_was_run
from foretell.numbers.tables.series import stamps_after
from foretell.reports.forecast_plots import fan_plot, horizon_plot
from foretell.reports.page import Section


def forecast_sections(
    series: pd.DataFrame,
    forecast: np.ndarray,
    interval: np.ndarray | None,
    tested: Backtest,
    model: Any,
    facts: Mapping[str, Any],
) -> list[Section]:
    """The forecast, its scores on held-out windows, the loss and what was run.

    series: (T, N). forecast: (H, N). interval: (H, N, 2) or None. tested: the scores. facts: what `foretell forecast --json` prints.
    """
    words = f"On {tested.num} windows of the last rows, which were held out; all steps and series together."
    coverage = facts["interval"]["asked"] if interval is not None else 0.9
    return [
        fan_plot(series.to_numpy(dtype=float), forecast, list(series.columns), interval, coverage, _times(series, len(forecast))),
        score_table(tested.scores, words),
        horizon_plot(tested.by_step),
        *losses(model),
        what_was_run(facts),
    ]


def _times(series: pd.DataFrame, steps: int) -> np.ndarray | None:
    """Of the rows and of the steps after them; None where rows are only counted."""
    if series.index.name is None:
        return None
    index = series.index.append(stamps_after(series, steps))
    return index.tz_localize(None).to_numpy() if isinstance(index, pd.DatetimeIndex) else index.to_numpy()
