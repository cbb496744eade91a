"""What a monitor did to one text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from foretell.rules.analysis.completions import AnalysisCounts, DereferenceSite, MonitoredRequest

_NAME = re.compile(rb"[\w\x80-\xff]*")


@dataclass(frozen=True)
class Dereference:
    """One dot that must be followed by an existing name.

    line: line number, from 1. code: what stands before the name on that line. name: the generated name, as far as the text goes.
    candidates: the names of the analysis. outcome: as in `Completions`, or "outside" if the part of the name that the prompt gives begins
    no candidate. wanted: the token that the model preferred if it was not allowed, else None.
    """

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
    """The text's dereferences in order, and what they cost. counts: with drafts and rolled-back text."""

    dereferences: tuple[Dereference, ...]
    counts: AnalysisCounts

    @property
    def monitored(self) -> tuple[Dereference, ...]:
        """Those whose names were known."""
        return tuple(each for each in self.dereferences if each.outcome == "known")

    @property
    def changed(self) -> tuple[Dereference, ...]:
        """Those at which the model preferred a token that was not allowed."""
        return tuple(each for each in self.dereferences if each.wanted is not None)

    def __str__(self) -> str:
        counts = self.counts
        head = (
            f"{len(self.monitored)} of {len(self.dereferences)} names after dots monitored, {len(self.changed)} changed; "
            f"{counts.num_analyses} analyses in {counts.seconds:.2f} s, {counts.num_reused} answers used again, "
            f"{counts.num_late} late, {counts.num_failed} failed"
        )
        return "\n".join([head, *map(str, self.dereferences)])


def report_of(request: MonitoredRequest, written: bytes, last: DereferenceSite | None) -> MonitorReport:
    """The report of the new text `written`. last: its last dereference site."""
    dereferences, site = [], last
    while site is not None:
        dereferences.append(_dereference(request, written, site))
        site = site.previous
    return MonitorReport(tuple(reversed(dereferences)), request.counts)


def _dereference(request: MonitoredRequest, written: bytes, site: DereferenceSite) -> Dereference:
    text, start, num_given = request.before + written, len(site.text), len(request.before)
    match = _NAME.match(text, start)
    assert match is not None  # the pattern matches the empty string too
    given, completions = _decoded(text[start:num_given]), site.completions
    is_outside = completions.outcome == "known" and not any(name.startswith(given) for name in completions.names)
    lengths = range(max(start - 1 - num_given, 0), max(match.end() - num_given, 0) + 1)  # a token with the dot begins before it
    wanted = next((request.wanted[written[:i]] for i in lengths if written[:i] in request.wanted), None)
    line = _decoded(site.text.rpartition(b"\n")[2]).lstrip()
    return Dereference(
        text.count(b"\n", 0, start) + 1,
        line,
        _decoded(match.group()),
        completions.names,
        "outside" if is_outside else completions.outcome,
        None if wanted is None else _decoded(wanted),
    )


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
