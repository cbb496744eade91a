"""A request's state in a draft model: its cache, which lags behind the text, and the rows of the last proposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.decoding.drafter import Seen
from foretell.decoding.tree import ROOT, Tree
from foretell.models.base import Cache, Feed, Model


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

    def truncate(self, length: int) -> None:
        """Forget the text from position `length` on, and the last proposal."""
        self.cache.truncate(min(length, self.cache.length))
        self.tree, self.num_lag, self.rows = Tree(), 0, {}

    def feed_text(self, tokens: Sequence[int]) -> Feed:
        """Begins a proposal: the text that the cache has not seen yet, whose last row gives the distribution after the root."""
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
