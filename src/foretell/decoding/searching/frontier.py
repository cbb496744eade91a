"""The k best hypotheses of a search in each step: unfinished and finished ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.search import Hypothesis


class Frontier:
    """The k best hypotheses. alive: at most k hypotheses to continue, best first. finished: the k best that a stop token ended.

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
        """Continue each alive hypothesis. Returns, for each new alive hypothesis, the index of the old one that it continues.

        scores: (alive, m), what each candidate adds to the score. tokens: (alive, m), token ids. Stop tokens among the 2k best candidates
        compete for `finished`; the k best other candidates become alive. last_resort: (alive, m), added instead for candidates with a score
        of minus infinity, which rank after all others.
        """
        before = np.array([[hypothesis.score] for hypothesis in self.alive])
        total = before + scores
        possible = np.isfinite(total)
        if last_resort is not None:
            total = np.where(possible, total, before + last_resort)
        order = np.lexsort((-total.ravel(), ~possible.ravel()))  # stable: of equal scores, the better hypothesis and token first
        alive: list[Hypothesis] = []
        parents: list[int] = []
        for position, candidate in enumerate(order.tolist()):
            parent, rank = divmod(candidate, scores.shape[1])
            token, score = tokens[parent][rank], float(total[parent, rank])
            if not np.isfinite(score) or (position >= 2 * self.k and len(alive) == self.k):
                break
            grown = Hypothesis((*self.alive[parent].tokens, token), score, token in self.stop_tokens)
            if grown.finished and position < 2 * self.k:
                self.finished.append(grown)
            elif not grown.finished and len(alive) < self.k:
                alive.append(grown)
                parents.append(parent)
        self.finished = sorted(self.finished, key=lambda hypothesis: -hypothesis.score)[: self.k]
        self.alive = alive
        return parents

    def best(self, length_penalty: float = 1.0) -> list[Hypothesis]:
        """The k best, alive and finished together, by score / length ** length_penalty."""
        ranked = sorted(self.alive + self.finished, key=lambda text: -text.score / len(text.tokens) ** length_penalty)
        return ranked[: self.k]
