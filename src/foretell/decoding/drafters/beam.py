"""Beam search drafts: the most probable sequences of a draft model, level by level."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from foretell.decoding.drafter import Ask
from foretell.decoding.drafting.level_drafter import Distributions, LevelDrafter, before_the_argmax, draft_levels
from foretell.decoding.tree import ROOT, Tree
from foretell.models.base import Model
from foretell.parts import require


@dataclass(frozen=True)
class Beam(LevelDrafter):
    """Keeps the `width` most probable sequences of a draft model at each level. Probable prefixes get more children.

    Probabilities are those after the target's sampler; with a greedy sampler, those before the arg-max.

    model: a loaded `Model`, or an id or path for `foretell.load`. width: nodes per level. length: number of levels.

    Guarantee: exact; the text equals that of plain decoding with the same seed, because all nodes are fixed candidates. Condition: none.
    Needs: the same vocabulary as the target. Cost: one draft step of `width` rows per level, for all requests of the
    batch together. State: the draft model's cache, which reads new text when it drafts.

    The layers of Li et al., "EAGLE-2: Faster Inference of Language Models with Dynamic Draft Trees", section 4.1, without
    the final selection among the nodes of all layers, which the pace does here. `StochasticBeam` draws its sequences at random.
    Errors: UserError for another vocabulary (names the first differing token), width or length below 1.

    >>> from foretell.models.tiny import TinyModel
    >>> Beam(TinyModel(seed=1), width=2).replace(length=5).length
    5
    """

    papers = ("eagle-2",)

    model: Model | str
    width: int = 3
    length: int = 3

    def __post_init__(self) -> None:
        require(isinstance(self.width, int) and self.width >= 1, self, "width", self.width, "must be at least 1")
        require(isinstance(self.length, int) and self.length >= 1, self, "length", self.length, "must be at least 1")

    @classmethod
    def examples(cls) -> list[Beam]:
        from foretell.models.tiny import TinyModel

        return [cls(TinyModel(vocab_size=3, order=1, seed=7), 2, 2)]  # the law kit's vocabulary

    @cached_property
    def widths(self) -> list[int]:
        return [1, *[self.width] * (self.length - 1)]

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return draft_levels(before_the_argmax(asks), self.length, lambda ask: _Best(ask, self.width, self.name).grow)


@dataclass
class _Best:
    """The beam of one request. score: log-probability of each node's sequence."""

    ask: Ask
    width: int
    source: str
    score: dict[int, float] = field(default_factory=lambda: {ROOT: 0.0})

    def grow(self, distributions: Distributions, level: int) -> list[int]:
        """The best `width` sequences one level below the nodes of `distributions`."""
        tree = self.ask.state.tree
        candidates = []
        for rank, (parent, distribution) in enumerate(distributions.items()):
            num = min(self.width, len(distribution.ids))
            best = np.argpartition(distribution.probs, -num)[-num:]
            with np.errstate(divide="ignore"):
                scores = self.score[parent] + np.log(distribution.probs[best])
            ids = distribution.ids[best].tolist()
            candidates += [(-score, rank, token, parent) for score, token in zip(scores.tolist(), ids, strict=True)]
        new = []
        for minus_score, _, token, parent in heapq.nsmallest(min(self.width, self.ask.num_nodes - len(tree)), candidates):
            new.append(tree.add(token, parent, source=self.source))
            self.score[new[-1]] = -minus_score
        return new
