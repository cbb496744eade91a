"""The completions of an analyser, cached, and the requests that ask for them.

Drafts, samples and rolled-back text ask again for what was asked before.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

from foretell.models.vocabulary import Vocabulary
from foretell.pool import Pool
from foretell.rules.analysis.analyser import Analyser, AnalysisFailedError, AnalysisTimeoutError
from foretell.rules.analysis.monitor_mask import MonitorMask, unrestricted_mask
from foretell.rules.automata.literals import LiteralNode, Literals

#: How many answers, automata and masks are kept.
_MAX_ITEMS = 512


@dataclass(frozen=True, eq=False)
class Completions:
    """The answer to one query. outcome: "known", or the reason why there is no mask: "unknown" (the analyser has no names), "late" (out of
    budget), "failed" or "unspellable" (tokens can spell none of the names). names: the analyser's. seconds: what the query took.
    literals: the names as an automaton if they are known."""

    outcome: str
    names: tuple[str, ...] = ()
    seconds: float = 0.0
    literals: Literals | None = None


@dataclass
class AnalysisCounts:
    """Counts of one request, with its drafts and rolled-back text. num_analyses: queries to the analyser. num_reused: answers that were
    known already. num_late, num_failed: analyses without an answer. seconds: time in the analyser."""

    num_analyses: int = 0
    num_reused: int = 0
    num_late: int = 0
    num_failed: int = 0
    seconds: float = 0.0


@dataclass
class CompletionCache:
    """The completions within one file, for one vocabulary. path: the file. after: the text behind the cursor. Thread-safe."""

    analyser: Analyser
    vocabulary: Vocabulary
    path: str
    after: str = ""
    delimiters: bytes = field(init=False)
    _answers: Pool[tuple[Hashable, bytes], Completions] = field(default_factory=lambda: Pool(_MAX_ITEMS), init=False, repr=False)
    _literals: Pool[tuple[str, ...], Literals] = field(default_factory=lambda: Pool(_MAX_ITEMS), init=False, repr=False)
    _masks: Pool[LiteralNode, MonitorMask] = field(default_factory=lambda: Pool(_MAX_ITEMS), init=False, repr=False)

    def __post_init__(self) -> None:
        self.delimiters = bytes(byte for byte in range(128) if self.analyser.is_delimiter(chr(byte)))

    def get(self, before: bytes, version: Hashable, counts: AnalysisCounts) -> Completions:
        """The completions of `before`, the text up to and including a dot. The analyser is asked once for a text and project version;
        counts records whether it was."""
        queries: list[str] = []

        def ask() -> Completions:
            queries.append(before.decode("utf-8", errors="replace"))
            return self._ask(queries[0], counts)

        answer = self._answers.get((version, before), ask)
        counts.num_reused += not queries
        return answer

    def mask(self, node: LiteralNode | None) -> MonitorMask:
        """The tokens that are allowed at a node of the names; at None, where nothing is restricted, all."""
        if node is None:
            return self.vocabulary.derive(unrestricted_mask)
        return self._masks.get(node, lambda: MonitorMask(node.allowed, self.vocabulary))

    def _ask(self, before: str, counts: AnalysisCounts) -> Completions:
        begin = time.perf_counter()
        outcome = "unknown"
        names: tuple[str, ...] = ()
        try:
            names = tuple(self.analyser.complete(self.path, before + self.after, len(before)))
        except AnalysisTimeoutError:
            outcome = "late"
        except AnalysisFailedError:
            outcome = "failed"
        seconds = time.perf_counter() - begin
        counts.num_analyses += 1
        counts.num_late += outcome == "late"
        counts.num_failed += outcome == "failed"
        counts.seconds += seconds
        if not names:
            return Completions(outcome, seconds=seconds)
        literals = self._literals.get(names, lambda: Literals([name.encode() for name in names], self.delimiters, self.vocabulary))
        return Completions("known" if literals else "unspellable", names, seconds, literals or None)


@dataclass
class MonitoredRequest:
    """What the states of one request share.

    before: the code before the new text. version: the project's version at the beginning. wanted: new text -> bytes of the token that the
    model preferred to all allowed ones after it.
    """

    cache: CompletionCache
    before: bytes
    version: Hashable = None
    counts: AnalysisCounts = field(default_factory=AnalysisCounts)
    wanted: dict[bytes, bytes] = field(default_factory=dict)
    _dereferences: dict[bytes, bool] = field(default_factory=dict, init=False, repr=False)

    def is_dereference(self, written: bytes) -> bool:
        """Whether the dot at the end of the new text `written` must be followed by an existing name."""
        if written not in self._dereferences:
            text = (self.before + written).decode("utf-8", errors="replace")
            self._dereferences[written] = self.cache.analyser.is_dereference(text)
        return self._dereferences[written]


class DereferenceSite:
    """A dot that must be followed by an existing name. text: all text up to and including the dot. previous: the site before it."""

    def __init__(self, request: MonitoredRequest, text: bytes, previous: DereferenceSite | None) -> None:
        self.request, self.text, self.previous = request, text, previous

    @cached_property
    def completions(self) -> Completions:
        """The names that may follow, asked when they are first needed."""
        return self.request.cache.get(self.text, self.request.version, self.request.counts)
