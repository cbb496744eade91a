"""Stochastic beam search drafts: a beam of sampled sequences, all different, without replacement (RSD-S)."""

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
    """A draft model samples `width` different sequences at once, so that likely beginnings get more children than unlikely ones.

    Siblings are drawn without replacement, in drawing order. A node none of whose children is drawn stays in the tree as a
    leaf. Where fewer than `width` sequences have probability, fewer are drawn; with a greedy sampler there is one, and the tree
    is a chain.

    model: a loaded `Model`, or an id or path for `foretell.load`. width: nodes of each level. length: levels.

    Guarantee: exact under verifiers of drafts without replacement. Condition: none. Which node gets the next child depends on the
    draws so far, never on the draw to come, so each child is drawn from q without its elder siblings, however many follow.
    Needs: the same vocabulary as the target; its rows are warped by the target's sampler with each node's own history.
    Cost: one draft step of `width` rows a level over all requests of the batch together, and a coin and a draw a node.
    State: the draft model's cache, which lags and catches up.

    Departure. The paper keeps the `width` largest of perturbed log-probabilities (Gumbel noise, conditioned from parent to child
    on its maximum). Exp(-perturbed value) is the arrival time of a sequence in a race of exponential clocks whose rates are
    the probabilities; who comes next in such a race is a plain draw by what is left of the rates, independent of when. So
    this draws the race itself, arrival by arrival, in the place of its times: the same distribution of trees, without noise that would
    have to be clipped, with no difference of nearly equal numbers, and with few enough outcomes for the law kit to enumerate.

    Jeon et al., "Recursive Speculative Decoding: Accelerating LLM Inference via Sampling Without Replacement", the section on
    RSD-S; Kool et al., "Stochastic Beams and Where to Find Them", the section on stochastic beam search.
    Errors: UserError for another vocabulary (names the first differing token), width or length below 1.

    >>> from foretell.models.tiny import TinyModel
    >>> StochasticBeam(TinyModel(seed=1), width=2, length=3).traits.samples
    True
    """

    model: Model | str
    width: int = 3
    length: int = 3

    def __post_init__(self) -> None:
        require(isinstance(self.width, int) and self.width >= 1, self, "width", self.width, "must be at least 1")
        require(isinstance(self.length, int) and self.length >= 1, self, "length", self.length, "must be at least 1")

    @classmethod
    def examples(cls) -> list[StochasticBeam]:  # type: ignore[override]
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
    """A node whose children arrive. left: the distribution of its next child; rate: probability of all its sequences still to come."""

    node: int
    mass: float
    q: Distribution
    left: Distribution
    rate: float

    def draw(self, draws: Draws) -> int:
        """The next child's token, which leaves the distribution."""
        token = self.left.draw(draws)
        if len(self.left.ids) == 1:
            self.rate = 0.0
        else:
            self.left = self.left.without(token)
            self.rate = self.mass * float(self.q.at(self.left.ids).sum())  # summed: differences would lose small rates
        return token


@dataclass
class _Race:
    """One request's beam. mass: the probability of each node's sequence. to_come: after each arrival of the last level, the
    probability of all sequences of that level, inside the beam or not, that had not arrived yet."""

    ask: Ask
    width: int
    source: str
    mass: dict[int, float] = field(default_factory=lambda: {ROOT: 1.0})
    to_come: list[float] = field(default_factory=lambda: [0.0])

    def grow(self, distributions: Distributions, level: int) -> list[int]:
        """The first `width` arrivals one level below the nodes of `distributions`, which are in order of their own arrival.

        A node arrives when the first of its children does. Given the order of arrival, the time from one node's arrival to the
        next one's is exponential with the rate of all that is still to come; meanwhile children of nodes that are there arrive.
        """
        ask, tree = self.ask, self.ask.state.tree
        draws = ask.draws.at(len(ask.tokens) + level, DRAFT_STREAM + level)
        waiting = [_Parent(node, self.mass[node], q, q, self.mass[node]) for node, q in distributions.items()]
        there: list[_Parent] = []
        new: list[int] = []
        to_come: list[float] = []
        while len(new) < self.width and len(tree) < ask.num_nodes:
            later = self.to_come[len(there) - 1] if there and waiting else 0.0
            rates = np.array([*(parent.rate for parent in there), later])
            total = rates.sum()
            if waiting and (not there or total <= 0):
                place = len(there)
            elif total > 0:
                place = draws.categorical(rates / total)
            else:  # every sequence that has probability is in the beam
                break
            if place == len(there):
                there.append(waiting.pop(0))
            parent = there[place]
            token = parent.draw(draws)
            new.append(tree.add(token, parent.node, Kind.WITHOUT_REPLACEMENT, parent.q, self.source))
            self.mass[new[-1]] = parent.mass * parent.q[token]
            to_come.append(sum(parent.rate for parent in there) + (self.to_come[len(there) - 1] if waiting else 0.0))
        self.to_come = to_come
        return new
