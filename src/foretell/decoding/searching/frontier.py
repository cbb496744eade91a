"""The k best hypotheses of a search, step by step: those that go on and those that have ended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.search import Hypothesis


class Frontier:
    """`alive` holds at most k hypotheses to continue, best first; `finished` the k best of those that a stop token ended.

    >>> frontier = Frontier(2, stop_tokens=frozenset({9}))
    >>> frontier.grow(np.array([[-1.0, -2.0, -3.0, -4.0]]), [[5, 9, 6, 7]])
    [0, 0]
    >>> [h.tokens for h in frontier.alive], [h.tokens for h in frontier.finished]
    ([(5,), (6,)], [(9,)])
    """

    def __init__(self, k: int, stop_tokens: frozenset[int] = frozenset()) -> None:
        self.k, self.stop_tokens = k, stop_tokens
        self.alive = [Hypothesis()]
        self.finished: list[Hypothesis] = []

    def grow(
        self, scores: NDArray[np.float64], tokens: Sequence[Sequence[int]], last_resort: NDArray[np.float64] | None = None
    ) -> list[int]:
        """Continue each alive hypothesis; returns which old one each new alive one continues.

        scores (alive, m): what each candidate adds; tokens likewise. Of all candidates, those among the 2k best that are stop
        tokens compete for `finished`; the k best others are alive. last_resort (alive, m): what candidates of score minus
        infinity add, which come after all others.
        """
        before = np.array([[each.score] for each in self.alive])
        total = before + scores
        possible = np.isfinite(total)
        if last_resort is not None:
            total = np.where(possible, total, before + last_resort)
        order = np.lexsort((-total.ravel(), ~possible.ravel()))  # stable: of equals, the better hypothesis' better token
        alive: list[Hypothesis] = []
        parents: list[int] = []
        for place, candidate in enumerate(order.tolist()):
            parent, rank = divmod(candidate, scores.shape[1])
            token, score = tokens[parent][rank], float(total[parent, rank])
            if not np.isfinite(score) or (place >= 2 * self.k and len(alive) == self.k):
                break
            grown = Hypothesis((*self.alive[parent].tokens, token), score, token in self.stop_tokens)
            if grown.finished and place < 2 * self.k:
                self.finished.append(grown)
            elif not grown.finished and len(alive) < self.k:
                alive.append(grown)
                parents.append(parent)
        self.finished = sorted(self.finished, key=lambda each: -each.score)[: self.k]
        self.alive = alive
        return parents

    def best(self, length_penalty: float = 1.0) -> list[Hypothesis]:
        """The k best, alive and finished together, by score / length ** length_penalty."""
        return sorted(self.alive + self.finished, key=lambda each: -each.score / len(each.tokens) ** length_penalty)[: self.k]
