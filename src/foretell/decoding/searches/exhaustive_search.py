"""Exhaustive search: scores every text that a constraint allows; the reference for other searches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from foretell.decoding.search import Found, Goal, Hypothesis, Proof, Search, SearchRun
from foretell.decoding.searching.search_tree import Grown, SearchTree
from foretell.decoding.verifier import Guarantee
from foretell.models.base import Model
from foretell.parts import require


@dataclass(frozen=True)
class ExhaustiveSearch(Search):
    """Scores all texts of a constraint's language with at most max_new_tokens tokens, stop token included, and reads each prefix once.
    Texts end with any of the stop tokens, whose probabilities are added.

    k: number of texts returned, None for all. batch: prefixes read in one pass. length_penalty: texts are ranked by score / length **
    length_penalty. most_nodes: most prefixes in the language. most_rows: most rows of the tree in the cache.

    Guarantee: lossy: the text is not a sample and not greedy decoding's, but it is the most probable one. Needs: a constraint. Cost: one
    row for every prefix of every text, `batch` rows per pass. State: one cache with a tree of at most `most_rows` rows.

    Castel et al., "How Optimal is Greedy Decoding for Extractive Question Answering?", section 3 (exact-extract). Departures:
    prefixes that several spans share are read once, where the paper reads each suffix of the passage separately.
    Errors: UserError for settings below 1, no constraint, or a language with more than `most_nodes` prefixes.

    >>> from foretell.rules.constraints.substrings import Substrings
    >>> from foretell.models.tiny import TinyModel
    >>> model = TinyModel(spelling=(b"a", b"b", b"ab", None), seed=1)
    >>> goal = Goal([1, 2], 4, frozenset({3}), constraint=Substrings("abba", words=False))
    >>> found = ExhaustiveSearch(k=None).run(model, goal, memory=None)
    >>> len(found.hypotheses), found.proof.num_expanded
    (6, 7)
    """

    papers = ("exact-extract",)
    guarantee = Guarantee("lossy", "the most probable of all texts, each of them scored; no sample, and not greedy decoding's")

    k: int | None = 1
    batch: int = 32
    length_penalty: float = 0.0
    most_nodes: int = 100_000
    most_rows: int = 2048

    def __post_init__(self) -> None:
        for name in ("batch", "most_nodes", "most_rows"):
            require(getattr(self, name) >= 1, self, name, getattr(self, name), "must be at least 1")
        require(self.k is None or self.k >= 1, self, "k", self.k, "must be at least 1, or None for all texts")

    @classmethod
    def examples(cls) -> list[ExhaustiveSearch]:
        return [cls(), cls(k=None, batch=2, length_penalty=1.0, most_rows=3)]

    def run(self, model: Model, goal: Goal, memory: Any) -> Found:
        run = SearchRun(model, goal)
        require(run.state is not None, self, "goal.constraint", None, "leaves endless texts to look at; give it a constraint")
        tree = SearchTree(run, self.most_rows)
        done: list[Hypothesis] = []
        level: list[Grown] = [tree.root()]
        for length in range(1, goal.max_new_tokens + 1):
            done += [grown.ended for grown in level if grown.ended is not None]
            texts = [grown.child(rank) for grown in level for rank in range(len(grown.tokens))]
            if run.over(length, bool(texts)):
                break
            many = tree.num_grown + len(texts)
            require(many <= self.most_nodes, self, "most_nodes", self.most_nodes, f"is below the language's {many} beginnings or more")
            level = [grown for i in range(0, len(texts), self.batch) for grown in tree.grow(texts[i : i + self.batch])]
        done.sort(key=lambda text: (-self._rank(text), len(text.tokens)))
        bound = -math.inf if run.finish_reason in ("stop", "length") else 0.0  # an interrupted search may have missed any text
        return run.found(done[: self.k], Proof.of(bound, [self._rank(text) for text in done[: self.k]], tree.num_grown))

    def _rank(self, text: Hypothesis) -> float:
        return text.score / len(text.tokens) ** self.length_penalty
