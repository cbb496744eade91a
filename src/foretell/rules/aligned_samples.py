"""Many samples of one prompt by ASAp: forward passes only outside of the trie, and optionally exact from the first sample on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws, SampledDraws
from foretell.decoding.sampler import Sampler
from foretell.errors import UserError
from foretell.models.base import Context, Model
from foretell.models.reading import num_passes, read
from foretell.models.vocabulary import Vocabulary
from foretell.rules.aligned.asap_state import AsapState
from foretell.rules.constraints.asap import Asap

#: What may follow a known node besides its children: the end of the text, and any other token.
_END, _REST = -1, -2


@dataclass(frozen=True)
class AlignedSample:
    """One sampled text. tokens: the new ones, without the stop token. log_p: its log-probability in plain decoding (natural logarithm).
    log_q: that of the distribution it was drawn from. num_passes: forward passes since the previous sample."""

    tokens: tuple[int, ...]
    log_p: float
    log_q: float
    num_passes: int


def samples(
    model: Model,
    prompt: Sequence[int],
    constraint: Asap,
    *,
    sampler: Sampler | None = None,
    max_new_tokens: int = 256,
    stop_tokens: frozenset[int] | None = None,
    seed: int = 0,
    exact: bool = False,
) -> Iterator[AlignedSample]:
    """An endless iterator of samples; `itertools.islice` takes as many as needed. Each has ASAp's current distribution.

    Samples share the trie of requests with the same prompt, sampler and length limit. Texts that come to a dead end, or are cut by the
    length limit where they may not end, are drawn again.

    Parameters: prompt, token ids; sampler, by default temperature 1; stop_tokens, by default the tokenizer's; seed, of the first draw.
    exact: adaptive rejection sampling. A drawn text is accepted with probability exp(log_p - log_q) / (the bound at the root), so that
    accepted texts have the conditional distribution itself whatever the trie knows, at the price of more draws. The trie learns from
    rejected texts too.

    Guarantee: as `Asap`; with `exact`, plain decoding conditioned on the text obeying. Parys et al., "Constrained Adaptive Rejection
    Sampling". Errors: UserError as in `Asap`, and for an empty prompt.

    >>> from foretell.rules.constraints.regex import Regex
    >>> from foretell.models.tiny import TinyModel
    >>> model = TinyModel(vocab_size=3, spelling=(b"a", b"b", None))
    >>> drawn = samples(model, [0], Asap(Regex("a?b")), max_new_tokens=3, stop_tokens=frozenset({2}))
    >>> {sample.tokens for sample in itertools.islice(drawn, 30)} == {(1,), (0, 1)}
    True
    """
    if not len(prompt):
        raise UserError("prompt=[] has no tokens; give at least one")
    sampler = Sampler() if sampler is None else sampler
    vocabulary = Vocabulary.of(model, stop_tokens)
    limit = min(max_new_tokens, model.max_length - len(prompt))
    rows, passes = _Rows(model, list(prompt)), 0
    for number in itertools.count(seed):
        state = constraint.start(vocabulary, prompt).for_request(sampler, limit)
        assert isinstance(state, AsapState)
        before = state.trie.root.log_c
        draws = SampledDraws(number)
        drawn = _draw(state, sampler, rows, draws)
        if drawn is None and state.trie.root.log_c == -math.inf:
            raise state.no_text_error()
        if drawn is not None:
            tokens, log_p, log_q = drawn
            if not exact or draws.at(len(prompt), 1).bernoulli(math.exp(min(0.0, log_p - log_q - before))):
                yield AlignedSample(tokens, log_p, log_q, rows.num_passes - passes)
                passes = rows.num_passes


def _draw(state: AsapState, sampler: Sampler, rows: _Rows, draws: Draws) -> tuple[tuple[int, ...], float, float] | None:
    """(tokens, log_p, log_q) of one drawn text; None if it does not obey."""
    text, stops = list(rows.prompt), state.vocabulary.stop_tokens
    log_p = log_q = 0.0
    while state.depth < state.max_new_tokens:
        here, node = draws.at(len(text)), state.node
        token, known = _REST, node if node is not None and node.is_visited else None
        if known is not None:
            options = {_END: known.log_end, _REST: known.log_rest}
            options |= {child: after.log_p + after.log_c for child, after in known.children.items()}
            best = max(options.values())
            if best == -math.inf:
                return None
            distribution = Distribution.of(np.exp(np.array(list(options.values())) - best))
            choice = distribution.draw(here)
            token, log_q = list(options)[choice], log_q + math.log(distribution[choice])
        if token == _REST:
            num_left = state.max_new_tokens - state.depth - 1
            row = rows.after(text, [] if known is not None else state.forced(num_left)[:num_left])
            state.target_distribution(sampler, row, text, len(rows.prompt))
            assert state.visit.allowed is not None
            ids, probs = state.visit.allowed
            new = np.ones(len(ids), dtype=bool) if known is None else ~np.isin(ids, [*known.children, *stops])
            if not probs[new].any():
                return None
            distribution = Distribution.of(probs[new], ids[new], state.vocabulary.size)
            token = distribution.draw(here)
            log_p, log_q = log_p + math.log(probs[ids.searchsorted(token)]), log_q + math.log(distribution[token])
        elif known is not None:
            log_p += known.log_end if token == _END else known.children[token].log_p
        if token == _END or token in stops:
            return tuple(text[len(rows.prompt) :]), log_p, log_q
        text.append(token)
        after = state.advance(token)
        assert isinstance(after, AsapState)
        state = after
    state.end_request()
    return (tuple(text[len(rows.prompt) :]), log_p, log_q) if state.accepting else None


class _Rows:
    """Rows of logits after a text. The cache keeps the prefix that the next text may share."""

    def __init__(self, model: Model, prompt: list[int]) -> None:
        self.model, self.prompt = model, prompt
        self.cache = model.new_cache(Context(len(prompt)))
        self.num_passes = 0
        self._cached: list[int] = []
        self._known: dict[tuple[int, ...], Tensor] = {}

    def after(self, text: list[int], ahead: list[int]) -> Tensor:
        """Logits (vocab_size,) after `text`. ahead: tokens that are sure to follow it, whose rows are computed in the same pass."""
        if tuple(text) not in self._known:
            shared = next((i for i, (a, b) in enumerate(zip(self._cached, text, strict=False)) if a != b), len(self._cached))
            shared = min(shared, len(text) - 1)
            self.cache.truncate(shared)
            fed = [*text[shared:], *ahead]
            [rows] = read(self.model, [(self.cache, fed)], num_logits=1 + len(ahead))
            self.num_passes += num_passes(len(fed))
            self._cached = [*text, *ahead]
            self._known = {(*text, *ahead[:i]): row for i, row in enumerate(rows.logits)}
        return self._known[tuple(text)]
