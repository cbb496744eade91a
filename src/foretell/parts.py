"""Parts: the small frozen objects that a recipe is made of.

A part holds settings only. It is a frozen dataclass: `repr` rebuilds it, it compares by value, it can be pickled and copied.
What changes during a run is *state*, which the part creates and gets passed back. This module does not depend on models.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import operator
from abc import ABC
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from foretell.errors import UserError


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown `word`: the nearest known one, or all of them. Capitals do not count, nor whether
    words are joined by hyphens or underscores.

    >>> nearest("tempratur", ["temperature", "top_p"]), nearest("Top-P", ["temperature", "top_p"])
    ("did you mean 'temperature'?", "did you mean 'top_p'?")
    """
    known = sorted(known)
    alike = {name.lower().replace("_", "-"): name for name in reversed(known)}
    close = difflib.get_close_matches(word.lower().replace("_", "-"), alike, n=1, cutoff=0.6)
    return f"did you mean {alike[close[0]]!r}?" if close else f"known: {', '.join(known) or 'none'}"


class UnknownNameError(UserError):
    """A part, option or field of that name does not exist; the message suggests the nearest."""


@dataclass(frozen=True)
class Needs:
    """What a part needs of the model and the loop; `|` joins the needs of several parts.

    hidden: hidden states of every row, by the keys of `Model.forward`. prompt_rows: computes logits for the whole prompt. curve: the
    measured cost curve. tuned: a model that was trained for this part; the part does not fit other models.

    >>> Needs(hidden=(2,)) | Needs(hidden=("post_norm", 2), curve=True)
    Needs(hidden=(2, 'post_norm'), prompt_rows=False, curve=True, tuned=False)
    """

    hidden: tuple[int | str, ...] = ()
    prompt_rows: bool = False
    curve: bool = False
    tuned: bool = False

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            tuple(dict.fromkeys((*self.hidden, *other.hidden))),
            self.prompt_rows or other.prompt_rows,
            self.curve or other.curve,
            self.tuned or other.tuned,
        )

    @classmethod
    def joined(cls, parts: Iterable[Part]) -> Needs:
        """The joined needs of several parts."""
        return functools.reduce(operator.or_, (part.needs for part in parts), cls())


class Part(ABC):
    """Base of all parts. Subclasses are frozen dataclasses. UnknownNameError for an unknown option, with the nearest name."""

    #: Other names that a recipe may use for this part.
    aliases: ClassVar[tuple[str, ...]] = ()
    #: Short names of its papers, as in foretell/data/papers.toml; a plug-in may give a BibTeX entry instead.
    papers: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, *args: Any, **options: Any):
        if dataclasses.is_dataclass(cls):
            known = [field.name for field in dataclasses.fields(cls) if field.init]
            for option in options:
                if option not in known:
                    raise UnknownNameError(f"{cls.__name__} has no option {option!r}: {nearest(option, known)}")
        return super().__new__(cls)

    @classmethod
    def examples(cls) -> Sequence[Self]:
        """Small settings for the contract checks and the law kit. Override it where the class has no defaults."""
        return [cls()]

    @property
    def needs(self) -> Needs:
        """What this part needs of the model and the loop."""
        return Needs()

    def replace(self, **changes: Any):
        """A copy with the settings `changes`."""
        settings = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}  # type: ignore[arg-type]
        return type(self)(**{**settings, **changes})


def require(condition: bool, owner: object, argument: str, value: object, remedy: str) -> None:
    """Raise a UserError naming the argument, its value and the remedy, unless `condition` holds."""
    if not condition:
        raise UserError(f"{type(owner).__name__}: {argument}={value!r} {remedy}")


#: Kinds of guarantees, from the strongest promise to the weakest.
KINDS = ("exact", "bounded", "lossy")


@dataclass(frozen=True)
class Guarantee:
    """A promise about the output. kind: "exact", "bounded" or "lossy". condition: under which it holds, or what is lost."""

    kind: str
    condition: str


#: The guarantee of a single model.
EXACT_MODEL = Guarantee("exact", "the rows are those of the one model that was named")


def weakest(*guarantees: Guarantee) -> Guarantee:
    """The guarantee of a whole whose parts have these: the weakest kind, and the conditions of the parts that are not exact.

    >>> weakest(Guarantee("exact", "always"), Guarantee("lossy", "two models take turns"))
    Guarantee(kind='lossy', condition='two models take turns')
    """
    kind = max((guarantee.kind for guarantee in guarantees), key=KINDS.index)
    relevant = guarantees if kind == KINDS[0] else [guarantee for guarantee in guarantees if guarantee.kind != KINDS[0]]
    return Guarantee(kind, "; ".join(dict.fromkeys(guarantee.condition for guarantee in relevant)))
