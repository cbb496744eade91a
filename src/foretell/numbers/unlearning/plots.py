"""The plots of an unlearning report, each a function to a `Section` of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from foretell.reports.bars import BarRow, Segment, horizontal_bars
from foretell.reports.drawing import drawing
from foretell.reports.page import Section
from foretell.reports.theme import COLOURS

#: Colour and caption of each model.
MODELS = {"original": ("neutral", "before"), "unlearned": ("s1", "after"), "gold": ("s3", "trained without the rows")}


def predictions_plot(predicted: Mapping[str, np.ndarray], truth: np.ndarray) -> Section:
    """Histograms of the predictions for the forgotten rows. predicted: (n,) by model. truth: (n,) true values, in the same units."""
    everything = np.concatenate([truth, *predicted.values()])
    bins = np.linspace(everything.min(), everything.max(), 33) if np.ptp(everything) else np.array([-0.5, 0.5]) + everything[0]
    with drawing(f"Histograms of predictions for {len(truth)} forgotten rows, by model, with the true values", 300) as drawn:
        drawn.axes.hist(truth, bins=bins, color=COLOURS["grid"])
        for name, values in predicted.items():
            drawn.axes.hist(values, bins=bins, histtype="step", linewidth=2.2, color=COLOURS[MODELS[name][0]])
        drawn.axes.set(xlabel="predicted value", ylabel="forgotten rows")
    words = "Histograms of the predictions for the forgotten rows, and of the true values."
    words += " After unlearning, the predictions should be near those of the model trained without the rows." if "gold" in predicted else ""
    legend = [*_legend(predicted), ("grid", "true values")]
    return Section("Predictions for the forgotten rows", words, figure=drawn.svg, legend=legend)


def errors_plot(models: Mapping[str, Mapping[str, Any]]) -> Section:
    """Mean absolute errors on retained and on forgotten rows. models: figures by model, as in `figures.figures`."""
    groups = {"retain_mae": "new rows that stay", "forget_mae": "forgotten rows", "test_forget_mae": "new rows like the forgotten"}
    shown = {figure: words for figure, words in groups.items() if models["original"][figure] is not None}
    words = "On rows that stay, the error should not rise; on forgotten rows, it should rise to that of the model trained without them."
    return _bars("Errors", words, models, shown, "mean absolute error")


def attack_plot(models: Mapping[str, Mapping[str, Any]]) -> Section:
    """Share of forgotten rows that a membership attack takes for training data. models: as in `errors_plot`."""
    words = "The share should be that of the model trained without the rows, neither more nor less."
    return _bars("Forgotten rows taken for training data", words, models, {"membership": ""}, "share of the forgotten rows")


def relearning_plot(models: Mapping[str, Mapping[str, Any]]) -> Section:
    """Batches until the forgotten rows are learned again. models: as in `errors_plot`."""
    words = "A model that has forgotten needs as many batches as one that never saw the rows; a model that only hides them needs few."
    learners = {name: entry for name, entry in models.items() if entry["relearning_steps"] is not None}
    return _bars("Learning the rows again", words, learners, {"relearning_steps": ""}, "batches")


def _bars(title: str, words: str, models: Mapping[str, Mapping[str, Any]], figures: Mapping[str, str], axis: str) -> Section:
    """A group of bars for each figure, with a bar for each model."""
    alt = f"{title}, bars: " + "; ".join(f"{MODELS[name][1]} {models[name][figure]:.3g}" for figure in figures for name in models)
    middle = list(models)[(len(models) - 1) // 2]
    rows = []
    for number, (figure, group) in enumerate(figures.items()):
        for place, (name, entry) in enumerate(models.items()):
            colour, caption = MODELS[name]
            value = entry[figure]
            segment = Segment(value, colour, f"{group or title}, {caption}: {value:.3g}")
            gap = 0.6 if number and not place else 0.0
            rows.append(BarRow(group if name == middle else "", [segment], f"{value:.3g}", gap=gap))
    return Section(title, words, figure=horizontal_bars(alt, rows, axis), legend=_legend(models))


def _legend(models: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [MODELS[name] for name in models]
