"""The sections of `foretell fit --report`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretell.numbers.tables.trial import Trial
from foretell.reports.fit_plots import interval_plot, loss_plot, residual_plot, truth_plot
from foretell.reports.page import Section


def fit_sections(trial: Trial, facts: Mapping[str, Any]) -> list[Section]:
    """Scores, plots of the held-out rows, the loss and what was run. facts: what `foretell fit --json` prints."""
    sections, target = [], str(facts["target"])
    if trial.scores:
        words = f"On {len(trial.truth)} rows that were held out. R2: share of the variance explained; RMSE and MAE in units of {target}."
        sections = [
            score_table(trial.scores, words),
            truth_plot(trial.truth, trial.predicted, target),
            residual_plot(trial.truth, trial.predicted, target),
        ]
        if trial.interval is not None:
            sections.insert(2, interval_plot(trial.truth, trial.interval, trial.coverage, target))
    return [*sections, *losses(trial.model), what_was_run(facts)]


def score_table(scores: Mapping[str, Mapping[str, float]], words: str) -> Section:
    """A table with a row for each name; the first is stressed. scores: figures by name of the score, by name of the row."""
    columns = next(iter(scores.values()))
    rows = [[name, *("" if value != value else f"{value:,.4g}" for value in values.values())] for name, values in scores.items()]
    return Section("Scores", words, head=["", *columns], rows=rows, marked=0)


def losses(model: Any) -> list[Section]:
    """The loss curve of the network inside `model`, if there is one."""
    while model is not None:
        history = (getattr(model, "report_", None) or {}).get("history", [])
        if len(history) > 1:
            return [loss_plot(history)]
        model = getattr(model, "estimator_", None) or getattr(model, "forecaster_", None)
    return []


def what_was_run(facts: Mapping[str, Any]) -> Section:
    """The facts as a table, with Foretell's version; scores and results are left out."""
    from foretell import __version__

    left_out = ("scores", "interval", "forecast", "stamps")
    shown = {name.replace("_", " "): value for name, value in facts.items() if name not in left_out and value not in (None, [])}
    return Section("What was run", facts={**{name: _text(value) for name, value in shown.items()}, "foretell": __version__})


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
