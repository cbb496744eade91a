"""Rows of a table, or texts, as prompts that end where a number is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.errors import UserError
from foretell.models.base import Model
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require

CHOICES = ("random", "nearest")


@dataclass(frozen=True)
class Prompter:
    """Writes prompts: an instruction, solved examples, and the row to predict.

    template: how a row is written, with {column} where its value goes; None writes "column: value" lines, or the bare text where there is
    one column of texts. target: the name of the number. Each example is the row, a line break, "target: number" and an empty line. Values
    are written by `%g`, so that 5.0 is "5".
    """

    template: str | None
    target: str
    instruction: str

    def row(self, names: Sequence[str], values: Sequence[Any]) -> str:
        """One row as text; ValueError for a template that names no column."""
        said = {
            name: f"{value:g}" if isinstance(value, float | np.floating) else str(value) for name, value in zip(names, values, strict=True)
        }
        if self.template is None:
            return next(iter(said.values())) if names == ["text"] else "\n".join(f"{name}: {value}" for name, value in said.items())
        try:
            return self.template.format(**said)
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(f"template={self.template!r} must name columns, which are {', '.join(names)} ({error!r})") from error

    def prompt(self, examples: Sequence[tuple[str, str]], row: str) -> str:
        """(row, number) examples, then the row in question, up to where the number's text, a space first, is to follow."""
        solved = "".join(f"{text}\n{self.target}: {number}\n\n" for text, number in examples)
        return f"{self.instruction}{self.instruction and chr(10) * 2}{solved}{row}\n{self.target}:"


def choose_examples(how: str, num: int, known: Sequence[str], asked: Sequence[str], rng: np.random.RandomState) -> list[list[int]]:
    """Which known rows each asked one is shown, `num` at most. "random": the same for all, so that prompts share them; "nearest": those
    of the most similar text (cosine of words' and letter triples' tf-idf), the most similar one last."""
    num = min(num, len(known))
    if how == "random" or not num:
        return [rng.permutation(len(known))[:num].tolist()] * len(asked)
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit(known)
    likeness = np.asarray((found.transform(asked) @ found.transform(known).T).todense())
    return np.argsort(likeness, axis=1, kind="stable")[:, -num:].tolist()


def stop_tokens(model: Model, text: str = "\n") -> frozenset[int]:
    """The model's stop tokens, and all tokens that begin with `text`; ValueError where there are none."""
    if model.tokenizer is not None:
        from foretell.prepare import stop_tokens as of_text

        return of_text(model, text)
    begin = text.encode()
    stops = frozenset(token for token, data in enumerate(Vocabulary.of(model).tokens) if data and data.startswith(begin))
    require(bool(stops), model, "spelling", model.spelling, f"has no token that begins with {text!r}, so nothing could end a number")
    return stops


def encode(model: Model, text: str) -> list[int]:
    """Token ids of a prompt."""
    return Vocabulary.of(model).encode(text) if model.tokenizer is None else model.tokenizer.encode(text)
