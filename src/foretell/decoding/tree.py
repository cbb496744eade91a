"""Trees of drafted tokens, and how each token was drawn. A chain is a tree of width one. Independent of models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from foretell.decoding.distribution import Distribution

ROOT = -1  #: parent of the first drafted tokens: the last token of the text


class Kind(Enum):
    """How a node's token was drawn; a verifier is exact only for the kinds it declares.

    FIXED: a candidate chosen without random draws (from a table, a copy, an arg-max). SAMPLED: drawn from q, independently of its siblings.
    WITHOUT_REPLACEMENT: drawn from q with the earlier siblings removed and q renormalised.
    """

    FIXED = "fixed"
    SAMPLED = "sampled"
    WITHOUT_REPLACEMENT = "without-replacement"


@dataclass
class Tree:
    """Nodes in an order where parents come before children and earlier-drawn siblings before later ones.

    tokens, parents, kinds: one entry per node. q: the distribution that a sampled node's sibling group was drawn from (before
    any removal), None for fixed nodes. sources: the drafter's name, for display. grades: a small integer that classifies nodes by the
    drafter's confidence; the pace learns acceptance per (source, grade, depth, rank). A sampled node's grade must not depend on the token
    drawn, because pruning by it would bias the output. confidences: the probability that the drafter gives a fixed node's token, for
    verifiers that accept by it, or None.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    q: list[Distribution | None] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    grades: list[int] = field(default_factory=list)
    confidences: list[float | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(
        self,
        token: int,
        parent: int = ROOT,
        kind: Kind = Kind.FIXED,
        q: Distribution | None = None,
        source: str = "",
        grade: int = 0,
        confidence: float | None = None,
    ) -> int:
        """Append a node and return its number. Sampled kinds need `q`. ValueError for an unknown parent, or a `q` that does not fit."""
        if not ROOT <= parent < len(self.tokens):
            raise ValueError(f"Tree.add: parent={parent!r} is neither the root nor one of the {len(self.tokens)} nodes")
        if (q is None) != (kind is Kind.FIXED):
            raise ValueError(f"Tree.add: kind={kind.value!r} {'takes no q' if q is not None else 'needs the q it was drawn from'}")
        self.tokens.append(int(token))
        self.parents.append(parent)
        self.kinds.append(kind)
        self.q.append(q)
        self.sources.append(source)
        self.grades.append(grade)
        self.confidences.append(confidence)
        return len(self.tokens) - 1

    @classmethod
    def chain(cls, tokens: Iterable[int], source: str = "", grade: int = 0) -> Tree:
        """A chain of fixed candidates.

        >>> Tree.chain([5, 6]).parents
        [-1, 0]
        """
        tree = cls()
        for token in tokens:
            tree.add(token, len(tree) - 1, source=source, grade=grade)
        return tree

    def children(self) -> dict[int, list[int]]:
        """The children of each node (and of ROOT) that has children, in drawing order."""
        family: dict[int, list[int]] = {}
        for node, parent in enumerate(self.parents):
            family.setdefault(parent, []).append(node)
        return family

    def depths(self) -> list[int]:
        """Depth of each node; children of the root have depth 1."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 if parent == ROOT else depths[parent] + 1)
        return depths

    def ranks(self) -> list[int]:
        """Rank of each node among its siblings in drawing order, from 0."""
        seen: dict[int, int] = {}
        ranks = []
        for parent in self.parents:
            ranks.append(seen.get(parent, 0))
            seen[parent] = ranks[-1] + 1
        return ranks

    def path(self, node: int) -> list[int]:
        """The nodes from the child of the root to `node`; [] for ROOT."""
        path = []
        while node != ROOT:
            path.append(node)
            node = self.parents[node]
        return path[::-1]

    def subtree(self, nodes: Iterable[int]) -> Tree:
        """The tree of `nodes` only, in the same order; ValueError unless the parent of each is among them."""
        kept = sorted(set(nodes))
        number = {ROOT: ROOT, **{node: i for i, node in enumerate(kept)}}
        if any(self.parents[node] not in number for node in kept):
            raise ValueError(f"Tree.subtree: nodes={kept!r} are not closed under parents")
        tree = Tree()
        for node in kept:
            tree.add(
                self.tokens[node], number[self.parents[node]], self.kinds[node], self.q[node], self.sources[node], self.grades[node],
                self.confidences[node],
            )  # fmt: skip
        return tree

    def extended(self, other: Tree) -> Tree:
        """This chain with `other` below its last node."""
        tree, shift = self.subtree(range(len(self))), len(self)
        for node in range(len(other)):
            parent = other.parents[node]
            tree.add(
                other.tokens[node], shift - 1 if parent == ROOT else parent + shift, other.kinds[node], other.q[node], other.sources[node],
                other.grades[node], other.confidences[node],
            )  # fmt: skip
        return tree

    def clip(self, num_nodes: int, depth: int) -> Tree:
        """The first `num_nodes` nodes, no deeper than `depth`."""
        if len(self) <= num_nodes and len(self) <= depth:
            return self
        depths = self.depths()
        return self.subtree([node for node in range(len(self)) if depths[node] <= depth][: max(num_nodes, 0)])

    def union(self, other: Tree) -> Tree:
        """Both trees below one root. Equal fixed paths are merged. Sampled nodes are not, because that would change their distribution.

        The q of `other` are copied: sibling groups are distinguished by their q object, and two drafters may share one.
        """
        tree = self.subtree(range(len(self)))
        fixed = {
            (parent, token): node
            for node, (parent, token, kind) in enumerate(zip(tree.parents, tree.tokens, tree.kinds, strict=True))
            if kind is Kind.FIXED
        }
        number = {ROOT: ROOT}
        copies = {id(q): replace(q) for q in other.q if q is not None}
        for node in range(len(other)):
            parent, token, kind = number[other.parents[node]], other.tokens[node], other.kinds[node]
            same = fixed.get((parent, token)) if kind is Kind.FIXED else None
            if same is None:
                q = copies.get(id(other.q[node]))
                same = tree.add(token, parent, kind, q, other.sources[node], other.grades[node], other.confidences[node])
                if kind is Kind.FIXED:
                    fixed[parent, token] = same
            number[node] = same
        return tree


def is_prefix_closed(paths: Sequence[Sequence[int]]) -> bool:
    """Whether the parent of every path is among the `paths`, which a tree template requires."""
    known = {tuple(path) for path in paths}
    return all(len(path) == 1 or tuple(path[:-1]) in known for path in known)
