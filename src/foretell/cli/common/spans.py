"""The output of `foretell extract`: spans, the passage with the best one marked, scores and the proof."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from rich.text import Text

from foretell.cli.common.model_fields import model_fields
from foretell.cli.common.program import say

if TYPE_CHECKING:
    from foretell.extraction import Extraction
    from foretell.models.base import Model


def show(found: Extraction, passage: str, model: Model, as_json: bool, quiet: bool) -> None:
    """Print spans to standard output, everything else to standard error."""
    if as_json:
        print(json.dumps(to_dict(found, model), ensure_ascii=False))
        return
    if not quiet:
        say(marked(found, passage))
    for number, span in enumerate(found.spans, 1):
        text = " ".join(span.text.split())
        print(text if len(found.spans) == 1 else f"{number}  {span.score:8.3f}  {text}", flush=True)
    if quiet:
        return
    best = found.spans[0]
    places = ", ".join(f"{start} to {end}" for start, end in best.positions)
    say(f"probability {math.exp(best.score):.3g} (log {best.score:.3f}), including that of ending there; characters {places}", "dim")
    say(proof(found), "dim" if found.optimal else "yellow")
    if found.greedy_gap is not None:
        say(compared(found), "dim")
    say(f"{1000 * found.seconds:.0f} ms, including the pass over the prompt; {found.found.num_passes} passes", "dim")


def marked(found: Extraction, passage: str) -> Text:
    """The passage with each occurrence of the best span in brackets and in colour."""
    line = Text()
    done = 0
    for start, end in found.spans[0].positions:
        if start < done:  # overlaps the one before
            continue
        line.append(passage[done:start]).append("[", "dim").append(passage[start:end], "bold green").append("]", "dim")
        done = end
    return line.append(passage[done:])


def proof(found: Extraction) -> str:
    """What the search proves about the spans that it did not score, in words."""
    read = f"{found.proof.num_expanded} prefixes of spans expanded"
    if found.optimal:
        than = f"the first {num}" if (num := sum(span.proven for span in found.spans)) > 1 else "the first" * (len(found.spans) > 1)
        return f"proven: no other span is more probable{than and f' than {than}'}; {read}"
    if found.proof.gap == math.inf:
        return f"not proven, the search was stopped; {read}"
    return f"not proven: another span may be up to {math.exp(found.proof.gap):.3g} times as probable; {read}"


def compared(found: Extraction) -> str:
    """Greedy decoding compared with the best span, in words."""
    gap = found.greedy_gap
    assert gap is not None
    kind = "the best span" if gap.is_best else "a span" if gap.is_span else "not a span"
    return (
        f"greedy decoding: {gap.text!r}, {kind} (log {gap.score:.3f}); among spans only: {gap.constrained!r} "
        f"(log {gap.constrained_score:.3f}, {gap.gap:.3f} below the best)"
    )


def to_dict(found: Extraction, model: Model) -> dict:
    """The spans and figures as JSON types; null for infinite numbers."""
    spans = [
        {"text": each.text, "positions": each.positions, "score": each.score, "tokens": each.tokens, "proven": each.proven}
        for each in found.spans
    ]
    gap, proof = found.greedy_gap, found.proof
    return {
        "spans": spans,
        "optimal": found.optimal,
        "proof": {
            "bound": _finite(proof.bound), "gap": _finite(proof.gap), "num_expanded": proof.num_expanded,
            "finish_reason": found.found.finish_reason,
        },
        "greedy": None if gap is None else vars(gap),
        **model_fields(model),
        "seconds": found.seconds,
        "passes": found.found.num_passes,
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
