"""`complete`: several short continuations of a text, for autocompletion."""

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
    """A continuation. text, tokens: without the given text; an end-of-text token is in `tokens` only. logprob: the model's log-probability
    of the tokens, in nats. score: the search's score, which may differ from it. finished: whether a stop token ended the draft."""

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
    """What `complete` returns. drafts: best first by the search's ranking. search: as text. guarantee: kind of the search's guarantee.
    seconds: of the search. rescoring_seconds: of computing log-probabilities. found: the result of the search."""

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
    parse_special: bool | None = False,
) -> Completion:
    """k different continuations of `text`, each with the model's log-probability.

    k: number of drafts; None takes the search's default. max_new_tokens: longest draft. search: a `Search` or its short text. The default
    is "superposed", a lossy search whose 3 drafts cost the forward passes of one. ngrams: an n-gram table for it, or the file of one.
    max_seconds: time limit of the search. parse_special: as in `generate`. The text is fed without a chat template; a common prefix with
    the previous call's text is not read again.

    Errors: UserError for options that do not fit each other or the model.

    >>> import foretell as ft
    >>> [draft.text for draft in ft.complete("The capital of France is", k=2).drafts]  # doctest: +SKIP
    [' Paris. The city ...', ' a city of ...']
    """
    text, max_new_tokens = arguments.text("text", text), arguments.whole("max_new_tokens", 10 if max_new_tokens is None else max_new_tokens)
    max_seconds = math.inf if max_seconds is None else arguments.real("max_seconds", max_seconds, infinite=True)
    parse_special = parse_special is not None and arguments.flag("parse_special", parse_special)
    model = resolve(model)
    if model.tokenizer is None:
        raise UserError("model: it has no tokenizer, so it cannot read text; call a search's `run` with token ids")
    if not text.strip():
        raise UserError("text is empty; give some text")
    chosen = make_search(search, k, ngrams)
    memory = model.pool.get(("search", chosen), lambda: chosen.remember(model))
    prompt = model.tokenizer.encode(text, parse_special=parse_special)
    caches: list[tuple[list[int], Cache]] = model.pool.get("completion caches", list)
    try:
        before, cache = caches.pop()  # a second caller at the same time starts with a new cache
        # the prompt's last row is read again, because a group of models chooses its member there
        cache.truncate(min(cache.length, _shared(before, prompt), len(before) - 1))
        reused: Cache | None = cache
    except IndexError:
        reused = None
    began = time.perf_counter()
    with model.lock:
        found = chosen.run(model, Goal(prompt, max_new_tokens, model.tokenizer.stop_tokens, max_seconds, reused), memory)
        searched = time.perf_counter()
        distributions = log_probabilities(model, prompt, [hypothesis.tokens for hypothesis in found.hypotheses], found.cache)
    rescored = time.perf_counter()
    caches[:] = [(prompt, found.cache)]
    drafts = []
    for hypothesis, logprobs in zip(found.hypotheses, distributions, strict=True):
        tokens = hypothesis.tokens
        decoder = model.tokenizer.stream(prompt)  # after the prompt: at the beginning of a text, tokenizers may drop a space
        draft = decoder.push(*(tokens[:-1] if hypothesis.finished else tokens)) + decoder.finish()
        drafts.append(Draft(draft, tokens, float(logprobs.sum()), hypothesis.score, hypothesis.finished))
    return Completion(drafts, describe(replace_table(chosen)), chosen.guarantee.kind, searched - began, rescored - searched, found)


def make_search(search: Search | str | None, k: int | None, ngrams: NGramModel | str | Path | None) -> Search:
    """The search from the options of `complete`; UserError where it does not have the options `k` or `ngrams`."""
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
    """The search with its n-gram table replaced by its fingerprint, for its text form."""
    table = getattr(search, "ngrams", None)
    return replace(search, ngrams=table.fingerprint) if isinstance(table, NGramModel) else search  # type: ignore[type-var]


def read_table(path: str | Path) -> NGramModel:
    """The n-gram table in a file. It is read again only after the file changed."""
    file = Path(path)
    return _read_table(str(file), file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=4)
def _read_table(path: str, changed: int) -> NGramModel:
    return NGramModel.read(path)


def _shared(a: list[int], b: list[int]) -> int:
    """Length of the common prefix."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
