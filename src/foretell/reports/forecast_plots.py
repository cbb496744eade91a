"""Plots of forecasts, each a function from arrays to a `Section` of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from foretell.reports.drawing import drawing
from foretell.reports.lines import line_plot
from foretell.reports.page import Section
from foretell.reports.theme import COLOURS

#: Series of a plot.
MOST_SERIES = 4
_COLOURS = ("s1", "neutral", "s2", "s4", "s5", "s6")


def fan_plot(
    history: np.ndarray,
    forecast: np.ndarray,
    names: Sequence[str],
    interval: np.ndarray | None = None,
    coverage: float = 0.9,
    times: np.ndarray | None = None,
) -> Section:
    """The end of each series and its forecast, of the first `MOST_SERIES` series.

    history: (T, N), forecast: (H, N), in units of the series. names: of the N series. interval: (H, N, 2), lower and upper ends, or None.
    coverage: of the intervals, 0 to 1. times: of all rows, (T + H,), numbers or dates; None counts rows from the last known one.
    """
    num, steps = min(len(names), MOST_SERIES), len(forecast)
    history = history[-max(4 * steps, 48) :]
    shown = np.arange(1 - len(history), steps + 1) if times is None else np.asarray(times)[-len(history) - steps :]
    ahead = shown[-steps - 1 :]  # from the last known row on
    alt = f"Forecast of {', '.join(map(str, names[:num]))}: the last {len(history)} rows and the next {steps}"
    with drawing(alt, 60 + 170 * num, rows=num, sharex=True, squeeze=False) as drawn:
        for place, axes in enumerate(drawn.axes[:, 0]):
            joined = np.concatenate([history[-1:, place], forecast[:, place]])
            if interval is not None:
                band = np.concatenate([np.repeat(history[-1:, place, None], 2, axis=1), interval[:, place]])
                axes.fill_between(ahead, band[:, 0], band[:, 1], color=COLOURS["s3"], alpha=0.28, linewidth=0)
            axes.plot(shown[: len(history)], history[:, place], color=COLOURS["s1"], linewidth=1.6)
            axes.plot(ahead, joined, color=COLOURS["s3"], linewidth=2)
            axes.axvline(ahead[0], color=COLOURS["axis"], linewidth=1)
            axes.set_title(str(names[place]))
        if shown.dtype.kind == "M":
            from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

            axis, locator = drawn.axes[-1, 0].xaxis, AutoDateLocator()
            axis.set_major_locator(locator)
            axis.set_major_formatter(ConciseDateFormatter(locator))
        elif times is None:
            drawn.axes[-1, 0].set(xlabel="rows from the last known one")
    left_out = f" The first {num} of {len(names)} series are shown." if len(names) > num else ""
    legend = [("s1", "known"), ("s3", "forecast")] + ([("s3 band", f"interval of {coverage:.0%}")] if interval is not None else [])
    return Section("Forecast", f"The last known rows, and the next {steps}.{left_out}", figure=drawn.svg, legend=legend)


def horizon_plot(errors: Mapping[str, np.ndarray]) -> Section:
    """Mean absolute error by step of the horizon. errors: by forecaster, (H,), in units of the series."""
    colours = dict(zip(errors, _COLOURS, strict=False))
    steps = range(1, 1 + max(map(len, errors.values())))
    alt = f"Mean absolute error by step of the horizon: {', '.join(errors)}"
    lines = {name: values.tolist() for name, values in errors.items()}
    svg = line_plot(alt, steps, lines, "step of the horizon", "mean absolute error", colours, 280, ylim=(0, None))
    words = "On the last part of the series, which was held out."
    return Section("Error by step of the horizon", words, figure=svg, legend=[(colour, name) for name, colour in colours.items()])
