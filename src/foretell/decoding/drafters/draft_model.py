"""A second, smaller model drafts chains or trees, sampled or fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from foretell.decoding.drafter import DRAFT_STREAM, Ask, Traits
from foretell.decoding.drafting.level_drafter import Distributions, LevelDrafter, before_the_argmax, draft_levels
from foretell.decoding.tree import Kind, Tree
from foretell.models.base import Model
from foretell.parts import require

SIBLINGS = ("sampled", "without-replacement", "top-k")


@dataclass(frozen=True)
class DraftModel(LevelDrafter):
    """Any model with the same vocabulary proposes a tree, level by level.

    Where fewer tokens have positive probability than siblings are asked for, fewer are drawn. With a greedy sampler the draft's
    distribution has one token, so there is one sampled sibling; "top-k" then ranks by the distribution before the arg-max and still makes
    trees.

    model: a loaded `Model`, or an id or path for `foretell.load`. branching: children of every node, by depth; (1, 1, 1, 1)
    is a chain of four. siblings: "sampled" (independent draws; speculative sampling and SpecInfer),
    "without-replacement" (distinct draws; RSD-C) or "top-k" (the most probable, fixed).

    Guarantee: exact under the verifier of the siblings' kind. Needs: the same vocabulary as the target; the target's sampler is
    applied to its rows, with each node's own history. Cost: one draft step per level, for all requests of the batch together.
    State: the draft model's cache, which reads new text when it drafts.

    Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", section 2; Miao et al., "SpecInfer",
    section 3; Jeon et al., "Recursive Speculative Decoding", section 4.1 (RSD-C).
    Errors: UserError for another vocabulary (names the first differing token), empty branching, branches below 1.

    >>> from foretell.models.tiny import TinyModel
    >>> DraftModel(TinyModel(seed=1), branching=(2, 1)).branching
    (2, 1)
    """

    papers = ("speculative-decoding", "specinfer", "rsd")

    model: Model | str
    branching: tuple[int, ...] = (1, 1, 1, 1)
    siblings: str = "sampled"

    def __post_init__(self) -> None:
        object.__setattr__(self, "branching", tuple(self.branching))
        good = bool(self.branching) and all(isinstance(b, int) and b >= 1 for b in self.branching)
        require(good, self, "branching", self.branching, "must name at least one level, each with at least 1 child")
        require(self.siblings in SIBLINGS, self, "siblings", self.siblings, f"must be one of {', '.join(SIBLINGS)}")

    @classmethod
    def examples(cls) -> list[DraftModel]:
        from foretell.models.tiny import TinyModel

        draft = TinyModel(vocab_size=3, order=1, seed=7)  # the law kit's vocabulary
        shapes = (((1, 1), "sampled"), ((2, 1), "sampled"), ((2, 1), "without-replacement"), ((1, 2), "without-replacement"))
        return [*(cls(draft, branching, siblings) for branching, siblings in shapes), cls(draft, (2, 1), "top-k")]

    @property
    def traits(self) -> Traits:
        return Traits(samples=self.siblings != "top-k")

    @cached_property
    def widths(self) -> list[int]:
        return [math.prod(self.branching[:level]) for level in range(len(self.branching))]

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        if self.siblings == "top-k":
            asks = before_the_argmax(asks)
        return draft_levels(asks, len(self.branching), lambda ask: partial(self._grow, ask))

    def _grow(self, ask: Ask, distributions: Distributions, level: int) -> list[int]:
        """Add children below each node that has a distribution; returns the new nodes."""
        new: list[int] = []
        tree = ask.state.tree
        for parent, q in distributions.items():
            draws = ask.draws.at(len(ask.tokens) + level, DRAFT_STREAM + 1 + parent)
            left = q
            for _ in range(min(self.branching[level], ask.num_nodes - len(tree))):
                if self.siblings == "sampled":
                    new.append(tree.add(q.draw(draws), parent, Kind.SAMPLED, q, self.name))
                    if len(q.ids) == 1:  # a second draw could only repeat the first
                        break
                    continue
                if self.siblings == "top-k":
                    token, kind, drawn_from = int(left.ids[left.probs.argmax()]), Kind.FIXED, None
                else:
                    token, kind, drawn_from = left.draw(draws), Kind.WITHOUT_REPLACEMENT, q
                new.append(tree.add(token, parent, kind, drawn_from, self.name))
                if len(left.ids) == 1:
                    break
                left = left.without(token)
        return new
