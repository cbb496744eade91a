"""`a + b`: one tree from the interpolated shares of several tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.drafter import Ask, Traits
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.drafting.table_drafter import TableDrafter
from foretell.decoding.drafting.trees.best_first import best_first
from foretell.decoding.drafting.trees.paths import fixed_tree
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass(frozen=True)
class Interpolation(Composite):
    """Interpolates drafters that use a table of successors, such as `adaptive-ngram` and `stand`. The share of a token is the weighted mean
    over the tables that know its context; a context has twice the weight of one that is a token shorter. The tree consists of the paths
    with the largest products of shares. Unlike in a union of trees, a token that two tables propose gains rank, and a path may continue
    with tokens of another table. Written `a + b`.

    drafters: two or more, each a `TableDrafter`.

    Guarantee: exact under any verifier that takes fixed candidates. Needs, state: those of the parts, which all continue learning.
    Cost: 0.1 ms per step. Grade: -log2 of a node's share, rounded.

    Jelinek and Mercer, "Interpolated Estimation of Markov Source Parameters from Sparse Data", for language models; the weights by
    order and the use for draft trees are Foretell's own. Errors: UserError for a drafter without a table.

    >>> from foretell.decoding.drafters.adaptive_ngram import AdaptiveNgram
    >>> from foretell.decoding.drafters.token_recycling import TokenRecycling
    >>> len(Interpolation((AdaptiveNgram(), TokenRecycling())).drafters)
    2
    """

    papers = ("interpolated-estimation",)

    drafters: tuple[TableDrafter, ...] = ()

    symbol = "+"

    def __post_init__(self) -> None:
        super().__post_init__()
        for drafter in self.drafters:
            require(isinstance(drafter, TableDrafter), self, "drafters", drafter, "keeps no table of successors; join it with | or >")

    @classmethod
    def examples(cls) -> list[Any]:
        from foretell.decoding.drafters.adaptive_ngram import AdaptiveNgram
        from foretell.decoding.drafters.stand import Stand
        from foretell.decoding.drafters.token_recycling import TokenRecycling

        recycling = TokenRecycling(k=2, template=((0,), (1,)))
        return [cls((AdaptiveNgram((2, 1), 2), Stand((2, 1), 2, ((0,), (1,)), scope="request"))), cls((AdaptiveNgram((1,), 2), recycling))]

    @property
    def traits(self) -> Traits:
        return dataclasses.replace(super().traits, samples=False)  # the tree has fixed candidates, also where the parts alone would sample

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        parts = zip(*(map(drafter.table_for, self.asks_of(i, asks)) for i, drafter in enumerate(self.drafters)), strict=True)
        proposals = [best_first(tables, ask.tokens, ask.num_nodes, ask.depth) for tables, ask in zip(parts, asks, strict=True)]
        return [fixed_tree(paths, self.name) for paths in proposals]
