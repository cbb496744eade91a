"""What drafters with a model of their own share: its cache, which lags behind the text, and drafting level by level.

A level costs one forward pass of the draft model over all requests of the batch; who the children are is the drafter's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from foretell.decoding.distribution import Distribution
from foretell.decoding.drafters.base import Ask, Seen
from foretell.decoding.tree import ROOT, Tree
from foretell.models.base import Cache, Feed, Model
from foretell.models.vocabulary import check_same_vocabulary

#: The draft's law after each of the nodes (or ROOT) that may get children, in the order in which they were drafted.
Laws = dict[int, Distribution]
#: grow(laws, level) adds children to the request's tree and returns the new nodes.
Grow = Callable[[Laws, int], list[int]]


@dataclass
class DraftCache:
    """A request's state in a draft model. cache: the draft model's own, which lags behind the text and catches up when asked.
    tree: the last proposal; rows: the pending row of each of its nodes that was fed. num_lag: rows of text fed before them
    (0: nothing is pending)."""

    model: Model
    cache: Cache
    tree: Tree = field(default_factory=Tree)
    num_lag: int = 0
    rows: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> DraftCache:
        """An empty one."""
        return cls(model, model.new_cache())

    def feed_text(self, tokens: Sequence[int]) -> Feed:
        """Begins a proposal: the text that the cache has not seen yet, whose last row gives the law after the root."""
        lag = tokens[self.cache.length :]
        self.tree, self.num_lag, self.rows = Tree(), len(lag), {}
        return Feed(self.cache, lag, num_logits=1)

    def feed_nodes(self, nodes: Sequence[int]) -> Feed:
        """New nodes of the proposal, each below its parent's row."""
        first = len(self.cache.pending)
        self.rows.update({node: first + place for place, node in enumerate(nodes)})
        above = [self.tree.parents[node] for node in nodes]
        rows = [self.rows[parent] if parent != ROOT else self.num_lag - 1 for parent in above]
        return Feed(self.cache, [self.tree.tokens[node] for node in nodes], rows)

    def observe(self, seen: Seen) -> None:
        """Keep the rows of what was accepted. The target's tree may be pruned or merged with others', so accepted tokens are
        looked up in our own by their text."""
        if self.num_lag == 0:
            return
        nodes = {(self.tree.parents[node], self.tree.tokens[node]): node for node in self.rows}
        path, node = list(range(self.num_lag)), ROOT
        for token in seen.tokens[:-1]:  # the last token's row is asked for again: the next tree hangs on it
            if (node, token) not in nodes:
                break
            node = nodes[node, token]
            path.append(self.rows[node])
        self.cache.keep(path)
        self.num_lag, self.rows = 0, {}


def load_draft(draft: Model | str, target: Model) -> Model:
    """The draft model, loaded where it is an id or path; ValueError where its vocabulary is not the target's."""
    if isinstance(draft, str):
        from foretell.models.load import load

        draft = load(draft)
    check_same_vocabulary(target, draft)
    return draft


def draft_levels(asks: Sequence[Ask], num_levels: int, grower: Callable[[Ask], Grow]) -> list[Tree]:
    """One tree for each ask, whose `state` is a `DraftCache`, of at most `num_levels` levels.

    grower(ask): who grows that ask's tree (`ask.state.tree`); it must keep to `ask.num_nodes`, depth is seen to here. A
    request that does not fit the draft model's longest text gets an empty tree.
    """
    growing = [ask for ask in asks if len(ask.tokens) + num_levels <= ask.state.model.max_length]
    if growing:
        model = growing[0].state.model
        grow = [grower(ask) for ask in growing]
        fed = model.forward([ask.state.feed_text(ask.tokens) for ask in growing])
        laws: list[Laws] = [
            {ROOT: ask.sampler.distribution(rows.logits[-1], ask.tokens, ask.prompt_length)} for ask, rows in zip(growing, fed, strict=True)
        ]
        depth = min(num_levels, max(ask.depth for ask in growing))
        for level in range(depth):
            grown = [each(laws[i], level) if laws[i] and level < growing[i].depth else [] for i, each in enumerate(grow)]
            if not any(grown) or level + 1 == depth:
                break
            laws = _laws(model, growing, grown)
    trees = {id(ask): ask.state.tree for ask in growing}
    return [trees.get(id(ask), Tree()) for ask in asks]


def _laws(model: Model, asks: Sequence[Ask], grown: list[list[int]]) -> list[Laws]:
    """One draft step over the new nodes of all requests: the draft's law after each."""
    busy = [i for i, new in enumerate(grown) if new]
    laws: list[Laws] = [{} for _ in asks]
    for i, rows in zip(busy, model.forward([asks[i].state.feed_nodes(grown[i]) for i in busy]), strict=True):
        ask, tree = asks[i], asks[i].state.tree
        for node, logits in zip(grown[i], rows.logits, strict=True):
            history = ask.tokens + [tree.tokens[up] for up in tree.path(node)]
            laws[i][node] = ask.sampler.distribution(logits, history, ask.prompt_length)
    return laws


def level_costs(model: Model, widths: Sequence[int]) -> float:
    """Seconds of one draft step a level, `widths` rows each, by the draft model's stored curve."""
    from foretell.decoding.stored_curve import curve_of

    curve = curve_of(model)  # a stored one: a curve measured anew would change what a seed draws
    return sum(curve(width) for width in widths)
