"""The output of `foretell complete`: the drafts of a text, once or again as the text grows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foretell.cli.common.options import notice
from foretell.cli.common.program import say

if TYPE_CHECKING:
    from foretell.completion import Completion


@dataclass(frozen=True)
class CompletionDisplay:
    """Completes texts and prints the drafts. complete: from a text to its completion. facts: fields of every JSON object. condition: of the
    search's guarantee."""

    complete: Callable[[str], Completion]
    facts: dict[str, Any]
    condition: str
    as_json: bool

    def timed(self, text: str) -> tuple[Completion, float]:
        """A completion, and the milliseconds that it took, including the perplexities."""
        began = time.perf_counter()
        return self.complete(text), 1000 * (time.perf_counter() - began)

    def show(self, found: Completion, millis: float, first_millis: float | None = None) -> None:
        """Print drafts to standard output; time, search and guarantee to standard error."""
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
        say("the number before a draft is its perplexity under the model, not the score of the search", "dim")
        before = "" if first_millis is None else f"; the first completion took {first_millis:.0f} ms"
        cut = "; stopped by --within" if found.found.finish_reason == "time" else ""
        say(f"{millis:.0f} ms a keystroke, {rescoring:.0f} of them for perplexities, {found.found.num_passes} passes{before}{cut}", "dim")
        say(f"{found.search}; n-grams: {self.facts['ngrams'] or 'none'}", "dim")
        say(f"{found.guarantee}: {self.condition}", "dim")

    def once(self, text: str) -> None:
        """Print the drafts of a text. The time of a keystroke is measured: the text without its last letter is completed first."""
        with notice("reading the prompt"):  # on the first run on a machine, engines compile their kernels here
            _, first = self.timed(text[:-1] if text[:-1].strip() else text)
        self.show(*self.timed(text), first)

    def converse(self, text: str) -> None:
        """Print new drafts after each line of standard input, which is appended to the text, until it ends."""
        asks = sys.stdin.isatty() and not self.as_json
        if asks:
            say("text is appended; a number appends that draft; an empty line appends a line break; Ctrl-D ends", "dim")
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
