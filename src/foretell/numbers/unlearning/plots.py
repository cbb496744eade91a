"""The plots of an unlearning, each a function to a `Section` of the page, with a line that says how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from foretell.numbers.reports.drawing import COLOURS, drawing
from foretell.numbers.reports.page import Section

#: Colour and caption of each model.
MODELS = {"original": ("neutral", "before"), "unlearned": ("s1", "after"), "gold": ("s3", "trained without the rows")}


def predictions_plot(predicted: Mapping[str, np.ndarray], truth: np.ndarray) -> Section:
    """How often each model says which number for the forgotten rows. predicted: by model."""
    everything = np.concatenate([truth, *predicted.values()])
    bins = np.linspace(everything.min(), everything.max(), 33) if np.ptp(everything) else np.array([-0.5, 0.5]) + everything[0]
    with drawing(f"Histograms of predictions for {len(truth)} forgotten rows, by model, with the true values", 300) as drawn:
        drawn.axes.hist(truth, bins=bins, color=COLOURS["grid"])
        for name, values in predicted.items():
            drawn.axes.hist(values, bins=bins, histtype="step", linewidth=2.2, color=COLOURS[MODELS[name][0]])
        drawn.axes.set(xlabel="predicted value", ylabel="forgotten rows")
    words = "How often each number is said for the forgotten rows; shaded: the true values."
    words += " The nearer the lines after unlearning and without the rows, the better." if "gold" in predicted else ""
    return Section("Answers for the forgotten rows", words, drawn.svg, _legend(predicted))


def errors_plot(models: Mapping[str, Mapping[str, Any]]) -> Section:
    """Mean errors on rows that stay and on the forgotten."""
    groups = {"retain_mae": "new rows that stay", "forget_mae": "forgotten rows", "test_forget_mae": "new rows like the forgotten"}
    shown = {figure: words for figure, words in groups.items() if models["original"][figure] is not None}
    words = "On rows that stay the error should not rise; on forgotten rows it should rise to that of the model trained without them."
    return _bars("Errors", words, models, shown, "mean absolute error")


def attack_plot(models: Mapping[str, Mapping[str, Any]]) -> Section:
    """The share of forgotten rows that an attacker calls members."""
    words = "Aimed at is the share for the model trained without the rows, neither more nor less."
    return _bars("Forgotten rows taken for training data", words, models, {"membership": ""}, "share of the forgotten rows")


def relearning_plot(models: Mapping[str, Mapping[str, Any]]) -> Section:
    """Batches until the forgotten rows are known again."""
    words = "A model that has forgotten needs as many batches as the one that never saw the rows; one that only pretends needs few."
    learners = {name: entry for name, entry in models.items() if entry["relearning_steps"] is not None}
    return _bars("Learning the rows again", words, learners, {"relearning_steps": ""}, "batches")


def _bars(title: str, words: str, models: Mapping[str, Mapping[str, Any]], figures: Mapping[str, str], axis: str) -> Section:
    """A bar a model, in a group a figure, with its value beside it."""
    num = len(models)
    alt = f"{title}, bars: " + "; ".join(f"{MODELS[name][1]} {models[name][figure]:.3g}" for figure in figures for name in models)
    with drawing(alt, 50 + 34 * num * len(figures)) as drawn:
        for place, name in enumerate(models):
            at = [-(group * (num + 0.8) + place) for group in range(len(figures))]
            values = [models[name][figure] for figure in figures]
            drawn.axes.barh(at, values, height=0.8, color=COLOURS[MODELS[name][0]])
            for where, value in zip(at, values, strict=True):
                drawn.axes.text(value, where, f" {value:.3g}", va="center", color=COLOURS["soft"])
        middle = [-(group * (num + 0.8) + (num - 1) / 2) for group in range(len(figures))]
        drawn.axes.set(yticks=middle, yticklabels=list(figures.values()), xlabel=axis)
        drawn.axes.grid(visible=False, axis="y")
        drawn.axes.margins(x=0.12)
        drawn.axes.set_xlim(left=0)
    return Section(title, words, drawn.svg, _legend(models))


def _legend(models: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [MODELS[name] for name in models]
