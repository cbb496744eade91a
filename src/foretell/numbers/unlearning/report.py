"""`UnlearningReport`: what was forgotten, how well, and what that does not promise."""

from __future__ import annotations

import json
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from foretell.errors import UserError
from foretell.numbers.unlearning.base import UnlearningMethod
from foretell.numbers.unlearning.figures import NAMES, figures
from foretell.numbers.unlearning.retrain import Retrain
from foretell.numbers.unlearning.rows import forget_mask
from foretell.numbers.unlearning.words import LIMITS, NO_GOLD, RETRAINED_LIMITS, effect, verdict

COLUMNS = {"original": "before", "unlearned": "after", "gold": "trained without the rows"}


@dataclass(frozen=True)
class UnlearningReport:
    """Compares the original model, the unlearned one and, best, one that was trained without the rows (`gold`, as `Retrain()` gives).
    Without gold it cannot say how well unlearning worked, and says so; where gold and the original agree it says that there was no
    measurable memorisation to remove.

    X, y, forget: as given to `unlearn`. X_test, y_test: rows never trained on. test_forget: which of these are of the kind that was to
    be forgotten (mask or row numbers), where it is a kind, such as a range, and not single rows. method: the one used. asked: what was to
    be forgotten, in the words of who asked. relearning_rate: learning rate of the anamnesis index, which takes most of the time; 0
    leaves it out.

    `text()`, `to_dict()`, `to_json()`, `write(path)` for the page.
    """

    original: Any
    unlearned: Any
    gold: Any = None
    _: KW_ONLY
    X: Any
    y: Any
    forget: Any
    X_test: Any
    y_test: Any
    test_forget: Any = None
    method: UnlearningMethod | None = None
    asked: str = ""
    relearning_rate: float = 1e-3
    random_state: int = 0

    @cached_property
    def figures(self) -> dict[str, Any]:
        """All figures, plain data; see `figures.figures`."""
        y, y_test = (np.asarray(each, dtype=np.float64) for each in (self.y, self.y_test))
        if y.ndim > 1:
            raise UserError(f"UnlearningReport: y has {y.shape[1]} columns, but its figures are of one target; take them one by one")
        train, test = (self.X, y), (self.X_test, y_test)
        masks = self._mask, self._test_mask
        rate, seed = self.relearning_rate, self.random_state
        return figures(self._models, train, masks[0], test, masks[1], relearning_rate=rate, random_state=seed)

    @property
    def _models(self) -> dict[str, Any]:
        models = {"original": self.original, "unlearned": self.unlearned}
        return models if self.gold is None else {**models, "gold": self.gold}

    @property
    def _mask(self) -> np.ndarray:
        return forget_mask(self.forget, len(self.y))

    @property
    def _test_mask(self) -> np.ndarray:
        num = len(self.y_test)
        return np.zeros(num, dtype=bool) if self.test_forget is None else forget_mask(self.test_forget, num)

    @property
    def parts(self) -> dict[str, list[str]]:
        """The plain words by heading."""
        rows, retrained = self.figures["rows"], isinstance(self.method, Retrain)
        asked = [f"{rows['forget']:,} of the {rows['train']:,} rows that the model was trained on were to be forgotten."]
        asked += [f"In the words of the request: {self.asked}"] if self.asked else []
        done = [self.method.plainly, _named(self.method)] if self.method is not None else ["The method was not named to this report."]
        return {
            "What was asked": asked,
            "What was done": done,
            "How well it worked": effect(self.figures),
            "What it does not promise": list(RETRAINED_LIMITS if retrained else LIMITS),
        }

    def to_dict(self) -> dict[str, Any]:
        """Figures and words, plain data."""
        return {"verdict": self.verdict, **self.figures, "words": self.parts}

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict())

    @property
    def verdict(self) -> str:
        """The sentence to read first."""
        return verdict(self.figures, isinstance(self.method, Retrain))

    def text(self) -> str:
        """For a terminal."""
        lines = [self.verdict]
        for heading, sentences in self.parts.items():
            lines += ["", heading, *(f"  {sentence}" for sentence in sentences)]
        head, rows = self._table()
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines += ["", *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows])]
        return "\n".join(lines)

    def write(self, path: Path | str, title: str = "What the model has forgotten") -> None:
        """Write the page of all words, plots and figures. Raises FileWriteError, and ImportError without matplotlib."""
        from foretell.numbers.unlearning.plots import attack_plot, errors_plot, predictions_plot, relearning_plot
        from foretell.reports.page import Section, write_page

        models, mask = self.figures["models"], self._mask
        sections = [Section(heading, items=sentences) for heading, sentences in self.parts.items()]
        forgotten = _safe_rows(self.X, mask)
        predicted = {name: model.predict(forgotten) for name, model in self._models.items()}
        sections += [predictions_plot(predicted, np.asarray(self.y, dtype=float)[mask]), errors_plot(models), attack_plot(models)]
        sections += [relearning_plot(models)] if models["unlearned"]["anamnesis_index"] is not None else []
        head, rows = self._table()
        sections.append(Section("All figures", "" if self.gold is not None else NO_GOLD, head=head, rows=rows))
        write_page(path, title, sections, self.verdict)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        models = self.figures["models"]
        head = ["", *(COLUMNS[name] for name in models), "aimed at"]
        shown = {figure: words for figure, words in NAMES.items() if models["unlearned"][figure] is not None}
        rows = [[name, *(_cell(entry[figure]) for entry in models.values()), aim] for figure, (name, aim) in shown.items()]
        return head, rows


def _named(method: UnlearningMethod) -> str:
    """With all settings, those too that were left as they come."""
    return f"Method: {type(method).__name__}" + "".join(f", {name} {value}" for name, value in method.get_params().items())


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"


def _safe_rows(X: Any, mask: np.ndarray) -> Any:  # noqa: N803
    from sklearn.utils import _safe_indexing

    return _safe_indexing(X, np.flatnonzero(mask))
