"""Plots of a fit to numbers, each a function from arrays to a `Section` of the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretell.reports.drawing import drawing
from foretell.reports.labels import short_labels
from foretell.reports.page import Section
from foretell.reports.theme import COLOURS

#: A scatter plot of more points is thinned out evenly, so that the page stays small.
MOST_POINTS = 1500
#: Rows of an interval plot.
MOST_ROWS = 120

#: Longest title of an axis, in characters.
_LONGEST_AXIS = 40


def truth_plot(y: np.ndarray, predicted: np.ndarray, target: str = "value") -> Section:
    """Predicted against true values. y, predicted: (n,), in units of `target`."""
    shown = _thinned(len(y), MOST_POINTS)
    low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
    alt = f"Scatter plot: predicted against true {target}, {len(shown)} rows; the nearer to the diagonal, the better"
    with drawing(alt, 380) as drawn:
        drawn.axes.plot([low, high], [low, high], color=COLOURS["axis"], linewidth=1.5)
        drawn.axes.plot(y[shown], predicted[shown], "o", color=COLOURS["s1"], markersize=4, alpha=_alpha(len(shown)), markeredgewidth=0)
        drawn.axes.set(xlabel=f"true {_axis(target)}", ylabel="predicted")
    words = "Each point is a row that was held out; on the line, the prediction is right."
    return Section("Predicted and true values", words, figure=drawn.svg)


def residual_plot(y: np.ndarray, predicted: np.ndarray, target: str = "value") -> Section:
    """Residuals by predicted value, and their histogram. y, predicted: (n,), in units of `target`."""
    shown, residuals = _thinned(len(y), MOST_POINTS), y - predicted
    alt = f"Residuals of {target}: by predicted value on the left, their histogram on the right"
    with drawing(alt, 320, columns=2, sharey=True, width_ratios=[2.4, 1]) as drawn:
        left, right = drawn.axes
        marks = {"markersize": 4, "alpha": _alpha(len(shown)), "markeredgewidth": 0}
        left.plot(predicted[shown], residuals[shown], "o", color=COLOURS["s1"], **marks)
        left.set(xlabel=f"predicted {_axis(target)}", ylabel="true minus predicted")
        right.hist(residuals, bins=min(40, max(8, len(y) // 12)), orientation="horizontal", color=COLOURS["s1"], alpha=0.75)
        right.set(xlabel="rows")
        for axes in (left, right):
            axes.axhline(0, color=COLOURS["axis"], linewidth=1.5)
    return Section("Residuals", "A pattern on the left is something that the estimator has not learned.", figure=drawn.svg)


def interval_plot(y: np.ndarray, interval: np.ndarray, coverage: float, target: str = "value") -> Section:
    """Prediction intervals in order of their midpoints, with the true values.

    y: (n,), interval: (n, 2), both in units of `target`. coverage: the share of true values that was asked for, 0 to 1.
    """
    order = np.argsort(interval.mean(axis=1), kind="stable")
    order = order[_thinned(len(order), MOST_ROWS)]
    is_inside = (y >= interval[:, 0]) & (y <= interval[:, 1])
    low, high = interval[order].T
    place, is_hit = np.arange(len(order)), is_inside[order]
    share, width = float(is_inside.mean()), float(np.mean(interval[:, 1] - interval[:, 0]))
    alt = f"Intervals of {target} for {len(order)} rows in order of their midpoint, with true values; {share:.1%} of all lie inside"
    with drawing(alt, 360) as drawn:
        drawn.axes.vlines(place, low, high, color=COLOURS["s1"], alpha=0.35, linewidth=3.5)
        drawn.axes.plot(place[is_hit], y[order][is_hit], "o", color=COLOURS["ink"], markersize=3.5, markeredgewidth=0)
        drawn.axes.plot(place[~is_hit], y[order][~is_hit], "D", color=COLOURS["loss"], markersize=5, markeredgewidth=0)
        drawn.axes.set(xlabel="rows, in order of the interval's midpoint", ylabel=_axis(target), xlim=(-1, len(order)))
    words = f"{share:.1%} of {len(y)} true values lie inside; {coverage:.0%} were asked for. Mean width: {width:.4g}."
    legend = [("s1 band", "interval"), ("ink", "true value inside"), ("loss", "true value outside")]
    return Section(f"Intervals of {coverage:.0%}", words, figure=drawn.svg, legend=legend)


def loss_plot(history: Sequence[tuple[int, float]]) -> Section:
    """The loss during training. history: (step, loss), in order."""
    steps, losses = np.array(history, dtype=float).T
    with drawing(f"Loss by training step, from {losses[0]:.3g} to {losses[-1]:.3g}", 260) as drawn:
        drawn.axes.plot(steps, losses, color=COLOURS["s1"], linewidth=2)
        best = int(np.argmin(losses))
        drawn.axes.plot(steps[best], losses[best], "o", color=COLOURS["s3"], markersize=7, markeredgewidth=0)
        drawn.axes.set(xlabel="training step", ylabel="loss")
    return Section("Loss", f"The least is {losses[best]:.4g}, at step {steps[best]:.0f}.", figure=drawn.svg)


def _thinned(num: int, most: int) -> np.ndarray:
    """Indices of at most `most` of `num` rows, evenly spaced."""
    return np.unique(np.linspace(0, num - 1, min(num, most)).round().astype(int))


def _alpha(num: int) -> float:
    return 0.75 if num < 300 else 0.5


def _axis(target: str) -> str:
    """The target's name, short enough for the height of a plot."""
    return short_labels([target], _LONGEST_AXIS)[0]
