"""What the states of one monitored text share, and the dots on its way."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

from foretell.rules.analysis.answers import Answer, Answers, Counts


@dataclass
class Run:
    """What the states of one request share. before: the code before its new text. wanted: by new text, the token that the model
    preferred to all that were allowed after it."""

    answers: Answers
    before: bytes
    stamp: Hashable = None
    counts: Counts = field(default_factory=Counts)
    wanted: dict[bytes, bytes] = field(default_factory=dict)
    known: dict[bytes, bool] = field(default_factory=dict)

    def asks(self, written: bytes) -> bool:
        """Whether the dot that ends the new text asks for a name."""
        if written not in self.known:
            self.known[written] = self.answers.analyser.asks((self.before + written).decode("utf-8", errors="replace"))
        return self.known[written]


class Dot:
    """A dot that asks for a name. text: all that is before the name. previous: the dot before it on the same path."""

    def __init__(self, run: Run, text: bytes, previous: Dot | None) -> None:
        self.run, self.text, self.previous = run, text, previous

    @cached_property
    def answer(self) -> Answer:
        return self.run.answers.to(self.text, self.run.stamp, self.run.counts)
