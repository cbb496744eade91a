"""`extract`: the span of a passage that is the most probable answer to a question under a model, with proof."""

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

#: The default prompt; {passage} and {question} are replaced.
PROMPT = "Answer the question with a few words copied from the text.\n\nText: {passage}\n\nQuestion: {question}\nAnswer:"


@dataclass(frozen=True)
class Span:
    """A span of the passage. text: of the span. positions: (start, end) of each occurrence, in characters, ascending. score: its
    log-probability in nats, including that of ending there. tokens: the token ids with that score, without the stop token. proven: whether
    it is proven that no other span, apart from those listed before, has a higher score."""

    text: str
    positions: tuple[tuple[int, int], ...]
    score: float
    tokens: tuple[int, ...]
    proven: bool

    @property
    def start(self) -> int:
        """Start of the first occurrence, in characters."""
        return self.positions[0][0]

    @property
    def end(self) -> int:
        """End of the first occurrence, in characters."""
        return self.positions[0][1]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class GreedyGap:
    """Comparison of greedy decoding with the best span. text, score: of unconstrained greedy decoding; the score includes the probability
    of ending there. is_span: whether the text is a span. is_best: whether it is the best span. constrained, constrained_score: of greedy
    decoding under the constraint that the text is a span. gap: score of the best span minus constrained_score, in nats; 0 or above where
    the best span is proven."""

    text: str
    score: float
    is_span: bool
    is_best: bool
    constrained: str
    constrained_score: float
    gap: float


@dataclass(frozen=True)
class Extraction:
    """What `extract` returns. spans: best first, each with its most probable tokenization. proof: of the search. seconds: of the search,
    including reading the prompt. greedy_gap: where asked for, else None. found: the result of the search."""

    spans: list[Span]
    proof: Proof
    seconds: float
    greedy_gap: GreedyGap | None
    found: Found

    @property
    def text(self) -> str:
        """The text of the best span."""
        return self.spans[0].text

    @property
    def optimal(self) -> bool:
        """Whether the first span is proven to be the best."""
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

    top: number of spans. max_tokens: longest span, in tokens. stop: texts that end an answer, beside the model's stop tokens; a span's
    score includes the probability of every token that begins with one. prompt: the prompt, with {passage} and {question} in it. chat: put
    it into the chat template as the user's turn; answers then begin without a space, so retokenize=True is needed (see `Substrings`).
    search: sets batch, budget and length penalty. max_seconds: time limit. greedy_gap: compare with greedy decoding, which decodes two more
    texts. When time or nodes are used up, the best span so far is returned; its score is at most `proof.gap` nats below the best.
    An option that is None has its default.

    Errors: UserError for an empty passage or question, a prompt too long for the model, a stop text that no token begins with, a span limit
    below 1, and options that do not fit. Warns where the prompt does not contain the passage.

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
    chosen = replace(search or BestFirstSearch(), k=top if top == 1 else 2 * top)  # one text may have two tokenizations
    began = time.perf_counter()
    with model.lock:
        found = chosen.run(model, goal, None)
    seconds = time.perf_counter() - began
    ended = [hypothesis for hypothesis in found.hypotheses if hypothesis.finished]
    proof = found.proof
    assert proof is not None
    goal.cache = found.cache
    if not ended:  # the budget is used up: return at least one span
        copied = greedy_path(model, goal)
        ended, proof = [copied], replace(proof, gap=max(0.0, proof.bound - rank(copied, chosen)))
    spans = _spans(ended, proof, passage, model, chosen)[:top]
    return Extraction(spans, proof, seconds, _gap(spans[0], passage, model, goal) if greedy_gap else None, found)


def occurrences(text: str, passage: str) -> tuple[tuple[int, int], ...]:
    """(start, end), in characters, of the occurrences of `text` in `passage` that do not cut a word."""
    starts = (match.start() for match in re.finditer(f"(?={re.escape(text)})", passage))
    return tuple((i, i + len(text)) for i in starts if is_span_boundary(passage, i) and is_span_boundary(passage, i + len(text)))


def rank(text: Hypothesis, search: BestFirstSearch) -> float:
    """The value by which the search ranks a text: score / length ** length_penalty."""
    return text.score / len(text.tokens) ** search.length_penalty


def _written(text: Hypothesis, model: Model) -> str:
    tokens = text.tokens[:-1] if text.finished else text.tokens
    return b"".join(model.tokenizer.token_bytes[token] or b"" for token in tokens).decode("utf-8", "replace")


def _spans(hypotheses: Sequence[Hypothesis], proof: Proof, passage: str, model: Model, search: BestFirstSearch) -> list[Span]:
    """One span for each different text, best first; of equal rank the leftmost first."""
    best: dict[str, Hypothesis] = {}
    for hypothesis in hypotheses:
        best.setdefault(_written(hypothesis, model).strip(), hypothesis)
    spans = [
        Span(text, occurrences(text, passage), hypothesis.score, hypothesis.tokens[:-1], rank(hypothesis, search) >= proof.bound)
        for text, hypothesis in best.items()
    ]
    return sorted(spans, key=lambda span: (-rank(best[span.text], search), span.positions[0]))


def _gap(best: Span, passage: str, model: Model, goal: Goal) -> GreedyGap:
    copied, free = greedy_path(model, goal), greedy_path(model, replace(goal, constraint=None))
    text = _written(free, model).strip()
    is_span = bool(text and occurrences(text, passage))
    gap = best.score - copied.score
    return GreedyGap(text, free.score, is_span, text == best.text, _written(copied, model).strip(), copied.score, gap)
