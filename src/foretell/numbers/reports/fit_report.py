"""The sections of the page about a fit to a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretell.numbers.reports.page import Section
from foretell.numbers.reports.plots import interval_plot, loss_plot, residual_plot, truth_plot
from foretell.numbers.tables.trial import Trial


def fit_sections(trial: Trial, facts: Mapping[str, Any]) -> list[Section]:
    """facts: what was run, as `foretell fit --json` prints it."""
    sections, target = [], str(facts["target"])
    if trial.scores:
        words = (
            f"On {len(trial.truth)} rows that no estimator was fitted to. R2: share of the variance explained; errors in units of {target}."
        )
        sections = [
            score_table(trial.scores, words),
            truth_plot(trial.truth, trial.predicted, target),
            residual_plot(trial.truth, trial.predicted, target),
        ]
        if trial.interval is not None:
            sections.insert(2, interval_plot(trial.truth, trial.interval, trial.coverage, target))
    return [*sections, *losses(trial.model), what_was_run(facts)]


def score_table(scores: Mapping[str, Mapping[str, float]], words: str) -> Section:
    """A row a name, the first stressed."""
    columns = next(iter(scores.values()))
    rows = [[name, *(f"{value:,.4g}" for value in values.values())] for name, values in scores.items()]
    return Section("Scores", words, head=["", *columns], rows=rows, marked=0)


def losses(model: Any) -> list[Section]:
    """The loss curve of whatever network lies inside."""
    while model is not None:
        history = (getattr(model, "report_", None) or {}).get("history", [])
        if len(history) > 1:
            return [loss_plot(history)]
        model = getattr(model, "estimator_", None) or getattr(model, "forecaster_", None)
    return []


def what_was_run(facts: Mapping[str, Any]) -> Section:
    """Names and values, and the version."""
    from foretell import __version__

    left_out = ("scores", "interval", "forecast", "stamps")
    shown = {name.replace("_", " "): value for name, value in facts.items() if name not in left_out and value not in (None, [])}
    return Section("What was run", facts={**{name: _text(value) for name, value in shown.items()}, "foretell": __version__})


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
