"""Shared code of drafters with a draft model: loading it, and drafting with it level by level.

A level costs one forward pass of the draft model for all requests of the batch. The drafter chooses the children of each node.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace

from foretell.decoding.distribution import Distribution
from foretell.decoding.drafter import Ask, Drafter, Seen
from foretell.decoding.drafting.draft_cache import DraftCache
from foretell.decoding.tree import ROOT, Tree
from foretell.models.base import Model
from foretell.models.reading import catch_up
from foretell.models.vocabulary import fitted

#: The draft's distribution after each of the nodes (or ROOT) that may get children, in the order in which they were drafted.
Distributions = dict[int, Distribution]
#: grow(distributions, level) adds children to the request's tree and returns the new nodes; level counts from 0.
Grow = Callable[[Distributions, int], list[int]]


class LevelDrafter(Drafter[Model, DraftCache]):
    """Abstract: subclasses add the field `model`, `widths`, and `propose`, which calls `draft_levels`. Their memory is the loaded
    draft model, their state a `DraftCache`."""

    model: Model | str

    @property
    @abstractmethod
    def widths(self) -> Sequence[int]:
        """Number of rows of the draft step of each level. A pace asks for their cost many times per step."""

    def remember(self, model: Model) -> Model:
        """The loaded draft model; UserError where its vocabulary is not the target's."""
        draft = self.model
        if isinstance(draft, str):
            from foretell.models.load import load

            draft = load(draft)
        return fitted(model, draft)

    def begin(self, memory: Model, text: Sequence[int], cached: int = 0) -> DraftCache:
        return DraftCache.of(memory)

    def rewind(self, memory: Model, state: DraftCache, text: Sequence[int]) -> DraftCache:
        state.truncate(len(text) - 1)
        return state

    def draft_cost(self, memory: Model, depth: int) -> float:
        from foretell.decoding.pacing.measured_curve import curve_of

        curve = curve_of(memory)  # the stored curve, so that a seed always gives the same text
        return sum(curve(width) for width in self.widths[:depth])

    def observe_request(self, state: DraftCache, seen: Seen) -> None:
        state.observe(seen)


def before_the_argmax(asks: Sequence[Ask]) -> list[Ask]:
    """The asks with greedy samplers replaced by ones that keep the whole distribution. Valid for fixed candidates only."""
    return [replace(ask, sampler=ask.sampler.replace(greedy=False)) if ask.sampler.greedy else ask for ask in asks]


def draft_levels(asks: Sequence[Ask], num_levels: int, grower: Callable[[Ask], Grow]) -> list[Tree]:
    """One tree for each ask, whose `state` is a `DraftCache`, of at most `num_levels` levels.

    grower(ask): the function that grows the tree of that ask (`ask.state.tree`); it must respect `ask.num_nodes`, while `ask.depth` is
    checked here. A request that does not fit the draft model's longest text gets an empty tree.
    """
    growing = [ask for ask in asks if len(ask.tokens) + num_levels <= ask.state.model.max_length]
    if growing:
        model = growing[0].state.model
        grow = [grower(ask) for ask in growing]
        catch_up(model, [(ask.state.cache, ask.tokens) for ask in growing])
        fed = model.forward([ask.state.feed_text(ask.tokens) for ask in growing])
        distributions: list[Distributions] = [
            {ROOT: ask.sampler.distribution(rows.logits[-1], ask.tokens, ask.prompt_length)} for ask, rows in zip(growing, fed, strict=True)
        ]
        depth = min(num_levels, max(ask.depth for ask in growing))
        for level in range(depth):
            grown = [
                grow_tree(distributions[i], level) if distributions[i] and level < growing[i].depth else []
                for i, grow_tree in enumerate(grow)
            ]
            if not any(grown) or level + 1 == depth:
                break
            distributions = _distributions(model, growing, grown)
    trees = {id(ask): ask.state.tree for ask in growing}
    return [trees.get(id(ask), Tree()) for ask in asks]


def _distributions(model: Model, asks: Sequence[Ask], grown: list[list[int]]) -> list[Distributions]:
    """One draft step over the new nodes of all requests; returns the draft's distribution after each node."""
    busy = [i for i, new in enumerate(grown) if new]
    distributions: list[Distributions] = [{} for _ in asks]
    for i, rows in zip(busy, model.forward([asks[i].state.feed_nodes(grown[i]) for i in busy]), strict=True):
        ask, tree = asks[i], asks[i].state.tree
        for node, logits in zip(grown[i], rows.logits, strict=True):
            history = ask.tokens + [tree.tokens[up] for up in tree.path(node)]
            distributions[i][node] = ask.sampler.distribution(logits, history, ask.prompt_length)
    return distributions
