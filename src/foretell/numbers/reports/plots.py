"""The plots of fits and forecasts, each a function to a `Section` of the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretell.numbers.reports.drawing import COLOURS, drawing
from foretell.numbers.reports.page import Section

#: More points than this are thinned out evenly: an eye sees no more, and the page stays small.
MOST_POINTS = 1500
#: Rows of an interval plot, and series of a fan.
MOST_ROWS, MOST_SERIES = 120, 4


def truth_plot(y: np.ndarray, predicted: np.ndarray, target: str = "value") -> Section:
    """Predictions against true values."""
    shown = _thinned(len(y), MOST_POINTS)
    low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
    alt = f"Scatter plot: predicted against true {target}, {len(shown)} rows; the nearer to the diagonal, the better"
    with drawing(alt, 380) as drawn:
        drawn.axes.plot([low, high], [low, high], color=COLOURS["axis"], linewidth=1.5)
        drawn.axes.plot(y[shown], predicted[shown], "o", color=COLOURS["s1"], markersize=4, alpha=_alpha(len(shown)), markeredgewidth=0)
        drawn.axes.set(xlabel=f"true {target}", ylabel="predicted")
    return Section("Prediction against truth", "Each dot is a row that was not fitted; on the line the prediction is right.", drawn.svg)


def residual_plot(y: np.ndarray, predicted: np.ndarray, target: str = "value") -> Section:
    """What predictions miss, by prediction, and how often."""
    shown, residuals = _thinned(len(y), MOST_POINTS), y - predicted
    alt = f"Residuals of {target}: by predicted value on the left, their histogram on the right"
    with drawing(alt, 320, columns=2, sharey=True, width_ratios=[2.4, 1]) as drawn:
        left, right = drawn.axes
        dots = {"markersize": 4, "alpha": _alpha(len(shown)), "markeredgewidth": 0}
        left.plot(predicted[shown], residuals[shown], "o", color=COLOURS["s1"], **dots)
        left.set(xlabel=f"predicted {target}", ylabel="true less predicted")
        right.hist(residuals, bins=min(40, max(8, len(y) // 12)), orientation="horizontal", color=COLOURS["s1"], alpha=0.75)
        right.set(xlabel="rows")
        for axes in (left, right):
            axes.axhline(0, color=COLOURS["axis"], linewidth=1.5)
    return Section("Residuals", "A pattern on the left is something that the fit has not seen.", drawn.svg)


def interval_plot(y: np.ndarray, interval: np.ndarray, coverage: float, target: str = "value") -> Section:
    """Intervals by their midpoint, with the true values."""
    order = np.argsort(interval.mean(axis=1), kind="stable")
    order = order[_thinned(len(order), MOST_ROWS)]
    inside = (y >= interval[:, 0]) & (y <= interval[:, 1])
    low, high = interval[order].T
    place, hit = np.arange(len(order)), inside[order]
    share, width = float(inside.mean()), float(np.mean(interval[:, 1] - interval[:, 0]))
    alt = f"Intervals of {target} for {len(order)} rows in order of their midpoint, with true values; {share:.1%} of all lie inside"
    with drawing(alt, 360) as drawn:
        drawn.axes.vlines(place, low, high, color=COLOURS["s1"], alpha=0.35, linewidth=3.5)
        drawn.axes.plot(place[hit], y[order][hit], "o", color=COLOURS["ink"], markersize=3.5, markeredgewidth=0)
        drawn.axes.plot(place[~hit], y[order][~hit], "D", color=COLOURS["loss"], markersize=5, markeredgewidth=0)
        drawn.axes.set(xlabel="rows, by the middle of their interval", ylabel=target, xlim=(-1, len(order)))
    words = f"{share:.1%} of {len(y)} true values lie inside, {coverage:.0%} were asked for; mean width {width:.4g}."
    legend = [("s1 band", "interval"), ("ink", "true value inside"), ("loss", "outside")]
    return Section(f"Intervals of {coverage:.0%}", words, drawn.svg, legend)


def fan_plot(
    history: np.ndarray, forecast: np.ndarray, names: Sequence[str], interval: np.ndarray | None = None, coverage: float = 0.9
) -> Section:
    """The last rows (T, N) and the forecast of the next (H, N), of the first few series; interval: (H, N, 2)."""
    num, steps = min(len(names), MOST_SERIES), len(forecast)
    history = history[-max(4 * steps, 48) :]
    alt = f"Forecast of {', '.join(map(str, names[:num]))}: the last {len(history)} rows and the next {steps}"
    with drawing(alt, 60 + 170 * num, rows=num, sharex=True, squeeze=False) as drawn:
        for place, axes in enumerate(drawn.axes[:, 0]):
            ahead = np.arange(steps + 1)
            joined = np.concatenate([history[-1:, place], forecast[:, place]])
            if interval is not None:
                band = np.concatenate([np.repeat(history[-1:, place, None], 2, axis=1), interval[:, place]])
                axes.fill_between(ahead, band[:, 0], band[:, 1], color=COLOURS["s3"], alpha=0.28, linewidth=0)
            axes.plot(np.arange(1 - len(history), 1), history[:, place], color=COLOURS["s1"], linewidth=1.6)
            axes.plot(ahead, joined, color=COLOURS["s3"], linewidth=2)
            axes.axvline(0, color=COLOURS["axis"], linewidth=1)
            axes.set_title(str(names[place]))
        drawn.axes[-1, 0].set(xlabel="rows from the last known one")
    left_out = f" The first {num} of {len(names)} series are shown." if len(names) > num else ""
    legend = [("s1", "known"), ("s3", "forecast")] + ([("s3 band", f"interval of {coverage:.0%}")] if interval is not None else [])
    return Section("Forecast", f"What is known, and the next {steps} rows.{left_out}", drawn.svg, legend)


def horizon_plot(errors: dict[str, np.ndarray]) -> Section:
    """Mean absolute error by step of the horizon, by forecaster."""
    alt = f"Mean absolute error by step of the horizon: {', '.join(errors)}"
    with drawing(alt, 280) as drawn:
        for name, colour in zip(errors, ("s1", "neutral", "s2", "s4", "s5", "s6"), strict=False):
            drawn.axes.plot(np.arange(1, len(errors[name]) + 1), errors[name], color=COLOURS[colour], linewidth=2, marker="")
        drawn.axes.set(xlabel="step of the horizon", ylabel="mean absolute error", ylim=(0, None))
    legend = list(zip(("s1", "neutral", "s2", "s4", "s5", "s6"), errors, strict=False))
    return Section("Error by step ahead", "On the last part of the series, which was held back from fitting.", drawn.svg, legend)


def loss_plot(history: Sequence[tuple[int, float]]) -> Section:
    """The loss while fitting, as the trainer noted it."""
    steps, losses = np.array(history, dtype=float).T
    with drawing(f"Loss by step of fitting, from {losses[0]:.3g} to {losses[-1]:.3g}", 260) as drawn:
        drawn.axes.plot(steps, losses, color=COLOURS["s1"], linewidth=2)
        best = int(np.argmin(losses))
        drawn.axes.plot(steps[best], losses[best], "o", color=COLOURS["s3"], markersize=7, markeredgewidth=0)
        drawn.axes.set(xlabel="steps", ylabel="loss")
    return Section("Loss", f"The least is {losses[best]:.4g}, at step {steps[best]:.0f}.", drawn.svg)


def _thinned(num: int, most: int) -> np.ndarray:
    """Places of at most so many rows, spread evenly."""
    return np.unique(np.linspace(0, num - 1, min(num, most)).round().astype(int))


def _alpha(num: int) -> float:
    return 0.75 if num < 300 else 0.5
