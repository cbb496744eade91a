"""Best-first search: the most probable text that a constraint allows, with proof."""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from typing import Any

from foretell.decoding.search import Found, Goal, Hypothesis, Proof, Search, SearchRun
from foretell.decoding.searching.search_tree import Grown, PartialText, SearchTree
from foretell.decoding.verifier import Guarantee
from foretell.models.base import Model
from foretell.parts import require


@dataclass(frozen=True)
class BestFirstSearch(Search):
    """The k most probable texts. The probability of a prefix is an upper bound for all texts that begin with it. The search expands the
    prefixes with the highest bounds, and ends when no bound exceeds the k-th best text (A* without a heuristic). A text ends with any of
    the stop tokens, whose probabilities are added. Without a constraint, a text of max_new_tokens tokens counts as complete.

    k: number of texts; those that tie with the k-th are returned too. batch: prefixes read in one pass, as one tree after the prompt.
    length_penalty: texts are ranked by score / length ** length_penalty, with the stop token; bounds are then those of the longest text,
    so many more prefixes are read. most_nodes: most prefixes read; when they are used up, `Found.proof` bounds how much better another text
    may be. most_rows: most rows of the tree in the cache; beyond it, all rows but the prompt's are dropped and read again when needed.

    Guarantee: lossy: the text is not a sample and not greedy decoding's, but it is proven to be the most probable one. Needs: a finite
    language, which max_new_tokens ensures. Cost: one pass of at most `batch` rows for as many prefixes; their number is known only
    afterwards and is small where the model's distributions are peaked. State: one cache with a tree of at most `most_rows` rows.

    Castel et al., "How Optimal is Greedy Decoding for Extractive Question Answering?", section 3, whose argmax this is for
    `Substrings`; Dijkstra, "A Note on Two Problems in Connexion with Graphs", 1959. Departure: the paper scores all spans.
    Errors: UserError for settings below 1, or a length_penalty below 0, with which no bound would hold.

    >>> from foretell.models.tiny import TinyModel
    >>> found = BestFirstSearch().run(TinyModel(seed=1), Goal([1, 2], 5, frozenset({3})), memory=None)
    >>> found.proof.optimal, found.hypotheses[0].tokens, found.proof.num_expanded < 4**4
    (True, (2, 0, 2, 1, 2), True)
    """

    papers = ("exact-extract", "shortest-paths")
    guarantee = Guarantee("lossy", "the most probable text, proven; no sample, and not greedy decoding's")

    k: int = 1
    batch: int = 8
    length_penalty: float = 0.0
    most_nodes: int = 10_000
    most_rows: int = 2048

    def __post_init__(self) -> None:
        for name in ("k", "batch", "most_nodes", "most_rows"):
            require(getattr(self, name) >= 1, self, name, getattr(self, name), "must be at least 1")
        holds = "must be 0 or above: below 0 longer texts gain rank as they grow, and no bound would hold"
        require(self.length_penalty >= 0, self, "length_penalty", self.length_penalty, holds)

    @classmethod
    def examples(cls) -> list[BestFirstSearch]:
        return [cls(), cls(k=2, batch=1, length_penalty=1.0, most_nodes=50, most_rows=3)]

    def run(self, model: Model, goal: Goal, memory: Any) -> Found:
        run = SearchRun(model, goal)
        tree, agenda = SearchTree(run, self.most_rows), Agenda(self, run)
        agenda.add(tree.root())
        while not run.over(0, agenda.is_open):
            if tree.num_grown >= self.most_nodes:
                run.finish_reason = "nodes"
                break
            texts = agenda.take(min(self.batch, self.most_nodes - tree.num_grown))
            for grown in tree.grow(texts):
                agenda.add(grown)
        if run.finish_reason == "stop" and agenda.beyond > agenda.least:
            run.finish_reason = "context"
        return run.found(*agenda.result(tree.num_grown))


class Agenda:
    """The prefixes still to be read, in a heap by bound, and the best complete texts so far."""

    def __init__(self, settings: BestFirstSearch, run: SearchRun) -> None:
        self.settings, self.run = settings, run
        self.room = run.model.max_length - len(run.goal.prompt)  # most new tokens in the context
        self.done: list[Hypothesis] = []
        self.beyond = -math.inf  # bound of the texts that do not fit the context
        self._heap: list[tuple[float, int, int, Grown, int]] = []  # (-bound, number of tokens, order of entry, parent, rank)
        self._entries = itertools.count()

    def rank(self, score: float, length: int) -> float:
        """The value by which texts are ranked: score / length ** length_penalty."""
        return score / length**self.settings.length_penalty

    @property
    def bound(self) -> float:
        """Upper bound of the rank of texts whose prefix is still to be read."""
        return -self._heap[0][0] if self._heap else -math.inf

    @property
    def least(self) -> float:
        """Least rank of a text among the k best."""
        return self._ranks()[self.settings.k - 1] if len(self.done) >= self.settings.k else -math.inf

    @property
    def is_open(self) -> bool:
        """Whether a prefix that is still to be read may lead to one of the k best texts."""
        return bool(self._heap) and self.bound >= self.least

    def add(self, grown: Grown) -> None:
        """Add the continuations of a prefix that was read."""
        if grown.ended is not None:
            self._finish(grown.ended)
        length = len(grown.text.tokens) + 1
        if length < self.run.goal.max_new_tokens:
            self._push(grown, 0)
        elif grown.text.state is None:
            for rank in range(len(grown.tokens)):
                if self.rank(grown.scores[rank], length) < self.least:
                    break
                self._finish(Hypothesis((*grown.text.tokens, int(grown.tokens[rank])), float(grown.scores[rank])))

    def take(self, num: int) -> list[PartialText]:
        """Remove and return at most `num` prefixes to read next, those with the highest bounds."""
        texts: list[PartialText] = []
        while len(texts) < num and self.is_open:
            _, _, _, grown, rank = heapq.heappop(self._heap)
            self._push(grown, rank + 1)
            texts.append(grown.child(rank))
        return texts

    def result(self, num_expanded: int) -> tuple[list[Hypothesis], Proof]:
        """The best texts, or the best prefixes where no text is complete, and the proof about all others."""
        proof = Proof.of(max(self.bound, self.beyond), self._ranks(), num_expanded)
        return self.done or [Hypothesis(text.tokens, text.score) for text in self.take(self.settings.k)], proof

    def _push(self, grown: Grown, rank: int) -> None:
        if rank == len(grown.tokens):
            return
        longest, length = self.run.goal.max_new_tokens, len(grown.text.tokens) + 1
        bound = self.rank(float(grown.scores[rank]), longest)
        if length > self.room:
            self.beyond = max(self.beyond, bound)
        else:
            heapq.heappush(self._heap, (-bound, length, next(self._entries), grown, rank))

    def _finish(self, text: Hypothesis) -> None:
        self.done.append(text)
        self.done.sort(key=lambda done: (-self.rank(done.score, len(done.tokens)), len(done.tokens)))
        self.done = [done for done, rank in zip(self.done, self._ranks(), strict=True) if rank >= self.least]

    def _ranks(self) -> list[float]:
        return [self.rank(done.score, len(done.tokens)) for done in self.done]
