"""`extract`: the span of a passage that a model finds the most probable answer to a question, of all spans, with proof."""

from __future__ import annotations

import math
import re
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

from foretell import arguments
from foretell.decoding.search import Found, Goal, Hypothesis, Proof
from foretell.decoding.searches.best_first_search import BestFirstSearch
from foretell.decoding.searching.greedy_path import greedy_path
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.prepare import resolve, stop_tokens
from foretell.rules.automata.span_trie import is_span_boundary
from foretell.rules.constraints.substrings import Substrings

#: What the model reads, with the question and the passage in their places.
PROMPT = "Answer the question with a few words copied from the text.\n\nText: {passage}\n\nQuestion: {question}\nAnswer:"


@dataclass(frozen=True)
class Span:
    """text: as it stands in the passage, at each of `positions`, (start, end) in characters, the first one first. score: its
    log-probability in nats, with that of ending there. tokens: as which it has that score, without what ends it. proven: whether
    no span but those before it can have a higher score."""

    text: str
    positions: tuple[tuple[int, int], ...]
    score: float
    tokens: tuple[int, ...]
    proven: bool

    @property
    def start(self) -> int:
        """Where it first begins."""
        return self.positions[0][0]

    @property
    def end(self) -> int:
        """Where it first ends."""
        return self.positions[0][1]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class GreedyGap:
    """How far greedy decoding is from the best span. text, score: of greedy decoding left free, and with the chance of ending there;
    is_span: whether it is a span; is_best: whether it is the best one. constrained, constrained_score: of greedy decoding that copies
    a span. gap: nats from that to the best span, 0 or above where the best one is proven."""

    text: str
    score: float
    is_span: bool
    is_best: bool
    constrained: str
    constrained_score: float
    gap: float


@dataclass(frozen=True)
class Extraction:
    """spans: the best first; of one text the best way to write it. proof: that of the search. seconds: of the search, the prompt's
    reading included. greedy_gap: where it was asked for. found: the search's own account."""

    spans: list[Span]
    proof: Proof
    seconds: float
    greedy_gap: GreedyGap | None
    found: Found

    @property
    def text(self) -> str:
        """The best span's."""
        return self.spans[0].text

    @property
    def optimal(self) -> bool:
        """Whether the best span is proven to be that."""
        return self.spans[0].proven

    def __str__(self) -> str:
        return self.text


