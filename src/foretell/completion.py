"""`complete`: several short drafts of how a text may go on, as a text field offers them at each keystroke."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from foretell import arguments
from foretell.catalog.part_text import describe, parse_part
from foretell.decoding.search import Found, Goal, Search
from foretell.decoding.searches.superposed import Superposed
from foretell.decoding.searching.ngram_model import NGramModel
from foretell.decoding.searching.rescoring import log_probabilities
from foretell.errors import UserError
from foretell.models.base import Cache, Model
from foretell.prepare import resolve


@dataclass(frozen=True)
class Draft:
    """text, tokens: of the draft, without what was given; an end-of-text token is in `tokens` only. logprob: the model's own
    log-probability of the tokens, in nats. score: the search's, which is not that."""

    text: str
    tokens: tuple[int, ...]
    logprob: float
    score: float
    finished: bool

    @property
    def perplexity(self) -> float:
        """exp(-logprob / number of tokens)."""
        return math.exp(-self.logprob / len(self.tokens))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Completion:
    """drafts: best first by the search's ranking. seconds: of the search; the rescoring's are apart. found: the search's own
    account, with its passes."""

    drafts: list[Draft]
    search: str
    guarantee: str
    seconds: float
    rescoring_seconds: float
    found: Found


def complete(
    text: str,
    model: Model | str | None = None,
    k: int | None = None,
    max_new_tokens: int | None = 10,
    *,
    search: Search | str | None = None,
    ngrams: NGramModel | str | Path | None = None,
    max_seconds: float | None = math.inf,
) -> Completion:
    """k different drafts of how `text` goes on, each with the model's own log-probability.

    search: a `Search` or its short text, "superposed" by default: a lossy one, whose k drafts (3 by default) cost the passes
    of one. ngrams: a table for it, or the file of one. The text is fed as it is, with no chat template; what it shares with the
    text of the call before is not read again. Raises ValueError for options that do not fit each other or the model.

    >>> import foretell as ft
    >>> [draft.text for draft in ft.complete("The capital of France is", k=2).drafts]  # doctest: +SKIP
    [' Paris. The city ...', ' a city of ...']
    """
    text, max_new_tokens = arguments.text("text", text), arguments.whole("max_new_tokens", 10 if max_new_tokens is None else max_new_tokens)
    max_seconds = math.inf if max_seconds is None else arguments.real("max_seconds", max_seconds, infinite=True)
    model = resolve(model)
    if model.tokenizer is None:
        raise UserError("model: it has no tokenizer, so it cannot read text; call a search's `run` with token ids")
    if not text.strip():
        raise UserError("text is empty; give some text")
    chosen = make_search(search, k, ngrams)
    memory = model.pool.get(("search", chosen), lambda: chosen.remember(model))
    prompt = model.tokenizer.encode(text)
    caches: list[tuple[list[int], Cache]] = model.pool.get("completion caches", list)
    try:
        before, cache = caches.pop()  # at most one caller has it; a second one at the same time starts anew
        # the prompt's last row is read anew: a group of models decides there whose turn it is
        cache.truncate(min(cache.length, _shared(before, prompt), len(before) - 1))
        reused: Cache | None = cache
    except IndexError:
        reused = None
    began = time.perf_counter()
    with model.lock:
        found = chosen.run(model, Goal(prompt, max_new_tokens, model.tokenizer.stop_tokens, max_seconds, reused), memory)
        searched = time.perf_counter()
        distributions = log_probabilities(model, prompt, [each.tokens for each in found.hypotheses], found.cache)
    rescored = time.perf_counter()
    caches[:] = [(prompt, found.cache)]
    drafts = []
    for each, logprobs in zip(found.hypotheses, distributions, strict=True):
        shown = each.tokens[:-1] if each.finished else each.tokens
        decoder = model.tokenizer.stream(prompt)  # after the text: tokenizers may drop a space that begins one
        drafts.append(Draft(decoder.push(*shown) + decoder.finish(), each.tokens, float(logprobs.sum()), each.score, each.finished))
    return Completion(drafts, describe(replace_table(chosen)), chosen.guarantee.kind, searched - began, rescored - searched, found)


def make_search(search: Search | str | None, k: int | None, ngrams: NGramModel | str | Path | None) -> Search:
    """The search that `complete`'s options mean."""
    chosen = Superposed() if search is None else parse_part(search, "search") if isinstance(search, str) else search
    if not isinstance(chosen, Search):
        raise UserError(f"search={arguments.shown(search)} is no search; pass a part such as Superposed(), its short text, or None")
    changes: dict = {} if k is None else {"k": arguments.whole("k", k)}
    if ngrams is not None:
        if not isinstance(ngrams, NGramModel | str | Path):
            raise UserError(f"ngrams={arguments.shown(ngrams)} is no n-gram table; pass an NGramModel, or the path of one")
        changes["ngrams"] = ngrams if isinstance(ngrams, NGramModel) else read_table(ngrams)
    for name in changes:
        if name not in chosen.__dataclass_fields__:  # type: ignore[attr-defined]
            raise UserError(f"{name}: {describe(chosen)} has no such option; choose another search, such as superposed")
    return replace(chosen, **changes)  # type: ignore[type-var]


def replace_table(search: Search) -> Search:
    """The search with its table named by its fingerprint, as its text shows it."""
    table = getattr(search, "ngrams", None)
    return replace(search, ngrams=table.fingerprint) if isinstance(table, NGramModel) else search  # type: ignore[type-var]


def read_table(path: str | Path) -> NGramModel:
    """The table in a file, read once as long as the file stays as it is."""
    file = Path(path)
    return _read_table(str(file), file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=4)
def _read_table(path: str, changed: int) -> NGramModel:
    return NGramModel.read(path)


def _shared(a: list[int], b: list[int]) -> int:
    """Length of the common beginning."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
