"""Adaptive n-gram drafting: an n-gram model of the request's own text drafts the most probable paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Traits
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.table_drafter import TableDrafter
from foretell.decoding.drafting.trees.best_first import best_first
from foretell.decoding.drafting.trees.paths import fixed_tree
from foretell.decoding.tree import Tree
from foretell.models.base import Model
from foretell.parts import require


@dataclass
class _State:
    """learnt: tokens of the text that the table has counted."""

    table: SuccessorTable
    learnt: int = 0


@dataclass(frozen=True)
class AdaptiveNgram(TableDrafter[int, _State]):
    """An n-gram model of the prompt and the generated text, updated every step. Prompt lookup copies the latest match; this drafter
    proposes the tree of the most probable continuations over all matches.

    orders: context lengths; the longest known context is used. width: successors kept of a context.

    Guarantee: exact under any verifier that takes fixed candidates. Needs: nothing of the model. Cost: 50 us per step, and 1 us per
    token of the prompt. State: the request's own table, 100 bytes per context. Grade: -log2 of a node's share of its context, rounded.

    Ou et al., "Lossless Acceleration of Large Language Model via Adaptive N-gram Parallel Decoding", section 3.
    Departures: a tree of several continuations where the paper drafts one; shorter contexts replace unknown longer ones at
    each drafted token (its multi-level n-gram).
    Errors: UserError for orders empty, repeated or below 1, and for a width below 1.

    >>> from foretell.models.tiny import TinyModel
    >>> from foretell.decoding.sampler import Sampler
    >>> drafter, text = AdaptiveNgram(), [7, 1, 2, 7, 1, 2, 7]
    >>> state = drafter.begin(drafter.remember(TinyModel(8)), text)
    >>> drafter.propose([Ask(text, 4, state, 3, 3, Sampler(greedy=True), None)])[0].tokens
    [1, 2, 7]
    """

    papers = ("anpd",)

    orders: tuple[int, ...] = (4, 3, 2, 1)
    width: int = 8

    aliases = ("anpd",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", tuple(self.orders))
        require(all(isinstance(n, int) for n in self.orders), self, "orders", self.orders, "must be whole numbers")
        SuccessorTable(1, self.orders, self.width, "count")  # checks orders and width

    @classmethod
    def examples(cls) -> list[AdaptiveNgram]:
        return [cls((2, 1), 2), cls((1,), 3)]

    def remember(self, model: Model) -> int:
        return model.vocab_size

    def begin(self, memory: int, text: Sequence[int], cached: int = 0) -> _State:
        return _State(SuccessorTable(memory, self.orders, self.width, "count"))

    @property
    def traits(self) -> Traits:
        return Traits(rests=True)

    def resume(self, memory: int, state: _State, text: Sequence[int]) -> _State:
        return state  # a proposal counts what is new of the text

    def table_for(self, ask: Ask) -> SuccessorTable:
        state, text = ask.state, ask.tokens
        if state.learnt < len(text):
            begin = max(state.learnt - state.table.longest, 0)  # the new tokens with the context of the first one
            state.table.learn_text(text[begin:], first=state.learnt - begin)
            state.learnt = len(text)
        return state.table

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [fixed_tree(best_first(self.table_for(ask), ask.tokens, ask.num_nodes, ask.depth), self.name) for ask in asks]
