"""A request's state in a draft model: its cache, which may lag behind the text, and the rows of the last proposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.decoding.drafter import Seen
from foretell.decoding.tree import ROOT, Tree
from foretell.models.base import Cache, Feed, Model


@dataclass
class DraftCache:
    """A request's state in a draft model. cache: the draft model's cache, which reads new text at the next proposal. tree: the last
    proposal. num_lag: rows of text that were fed before its nodes (0: nothing is pending). rows: the pending row of each fed node."""

    model: Model
    cache: Cache
    tree: Tree = field(default_factory=Tree)
    num_lag: int = 0
    rows: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> DraftCache:
        """A new, empty cache of `model`."""
        return cls(model, model.new_cache())

    def truncate(self, length: int) -> None:
        """Remove the text from position `length` on, and the last proposal."""
        self.cache.truncate(min(length, self.cache.length))
        self.tree, self.num_lag, self.rows = Tree(), 0, {}

    def feed_text(self, tokens: Sequence[int]) -> Feed:
        """The feed that begins a proposal: the text that is not in the cache. Its last row gives the distribution after the root."""
        lag = tokens[self.cache.length :]
        self.tree, self.num_lag, self.rows = Tree(), len(lag), {}
        return Feed(self.cache, lag, num_logits=1)

    def feed_nodes(self, nodes: Sequence[int]) -> Feed:
        """The feed of new nodes of the proposal, each below its parent's row."""
        first = len(self.cache.pending)
        self.rows.update({node: first + i for i, node in enumerate(nodes)})
        parents = [self.tree.parents[node] for node in nodes]
        rows = [self.rows[parent] if parent != ROOT else self.num_lag - 1 for parent in parents]
        return Feed(self.cache, [self.tree.tokens[node] for node in nodes], rows)

    def observe(self, seen: Seen) -> None:
        """Keep the rows of accepted tokens. The verified tree may have been pruned or merged with other trees, so accepted tokens are
        looked up in the proposal by their path."""
        if self.num_lag == 0:
            return
        nodes = {(self.tree.parents[node], self.tree.tokens[node]): node for node in self.rows}
        path, node = list(range(self.num_lag)), ROOT
        for token in seen.tokens[:-1]:  # the last token is fed again, as the root of the next tree
            if (node, token) not in nodes:
                break
            node = nodes[node, token]
            path.append(self.rows[node])
        self.cache.keep(path)
        self.num_lag, self.rows = 0, {}
