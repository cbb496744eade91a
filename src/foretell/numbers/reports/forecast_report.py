"""The sections of the page about a forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from foretell.numbers.reports.fit_report import losses, score_table, what_was_run
from foretell.numbers.reports.page import Section
from foretell.numbers.reports.plots import fan_plot, horizon_plot
from foretell.numbers.tables.backtest import Backtest


def forecast_sections(
    series: pd.DataFrame,
    forecast: np.ndarray,
    interval: np.ndarray | None,
    tested: Backtest,
    model: Any,
    facts: Mapping[str, Any],
) -> list[Section]:
    """forecast: (H, N), interval: (H, N, 2). facts: what was run, as `foretell forecast --json` prints it."""
    words = f"On the last rows, which were held out: {tested.num} windows, all steps and series together."
    coverage = facts["interval"]["asked"] if interval is not None else 0.9
    return [
        fan_plot(series.to_numpy(dtype=float), forecast, list(series.columns), interval, coverage),
        score_table(tested.scores, words),
        horizon_plot(tested.by_step),
        *losses(model),
        what_was_run(facts),
    ]
