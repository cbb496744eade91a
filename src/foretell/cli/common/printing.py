"""Printing of generated text: streamed, coloured by drafter, and summarised."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from foretell.decoding.trace import ENDING

if TYPE_CHECKING:
    from foretell.api import Piece
    from foretell.decoding.cost_curve import CostCurve
    from foretell.decoding.request import Logprob
    from foretell.decoding.trace import Trace
    from foretell.models.text import Text as Tokenizer

#: Colours of drafters, in the order of the recipe. Tokens that no drafter proposed have none.
COLORS = ("green", "cyan", "magenta", "yellow", "blue", "red")
#: Fewest steps after the first token for which a gain over plain decoding is printed.
MIN_STEPS = 8


class PieceWriter:
    """Writes pieces of text to standard output as they are generated. `text` is all that was written. sources: names of drafters, in the
    order of their colours."""

    def __init__(self, color: bool, sources: Sequence[str] = (), show: bool = True) -> None:
        self.text = ""
        self._show, self._styles = show, SourceColors(color, sources)
        self._terminal = sys.stdout.isatty()

    def write(self, piece: Piece) -> None:
        """Write one piece."""
        self.text += piece
        if not self._show:
            return
        # A model may generate escape codes, which a terminal must not execute.
        text = str(piece).replace("\x1b", "\N{SYMBOL FOR ESCAPE}") if self._terminal else str(piece)
        sys.stdout.write(self._styles.paint(text, piece.source))
        sys.stdout.flush()

    def end(self) -> None:
        """End the last line."""
        if self._show and not self.text.endswith("\n"):
            sys.stdout.write("\n")
        sys.stdout.flush()

    def legend(self, trace: Trace) -> Text:
        """The drafters in their colours, each with its share of the tokens."""
        total = trace.num_tokens or 1
        drafted = [(source, num) for source, num in trace.sources.most_common() if source not in ("", ENDING)]
        line = Text("drafted by " if drafted else "")
        for i, (source, num) in enumerate(drafted):
            line.append(", " if i else "")
            line.append(f"{source} {num / total:.0%}", self._styles.color_of(source))
        line.append(f"{'; ' if drafted else ''}not drafted {trace.sources[''] / total:.0%}")
        return line.append(f"; ending {trace.sources[ENDING] / total:.0%}" if trace.sources[ENDING] else "")


class SourceColors:
    """A colour for each source of tokens. on: whether colours are used."""

    def __init__(self, on: bool, sources: Sequence[str] = ()) -> None:
        self._on, self._known = on, {"": ""}
        for source in sources:
            self.color_of(source)

    def color_of(self, source: str) -> str:
        """The colour of a source, the same each time; "" for the model's own tokens."""
        if source not in self._known:
            self._known[source] = COLORS[(len(self._known) - 1) % len(COLORS)]
        return self._known[source]

    def paint(self, text: str, source: str) -> str:
        """The text, within escape codes where colours are on."""
        color = self.color_of(source)
        if not self._on or not color:
            return text
        from rich.color import ColorSystem
        from rich.style import Style

        return Style(color=color).render(text, color_system=ColorSystem.STANDARD)


def numbers(trace: Trace, curve: CostCurve | None, finish_reason: str) -> str:
    """The summary's first line: number of tokens, time to the first token, speed."""
    from foretell.bench.gain import gain, steps_after_first

    parts = ["1 token" if trace.num_tokens == 1 else f"{trace.num_tokens} tokens"]
    first, rest = first_seconds(trace), steps_after_first(trace)
    if first is not None:
        parts.append(f"the first after {first:.2f} s")
    if rest:
        seconds = sum(sum(step.seconds.values()) for step in rest)
        parts.append(f"then {sum(step.num_decoded for step in rest) / seconds:.1f} a second")
        parts.append(f"{trace.tokens_per_step:.2f} a step")
    if trace.speakers:
        parts.append(f"{sum(speaker > 0 for speaker in trace.speakers) / len(trace.speakers):.0%} by the large model")
        parts.append("1 switch" if trace.switches == 1 else f"{trace.switches} switches")
    if curve is not None and len(rest) >= MIN_STEPS and any(step.drafted for step in rest):
        parts.append(f"about {gain(trace, curve):.2f}x plain")
    reasons = {
        "length": "stopped by --max-new-tokens", "context": "stopped: the model's context is full", "timeout": "stopped by --timeout",
    }  # fmt: skip
    return ", ".join(parts) + (f"; {reasons[finish_reason]}" if finish_reason in reasons else "")


def first_seconds(trace: Trace) -> float | None:
    """Seconds from the start to the first token, including the pass over the prompt; None without a token."""
    total = 0.0
    for step in trace.steps:
        total += sum(step.seconds.values())
        if step.tokens:
            return total
    return None


def promise(kind: str, condition: str, greedy: bool, ruled: bool = False) -> str:
    """A guarantee in words."""
    if kind == "exact":
        return f"exact: the same {'text' if greedy else 'distribution'} as plain decoding{' under the rule' if ruled else ''}"
    return f"{kind}: {condition}"


def logprob_lines(entries: list[Logprob], tokenizer: Tokenizer) -> list[str]:
    """A line for each token: its log-probability, the token, and the most probable tokens there."""
    lines = []
    for entry in entries:
        best = "  ".join(f"{tokenizer.token_text(token)!r} {value:.3f}" for token, value in entry.top)
        logprob = f"{entry.logprob:8.3f}" if entry.logprob is not None else "  ending"
        lines.append(f"{logprob}  {tokenizer.token_text(entry.token)!r:<16}  {best}".rstrip())
    return lines
