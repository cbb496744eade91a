"""Stochastic beam search drafts: a beam of sequences sampled without replacement (RSD-S)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from foretell.decoding.distribution import Distribution
from foretell.decoding.drafter import DRAFT_STREAM, Ask, Traits
from foretell.decoding.drafting.level_drafter import Distributions, LevelDrafter, draft_levels
from foretell.decoding.draws import Draws
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.models.base import Model
from foretell.parts import require


@dataclass(frozen=True)
class StochasticBeam(LevelDrafter):
    """A draft model samples `width` different sequences at once, so that probable prefixes get more children.

    Siblings are drawn without replacement, in drawing order. A node without drawn children stays in the tree as a leaf. Where fewer than
    `width` sequences have positive probability, fewer are drawn; with a greedy sampler there is one, and the tree is a chain.

    model: a loaded `Model`, or an id or path for `foretell.load`. width: nodes per level. length: number of levels.

    Guarantee: exact under verifiers of drafts without replacement. Condition: none. Which node gets the next child depends on earlier
    draws only, so each child is drawn from q without its earlier siblings, however many follow.
    Needs: the same vocabulary as the target; the target's sampler is applied to its rows, with each node's own history.
    Cost: one draft step of `width` rows per level, for all requests of the batch together, and two random draws per node.
    State: the draft model's cache, which reads new text when it drafts.

    Departure. The paper keeps the `width` largest perturbed log-probabilities (Gumbel noise, conditioned from parent to child on its
    maximum). Exp(-perturbed value) is the arrival time of a sequence in a race of exponential clocks whose rates are the probabilities.
    The next arrival in such a race is a categorical draw in proportion to the remaining rates, independent of the arrival times. This
    drafter draws the arrivals themselves instead of their times. The trees have the same distribution; no noise is clipped, no nearly
    equal numbers are subtracted, and there are few enough outcomes for the law kit to enumerate.

    Jeon et al., "Recursive Speculative Decoding: Accelerating LLM Inference via Sampling Without Replacement", the section on
    RSD-S; Kool et al., "Stochastic Beams and Where to Find Them", the section on stochastic beam search.
    Errors: UserError for another vocabulary (names the first differing token), width or length below 1.

    >>> from foretell.models.tiny import TinyModel
    >>> StochasticBeam(TinyModel(seed=1), width=2, length=3).traits.samples
    True
    """

    papers = ("rsd", "stochastic-beams")

    model: Model | str
    width: int = 3
    length: int = 3

    def __post_init__(self) -> None:
        require(isinstance(self.width, int) and self.width >= 1, self, "width", self.width, "must be at least 1")
        require(isinstance(self.length, int) and self.length >= 1, self, "length", self.length, "must be at least 1")

    @classmethod
    def examples(cls) -> list[StochasticBeam]:
        from foretell.models.tiny import TinyModel

        draft = TinyModel(vocab_size=3, order=1, seed=7)  # the law kit's vocabulary
        return [cls(draft, 2, 2), cls(draft, 3, 1)]

    @property
    def traits(self) -> Traits:
        return Traits(samples=True)

    @cached_property
    def widths(self) -> list[int]:
        return [1, *[self.width] * (self.length - 1)]

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return draft_levels(asks, self.length, lambda ask: _Race(ask, self.width, self.name).grow)


@dataclass
class _Parent:
    """A node whose children arrive. mass: probability of its sequence. q: distribution of its children. left: distribution of its next
    child. rate: total probability of its children that have not arrived."""

    node: int
    mass: float
    q: Distribution
    left: Distribution
    rate: float

    def draw(self, draws: Draws) -> int:
        """Draw the next child's token and remove it from the distribution."""
        token = self.left.draw(draws)
        if len(self.left.ids) == 1:
            self.rate = 0.0
        else:
            self.left = self.left.without(token)
            self.rate = self.mass * float(self.q.at(self.left.ids).sum())  # a sum, because differences would lose small rates
        return token


@dataclass
class _Race:
    """The beam of one request. mass: the probability of each node's sequence. to_come: after each arrival of the last level, the
    total probability of all sequences of that level, inside the beam or not, that had not arrived."""

    ask: Ask
    width: int
    source: str
    mass: dict[int, float] = field(default_factory=lambda: {ROOT: 1.0})
    to_come: list[float] = field(default_factory=lambda: [0.0])

    def grow(self, distributions: Distributions, level: int) -> list[int]:
        """The first `width` arrivals one level below the nodes of `distributions`, which are in their order of arrival.

        A node arrives with its first child. Given the order of arrival, the time between the arrivals of two nodes is exponential with the
        total rate of all sequences that have not arrived; meanwhile children of nodes that have arrived may arrive.
        """
        ask, tree = self.ask, self.ask.state.tree
        draws = ask.draws.at(len(ask.tokens) + level, DRAFT_STREAM + level)
        waiting = [_Parent(node, self.mass[node], q, q, self.mass[node]) for node, q in distributions.items()]
        arrived: list[_Parent] = []
        new: list[int] = []
        to_come: list[float] = []
        while len(new) < self.width and len(tree) < ask.num_nodes:
            later = self.to_come[len(arrived) - 1] if arrived and waiting else 0.0
            rates = np.array([*(parent.rate for parent in arrived), later])
            total = rates.sum()
            if waiting and (not arrived or total <= 0):
                index = len(arrived)
            elif total > 0:
                index = draws.categorical(rates / total)
            else:  # every sequence of positive probability is in the beam
                break
            if index == len(arrived):
                arrived.append(waiting.pop(0))
            parent = arrived[index]
            token = parent.draw(draws)
            new.append(tree.add(token, parent.node, Kind.WITHOUT_REPLACEMENT, parent.q, self.source))
            self.mass[new[-1]] = parent.mass * parent.q[token]
            to_come.append(sum(parent.rate for parent in arrived) + (self.to_come[len(arrived) - 1] if waiting else 0.0))
        self.to_come = to_come
        return new
