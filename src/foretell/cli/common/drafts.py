"""What `foretell complete` does with drafts: ask for them, show them, and ask again as the text grows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foretell.cli.common.options import notice
from foretell.cli.common.program import say

if TYPE_CHECKING:
    from foretell.completion import Completion


@dataclass(frozen=True)
class Desk:
    """ask: from a text to its completion. facts: said with every answer."""

    ask: Callable[[str], Completion]
    facts: dict[str, str | None]
    condition: str
    as_json: bool

    def timed(self, text: str) -> tuple[Completion, float]:
        """An answer, and the milliseconds that its reader waits for it, perplexities included."""
        began = time.perf_counter()
        return self.ask(text), 1000 * (time.perf_counter() - began)

    def show(self, found: Completion, millis: float, first_millis: float | None = None) -> None:
        """Drafts to stdout, and to stderr what they cost and what they are."""
        rescoring = 1000 * found.rescoring_seconds
        if self.as_json:
            rows = [
                {"text": each.text, "tokens": each.tokens, "logprob": each.logprob, "perplexity": each.perplexity, "score": each.score}
                for each in found.drafts
            ]
            cost = {"keystroke_ms": millis, "first_ms": first_millis, "rescoring_ms": rescoring, "passes": found.found.num_passes}
            guarantee = {"search": found.search, "guarantee": found.guarantee}
            print(json.dumps({"drafts": rows, **guarantee, **self.facts, **cost}, ensure_ascii=False), flush=True)
            return
        for number, each in enumerate(found.drafts, 1):
            print(f"{number}  {each.perplexity:8.2f}  {each.text!r}", flush=True)
        say("the number before a draft is its perplexity under the model itself, not the search's score", "dim")
        before = "" if first_millis is None else f"; the first answer took {first_millis:.0f} ms"
        cut = "; cut by --within" if found.found.finish_reason == "time" else ""
        say(f"{millis:.0f} ms a keystroke, {rescoring:.0f} of them for perplexities, {found.found.num_passes} passes{before}{cut}", "dim")
        say(f"{found.search}; n-grams: {self.facts['ngrams'] or 'none'}", "dim")
        say(f"{found.guarantee}: {self.condition}", "dim")

    def once(self, text: str) -> None:
        """Drafts for a text, and what a keystroke costs: the text is asked for as it stood one letter before, then as it is."""
        with notice("reading the prompt"):  # the first time on a machine, engines compile their kernels here
            _, first = self.timed(text[:-1] if text[:-1].strip() else text)
        self.show(*self.timed(text), first)

    def converse(self, text: str) -> None:
        """Ask again after each line of stdin, which is added to the text, until it ends."""
        asks = sys.stdin.isatty() and not self.as_json
        if asks:
            say("what you type is added to the text; a number takes that draft; an empty line breaks the line; Ctrl-D ends", "dim")
        drafts: list[str] = []
        while True:
            if text.strip():
                found, millis = self.timed(text)
                drafts = [each.text for each in found.drafts]
                self.show(found, millis)
            if asks:
                sys.stderr.write(f"{text[-60:]!r} + ")
                sys.stderr.flush()
            typed = sys.stdin.readline()
            if not typed:
                return
            typed = typed.removesuffix("\n").removesuffix("\r")
            taken = int(typed) if typed.isdecimal() else 0
            text += drafts[taken - 1] if 1 <= taken <= len(drafts) else typed or "\n"