def extract(
    question: str,
    passage: str,
    model: Model | str | None = None,
    *,
    top: int | None = 1,
    max_tokens: int | None = 32,
    stop: str | Sequence[str] | None = "\n",
    prompt: str | None = PROMPT,
    chat: bool | None = False,
    retokenize: bool | None = False,
    search: BestFirstSearch | None = None,
    max_seconds: float | None = math.inf,
    greedy_gap: bool | None = False,
) -> Extraction:
    """The `top` most probable spans of `passage` as the answer to `question`.

    max_tokens: longest span. stop: texts that end an answer beside the model's own stop tokens: a span's score counts the chance of
    every token that begins with one. prompt: what the model reads, with {passage} and {question} in it; chat: as the user's turn of
    its chat template, where an answer begins without a space, so that retokenize=True is needed (see `Substrings`). search: its
    batch, budget and length penalty. greedy_gap: compare with greedy decoding, at the cost of two more texts. Out of time or nodes,
    the best span so far comes back, `proof.gap` nats or less below the best there is. An option that is None has its default.

    Raises UserError for an empty passage or question, one too long for the model, a stop text that no token begins with, a span
    limit below 1, and options that do not fit. Warns where the prompt does not hold the passage.

    >>> import foretell as ft
    >>> ft.extract("Who bought it?", "The lamp was bought by Mira Tanaka in 1987.").text  # doctest: +SKIP
    'Mira Tanaka'
    """
    top = 1 if top is None else arguments.whole("top", top)
    max_tokens = 32 if max_tokens is None else arguments.whole("max_tokens", max_tokens)
    stop = "\n" if stop is None else arguments.texts("stop", stop)
    prompt = PROMPT if prompt is None else arguments.text("prompt", prompt)
    max_seconds = math.inf if max_seconds is None else arguments.real("max_seconds", max_seconds, infinite=True)
    flags = {"chat": chat, "retokenize": retokenize, "greedy_gap": greedy_gap}
    chat, retokenize, greedy_gap = (value is not None and arguments.flag(name, value) for name, value in flags.items())
    if search is not None and not isinstance(search, BestFirstSearch):
        raise UserError(f"search={arguments.shown(search)} is no BestFirstSearch, which finds spans with proof; pass one, or None")
    model = resolve(model)
    if model.tokenizer is None:
        raise UserError("model: it has no tokenizer, so it cannot read text; run BestFirstSearch with token ids")
    for name, value in (("question", question), ("passage", passage)):
        if not arguments.text(name, value).strip():
            raise UserError(f"{name}={value!r} is empty; give some text")
    if top < 1:
        raise UserError(f"top={top!r} must be at least 1")
    if "{passage}" not in prompt:
        warnings.warn(f"prompt={prompt!r} has no {{passage}} in it: the model does not read what it extracts from", stacklevel=2)
    rule = Substrings(passage, max_tokens, retokenize)
    given = {"passage": passage, "question": question}
    text = re.sub(r"\{(passage|question)\}", lambda match: given[match[1]], prompt)
    tokens = model.tokenizer.chat(text) if chat else model.tokenizer.encode(text)
    goal = Goal(tokens, max_tokens + 1, stop_tokens(model, stop), max_seconds, constraint=rule)
    chosen = replace(search or BestFirstSearch(), k=top if top == 1 else 2 * top)  # one text may be written in two ways
    began = time.perf_counter()
    with model.lock:
        found = chosen.run(model, goal, None)
    seconds = time.perf_counter() - began
    ended = [each for each in found.hypotheses if each.finished]
    proof = found.proof
    assert proof is not None
    goal.cache = found.cache
    if not ended:  # the budget is spent: one span at least
        copied = greedy_path(model, goal)
        ended, proof = [copied], replace(proof, gap=max(0.0, proof.bound - rank(copied, chosen)))
    spans = _spans(ended, proof, passage, model, chosen)[:top]
    return Extraction(spans, proof, seconds, _gap(spans[0], passage, model, goal) if greedy_gap else None, found)


def occurrences(text: str, passage: str) -> tuple[tuple[int, int], ...]:
    """Where `text` stands in `passage` without cutting a word."""
    places = (match.start() for match in re.finditer(f"(?={re.escape(text)})", passage))
    return tuple((i, i + len(text)) for i in places if is_span_boundary(passage, i) and is_span_boundary(passage, i + len(text)))


def rank(text: Hypothesis, search: BestFirstSearch) -> float:
    """What the search ranks a text by."""
    return text.score / len(text.tokens) ** search.length_penalty


def _written(text: Hypothesis, model: Model) -> str:
    tokens = text.tokens[:-1] if text.finished else text.tokens
    return b"".join(model.tokenizer.token_bytes[token] or b"" for token in tokens).decode("utf-8", "replace")


def _spans(found: Sequence[Hypothesis], proof: Proof, passage: str, model: Model, search: BestFirstSearch) -> list[Span]:
    """One span a text, the best first; of equals the leftmost, then the shortest."""
    best: dict[str, Hypothesis] = {}
    for each in found:
        best.setdefault(_written(each, model).strip(), each)
    spans = [
        Span(text, occurrences(text, passage), each.score, each.tokens[:-1], rank(each, search) >= proof.bound)
        for text, each in best.items()
    ]
    return sorted(spans, key=lambda span: (-rank(best[span.text], search), span.positions[0]))


def _gap(best: Span, passage: str, model: Model, goal: Goal) -> GreedyGap:
    copied, free = greedy_path(model, goal), greedy_path(model, replace(goal, constraint=None))
    text = _written(free, model).strip()
    is_span = bool(text and occurrences(text, passage))
    gap = best.score - copied.score
    return GreedyGap(text, free.score, is_span, text == best.text, _written(copied, model).strip(), copied.score, gap)
