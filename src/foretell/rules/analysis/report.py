"""What a monitor did to one text, for the person who asked for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from foretell.rules.analysis.answers import Counts
from foretell.rules.analysis.run import Dot, Run

_NAME = re.compile(rb"[\w\x80-\xff]*")


@dataclass(frozen=True)
class Dereference:
    """One dot that asked for a name. line: its number, from 1. code: what stands before the name on it. name: what was written after
    it, as far as the text goes. candidates: the names that the analysis gave. outcome: as in `Answer`, or "outside" where the prompt's
    own name is no candidate. wanted: what the model would rather have written where that was forbidden, else None."""

    line: int
    code: str
    name: str
    candidates: tuple[str, ...]
    outcome: str
    wanted: str | None = None

    def __str__(self) -> str:
        note = f"one of {len(self.candidates)}" if self.outcome == "known" else f"not monitored: {self.outcome}"
        if self.wanted is not None:
            note += f"; the model wanted {self.wanted!r}"
        return f"line {self.line}: {self.code}{self.name}  ({note})"


@dataclass(frozen=True)
class MonitorReport:
    """The text's dereferences in order, and what they cost, drafts and rolled back text included."""

    dereferences: tuple[Dereference, ...]
    counts: Counts

    @property
    def monitored(self) -> tuple[Dereference, ...]:
        """Those whose names were known."""
        return tuple(each for each in self.dereferences if each.outcome == "known")

    @property
    def changed(self) -> tuple[Dereference, ...]:
        """Those at which the model would rather have written something else."""
        return tuple(each for each in self.dereferences if each.wanted is not None)

    def __str__(self) -> str:
        counts = self.counts
        head = (
            f"{len(self.monitored)} of {len(self.dereferences)} names after dots monitored, {len(self.changed)} changed; "
            f"{counts.analyses} analyses in {counts.seconds:.2f} s, {counts.again} answers used again, "
            f"{counts.late} late, {counts.failed} failed"
        )
        return "\n".join([head, *map(str, self.dereferences)])


def report_of(run: Run, written: bytes, last: Dot | None) -> MonitorReport:
    """The report of the new text `written`, on whose way `last` was the last dot that asked for a name."""
    found, dot = [], last
    while dot is not None:
        found.append(_dereference(run, written, dot))
        dot = dot.previous
    return MonitorReport(tuple(reversed(found)), run.counts)


def _dereference(run: Run, written: bytes, dot: Dot) -> Dereference:
    text, start, given = run.before + written, len(dot.text), len(run.before)
    match = _NAME.match(text, start)
    assert match is not None  # the pattern matches nothing too
    begun, answer = _shown(text[start:given]), dot.answer
    outside = answer.outcome == "known" and not any(name.startswith(begun) for name in answer.names)
    places = range(max(start - 1 - given, 0), max(match.end() - given, 0) + 1)  # a token that holds the dot begins before it
    wanted = next((run.wanted[written[:i]] for i in places if written[:i] in run.wanted), None)
    line = _shown(dot.text.rpartition(b"\n")[2]).lstrip()
    return Dereference(
        text.count(b"\n", 0, start) + 1,
        line,
        _shown(match.group()),
        answer.names,
        "outside" if outside else answer.outcome,
        None if wanted is None else _shown(wanted),
    )


def _shown(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
