"""An analyser's answers, kept: drafts, samples and rolled back text ask again for what was asked before."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from foretell.models.vocabulary import Vocabulary
from foretell.rules.analysis.base import Analyser, FailedError, LateError
from foretell.rules.automata.literals import Literals

#: Answers that are kept, and sets of names of which automata are.
_KEPT = 512


@dataclass(frozen=True, eq=False)
class Answer:
    """outcome: "known", or why there is no mask: "unknown" (the analyser says nothing), "late", "failed" or "unspellable" (tokens can
    write none of the names). literals: the names as an automaton where they are known."""

    outcome: str
    names: tuple[str, ...] = ()
    seconds: float = 0.0
    literals: Literals | None = None


@dataclass
class Counts:
    """Of one request, its drafts and rolled back text included. analyses: times that the analyser was asked. again: times that the
    answer was known already. late, failed: analyses without an answer. seconds: in the analyser."""

    analyses: int = 0
    again: int = 0
    late: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass
class Answers:
    """Of one file that is being written with one vocabulary. path: the file. after: what follows the cursor."""

    analyser: Analyser
    vocabulary: Vocabulary
    path: str
    after: str = ""
    kept: OrderedDict[tuple[Hashable, bytes], Answer] = field(default_factory=OrderedDict, repr=False)
    automata: OrderedDict[tuple[str, ...], Literals] = field(default_factory=OrderedDict, repr=False)
    breaks: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.breaks = bytes(byte for byte in range(128) if self.analyser.ends_name(chr(byte)))

    def to(self, before: bytes, stamp: Hashable, counts: Counts) -> Answer:
        """What may follow `before`, the text up to and with a dot; the analyser is asked once a text and `stamp` of the project."""
        key = (stamp, before)
        if key in self.kept:
            counts.again += 1
            self.kept.move_to_end(key)
        else:
            self.kept[key] = self._ask(before.decode("utf-8", errors="replace"), counts)
            if len(self.kept) > _KEPT:
                self.kept.popitem(last=False)
        return self.kept[key]

    def _ask(self, before: str, counts: Counts) -> Answer:
        begin = time.perf_counter()
        outcome = "unknown"
        names: tuple[str, ...] = ()
        try:
            names = tuple(self.analyser.complete(self.path, before + self.after, len(before)))
        except LateError:
            outcome = "late"
        except FailedError:
            outcome = "failed"
        seconds = time.perf_counter() - begin
        counts.analyses += 1
        counts.late += outcome == "late"
        counts.failed += outcome == "failed"
        counts.seconds += seconds
        if not names:
            return Answer(outcome, seconds=seconds)
        literals = self._automaton(names)
        return Answer("known" if literals else "unspellable", names, seconds, literals or None)

    def _automaton(self, names: tuple[str, ...]) -> Literals:
        if names not in self.automata:
            self.automata[names] = Literals([name.encode() for name in names], self.breaks, self.vocabulary)
            if len(self.automata) > _KEPT:
                self.automata.popitem(last=False)
        return self.automata[names]
