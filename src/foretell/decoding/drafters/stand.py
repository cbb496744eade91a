"""STAND: n-grams with the target's probabilities, averaged over occurrences, from which drafts are drawn without replacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.drafter import Ask, Drafter, Seen, Traits
from foretell.decoding.drafting.successors.contexts import seen_contexts
from foretell.decoding.drafting.successors.probabilities import best_probabilities
from foretell.decoding.drafting.successors.scope import SCOPES, ScopedTables
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.table_drafter import TableDrafter
from foretell.decoding.drafting.templates import TOKEN_RECYCLING_80, Template, as_template
from foretell.decoding.drafting.trees.best_first import best_first
from foretell.decoding.drafting.trees.gumbel import gumbel_tree
from foretell.decoding.drafting.trees.paths import fixed_tree
from foretell.decoding.drafting.trees.template_fill import fill_template, shape_of
from foretell.decoding.tree import Tree
from foretell.models.base import Model
from foretell.parts import Needs, require

SIBLINGS = ("gumbel", "top-k", "best-first")


@dataclass
class _State:
    """tail: the last tokens that are in the target's cache, as many as the longest context."""

    table: SuccessorTable
    tail: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Stand(TableDrafter[ScopedTables, _State]):
    """A table from the last n tokens to the target's distribution after them, averaged over all occurrences in accepted text and rejected
    drafts. Later answers to the same question reuse phrases of earlier ones.

    orders: context lengths; the longest known context is used. width: tokens kept of a distribution. shape: rank paths of the tree in
    order of usefulness, with every parent and earlier sibling before its node; the pace takes as many as pay. siblings: "gumbel", children
    drawn without replacement from the table's distribution after the request's sampler; "top-k", the most probable ones; or "best-first",
    no static shape but the paths with the largest product of probabilities. With a greedy sampler "gumbel" equals "top-k". scope: which
    requests share a table, "problem" (those with the same prompt), "global" (all) or "request" (none). table: file of an initial table, as
    `foretell phrases` writes it; "shipped" is the one that comes with Foretell for the model's tokenizer. capacity: most contexts.
    learn_prompt: also learn from the prompt's rows (computes logits for the whole prompt).

    Guarantee: exact under the verifier of the siblings' kind (recursive rejection, or fixed candidates). Needs: logits at every fed row.
    Cost: top-k of each fed row; drawing takes 20 us per node, the other trees 30 us per step.
    State: the table, 200 bytes per context. Grade: -log2 of the distribution's largest probability (drawn nodes) or of the node's share
    (fixed nodes), rounded.

    Song et al., "Accelerated Test-Time Scaling with Model-Free Speculative Sampling", section 4.
    Departures: probabilities are stored at temperature 1, with an estimate of the softmax's sum, and the sampler is applied when drafting;
    each sampled node carries the q that it was drawn from, so that any table and sampler is exact; siblings are drawn one by one, which has
    the distribution of Gumbel-top-k; "best-first" and order 1 are Foretell's own, because the paper's orders=(4, 3, 2) know few contexts
    during a first answer (1.97 tokens per step instead of 1.68 over eight answers, benchmarks/stand.py). A distribution with fewer tokens
    than the shape asks for gives fewer nodes, which the table's statistics count.
    Errors: UserError for orders empty or below 1, and for a shape that is no template or skips a rank; TableFileError for a table of
    another model.

    >>> Stand(orders=(2,)).siblings
    'gumbel'
    """

    papers = ("stand",)

    orders: tuple[int, ...] = (4, 3, 2, 1)
    width: int = 10
    shape: Template = TOKEN_RECYCLING_80
    siblings: str = "gumbel"
    scope: str = "problem"
    table: str = ""
    capacity: int = 200_000
    learn_prompt: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", tuple(self.orders))
        object.__setattr__(self, "shape", as_template(self.shape))
        SuccessorTable(1, self.orders, self.width, "mean", capacity=self.capacity)  # checks its settings
        index = {path: i for i, path in enumerate(self.shape)}
        for path in self.shape:
            elder = (*path[:-1], path[-1] - 1)
            good = path[-1] == 0 or index.get(elder, len(index)) < index[path]
            require(good, self, "shape", path, f"must come after its elder sibling {elder!r}")
        require(self.siblings in SIBLINGS, self, "siblings", self.siblings, f"must be one of {', '.join(SIBLINGS)}")
        require(self.scope in SCOPES, self, "scope", self.scope, f"must be one of {', '.join(SCOPES)}")

    @classmethod
    def examples(cls) -> list[Stand]:
        shape = ((0,), (1,), (0, 0))
        return [
            cls((2, 1), 3, shape, scope="request"),
            cls((1,), 2, shape[:2], capacity=2, learn_prompt=True),
            cls((2, 1), 3, shape, "top-k", scope="global"),
            cls((2, 1), 3, shape, "best-first", scope="request"),
        ]

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return shape_of(self.shape)

    @property
    def traits(self) -> Traits:
        return Traits(samples=self.siblings == "gumbel", learns=self.scope != "request", rests=True)

    @property
    def needs(self) -> Needs:
        return Needs(prompt_rows=self.learn_prompt)

    def variants(self) -> list[Drafter]:
        return [*super().variants(), self.replace(orders=(2, 1), siblings="best-first", scope="global")]

    def remember(self, model: Model) -> ScopedTables:
        if self.table:
            from foretell.decoding.drafting.successors.files import load_table

            table = load_table(self.table, model)
            good = table.orders == tuple(sorted(self.orders, reverse=True)) and table.rule == "mean"
            require(good, self, "table", self.table, f'holds {table!r}; it must be of orders {self.orders} and rule "mean"')
            return ScopedTables(table.copy, self.scope)
        return ScopedTables(lambda: SuccessorTable(model.vocab_size, self.orders, self.width, "mean", capacity=self.capacity), self.scope)

    def begin(self, memory: ScopedTables, text: Sequence[int], cached: int = 0) -> _State:
        return self._state(memory.of(text), text, cached)

    def rewind(self, memory: ScopedTables, state: _State, text: Sequence[int]) -> _State:
        return self._state(state.table, text, len(text) - 1)

    def _state(self, table: SuccessorTable, text: Sequence[int], cached: int) -> _State:
        return _State(table, list(text[max(cached - table.longest, 0) : cached]))

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._tree(ask) for ask in asks]

    def table_for(self, ask: Ask) -> SuccessorTable:
        return ask.state.table

    def _tree(self, ask: Ask) -> Tree:
        table = self.table_for(ask)
        if self.siblings == "gumbel" and not ask.sampler.greedy:
            return gumbel_tree(table, ask, self.shape, self.name)
        if self.siblings == "best-first":
            return fixed_tree(best_first(table, ask.tokens, ask.num_nodes, ask.depth), self.name)
        return fixed_tree(fill_template(table, ask.tokens, self._places, ask.num_nodes, ask.depth), self.name)

    def observe_request(self, state: _State, seen: Seen) -> None:
        contexts, state.tail = seen_contexts(state.tail, seen, state.table.longest)
        if not contexts:
            return
        tokens, probs = best_probabilities(seen.logits, min(self.width, seen.logits.shape[1]))
        # Rejected nodes first, so that the rows of the text are the last to be evicted.
        text = len(contexts) - len(seen.tree)
        own = [*range(text), *(text + node for node in seen.path)]
        rejected = sorted(set(range(len(contexts))) - set(own))
        state.table.learn_rows(np.array(contexts, dtype=np.int32)[rejected + own], tokens[rejected + own], probs[rejected + own])
        state.table.statistics["taught"] += len(own)
        state.table.statistics["taught beside the text"] += len(rejected)
