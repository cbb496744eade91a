"""Beam search: the k texts with the best log-probability, each with its own cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from foretell.decoding.constraint import ConstraintState
from foretell.decoding.search import Found, Goal, Search, SearchRun
from foretell.decoding.searching.frontier import Frontier
from foretell.decoding.verifier import Guarantee
from foretell.models.base import Feed, Model
from foretell.models.one_thread import one_thread
from foretell.models.top_k import top_k
from foretell.parts import require


@dataclass(frozen=True)
class BeamSearch(Search):
    """Keep the k best texts. A step feeds the last token of each text, continues each with its 2k best tokens, and keeps the k best of all.
    Texts that ended are kept apart and compete at the end.

    k: number of beams. length_penalty: hypotheses are ranked by score / length ** length_penalty; 0 ranks by log-probability, 1 by its mean
    per token.

    Every beam obeys the goal's constraint; scores are those of the model without it.

    Guarantee: lossy: the texts are not samples and, except for k = 1, not greedy decoding's; scores are the model's own log-probabilities.
    Needs: nothing. Cost: one pass of k rows per token, and the top 2k of each row. State: k caches that share the prompt's rows,
    by `fork`.

    Lowerre, "The HARPY Speech Recognition System", 1976; Wu et al., "Google's Neural Machine Translation System", section 7
    (without the coverage penalty; length to a power, as transformers has it).
    Errors: UserError for k below 1, or a vocabulary below 2k.

    >>> from foretell.models.tiny import TinyModel
    >>> found = BeamSearch(k=2).run(TinyModel(seed=1), Goal([1, 2], max_new_tokens=3), memory=None)
    >>> len(found.hypotheses), found.num_passes
    (2, 3)
    """

    papers = ("harpy", "gnmt")
    guarantee = Guarantee("lossy", "the texts with the best log-probability, no samples; scores are the model's own")

    k: int = 3
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        require(self.k >= 1, self, "k", self.k, "must be at least 1")

    @classmethod
    def examples(cls) -> list[BeamSearch]:
        return [cls(k=1), cls(k=2, length_penalty=0.0)]

    def remember(self, model: Model) -> None:
        require(2 * self.k <= model.vocab_size, self, "k", self.k, f"is more than half the model's vocabulary of {model.vocab_size}")

    def run(self, model: Model, goal: Goal, memory: Any) -> Found:
        run, frontier = SearchRun(model, goal), Frontier(self.k, goal.stop_tokens)
        rows, caches, states = [run.read_prompt()], [run.cache], [run.state]
        for num_new in range(1, goal.max_new_tokens + 1):
            whole = torch.stack(rows)
            with one_thread():
                totals = whole.double().logsumexp(-1, keepdim=True)
            best, tokens = top_k(masked(whole, states), 2 * self.k)
            parents = frontier.grow((best.double() - totals).cpu().numpy(), tokens.tolist())
            if run.over(num_new, bool(frontier.alive)):
                break
            states = [after(states[parent], beam.tokens[-1]) for parent, beam in zip(parents, frontier.alive, strict=True)]
            caches = [caches[parent].fork() for parent in parents]
            rows = run.forward([Feed(cache, [beam.tokens[-1]]) for cache, beam in zip(caches, frontier.alive, strict=True)])
            for cache in caches:
                cache.keep([0])
        return run.found(frontier.best(self.length_penalty))


def masked(rows: Tensor, states: Sequence[ConstraintState | None]) -> Tensor:
    """The logits (n, vocab_size), set in place to minus infinity where the constraint state of a row forbids the token."""
    for row, state in enumerate(states):
        if state is not None:
            rows[row, ~torch.from_numpy(state.allowed().mask).to(rows.device)] = -torch.inf
    return rows


def after(state: ConstraintState | None, token: int) -> ConstraintState | None:
    """The constraint's state after one more token; None without a constraint."""
    return None if state is None else state.advance(token)
