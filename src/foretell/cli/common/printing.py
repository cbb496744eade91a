"""How a generated text is shown: streamed, coloured by who drafted it, with a summary."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from foretell.api import Piece
    from foretell.decoding.cost_curve import CostCurve
    from foretell.decoding.request import Logprob
    from foretell.decoding.trace import Trace
    from foretell.models.text import Text as Tokenizer

#: One for each drafter in the order they first appear; the model's own tokens stay plain.
COLORS = ("green", "cyan", "magenta", "yellow", "blue", "red")
OWN = "the model's own"


class Writer:
    """Writes pieces to stdout as they come. `text` is all that was written."""

    def __init__(self, color: bool, show: bool = True) -> None:
        self.text = ""
        self._show, self._styles = show, Styles(color)
        self._terminal = sys.stdout.isatty()

    def write(self, piece: Piece) -> None:
        self.text += piece
        if not self._show:
            return
        # A model may write escape codes; a terminal must not obey them.
        text = str(piece).replace("\x1b", "\N{SYMBOL FOR ESCAPE}") if self._terminal else str(piece)
        sys.stdout.write(self._styles.paint(text, piece.source))
        sys.stdout.flush()

    def end(self) -> None:
        """Close the last line."""
        if self._show and not self.text.endswith("\n"):
            sys.stdout.write("\n")
        sys.stdout.flush()

    def legend(self, trace: Trace) -> Text:
        """Which colour is whose, with the share of tokens of each."""
        total = trace.num_tokens or 1
        line = Text("drafted by ")
        for source, num in sorted(trace.sources.items(), key=lambda item: (item[0] == "", -item[1])):
            line.append(f"{source or OWN} {num / total:.0%}", self._styles.color_of(source))
            line.append("   ")
        line.rstrip()
        return line


class Styles:
    """A colour for each source, chosen when it first appears."""

    def __init__(self, on: bool) -> None:
        self._on, self._known = on, {"": ""}

    def color_of(self, source: str) -> str:
        if source not in self._known:
            self._known[source] = COLORS[(len(self._known) - 1) % len(COLORS)]
        return self._known[source]

    def paint(self, text: str, source: str) -> str:
        """With escape codes around it, line by line, so that pagers and terminals keep the colour within its line."""
        color = self.color_of(source)
        if not self._on or not color:
            return text
        from rich.color import ColorSystem
        from rich.style import Style

        return Style(color=color).render(text, color_system=ColorSystem.STANDARD)


def numbers(trace: Trace, curve: CostCurve | None, finish_reason: str) -> str:
    """The summary's first line: how much, how soon, how fast."""
    from foretell.decoding.gain import gain, steps_after_first

    parts = [_count(trace.num_tokens, "token")]
    first = first_seconds(trace)
    if first is not None:
        parts.append(f"first after {first:.2f} s")
    rest = steps_after_first(trace)
    seconds = sum(sum(step.seconds.values()) for step in rest)
    if seconds:
        parts.append(f"then {sum(len(step.tokens) for step in rest) / seconds:.1f} tokens/s")
        parts.append(f"{trace.tokens_per_step:.2f} tokens a step")
    times = gain(trace, curve) if curve is not None and any(step.drafted for step in trace.steps) else None
    if times is not None:
        parts.append(f"{times:.2f}x plain decoding (estimate)")
    reasons = {"length": "cut by --max-new-tokens", "context": "cut: the model's context is full"}
    if finish_reason in reasons:
        parts.append(reasons[finish_reason])
    return ", ".join(parts)


def first_seconds(trace: Trace) -> float | None:
    """Seconds from the start to the first token, the prompt's pass included."""
    total = 0.0
    for step in trace.steps:
        total += sum(step.seconds.values())
        if step.tokens:
            return total
    return None


def promise(kind: str, condition: str, greedy: bool) -> str:
    """A law in words."""
    if kind == "exact":
        return f"exact: the same {'text' if greedy else 'distribution'} as plain decoding"
    return f"{kind}: {condition}"


def logprob_lines(entries: list[Logprob], tokenizer: Tokenizer) -> list[str]:
    """A line per token: its log-probability, the token, and the best alternatives."""
    lines = []
    for entry in entries:
        best = "  ".join(f"{tokenizer.decode([token], special=True)!r} {value:.3f}" for token, value in entry.top)
        lines.append(f"{entry.logprob:8.3f}  {tokenizer.decode([entry.token], special=True)!r:<16}  {best}".rstrip())
    return lines


def _count(num: int, what: str) -> str:
    return f"{num} {what}{'' if num == 1 else 's'}"
