"""ADED: a trigram table that learns from the generated text, searched by Monte-Carlo tree search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from foretell.decoding.drafter import Ask, Seen, Traits
from foretell.decoding.drafting.successors.scope import SCOPES, ScopedTables
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.table_drafter import TableDrafter
from foretell.decoding.drafting.trees.best_first import best_first
from foretell.decoding.drafting.trees.paths import fixed_tree
from foretell.decoding.drafting.trees.puct import TreeSearch
from foretell.decoding.tree import Tree
from foretell.models.base import Model
from foretell.parts import require

SEARCHES = ("puct", "best-first")
ADAPTATIONS = ("window", "fresh", "none")


@dataclass
class _State:
    """text: of this request, prompt included."""

    table: SuccessorTable
    text: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Aded(TableDrafter[ScopedTables, _State]):
    """A table of weights of the third token after each pair of tokens. In each step the trigrams of the new text gain weight, and a search
    selects the best paths after the last two tokens, which form the draft tree.

    search: "puct", the paper's tree search, or "best-first", the paths with the largest product of weights. iterations, length,
    top, reward: of the search (see `TreeSearch`). step: weight that an occurrence adds, up to `cap`. width: successors kept of a
    pair. adaptation: "window", as in the paper: in each step all trigrams of the last `window` tokens gain weight; because windows
    overlap, each gains about (window - 2) / (tokens per step) times; "fresh": each new trigram gains weight once; "none": the table is
    not changed. learn_prompt: whether the prompt's trigrams gain weight too, once. corpus: file of an initial table
    (`foretell.decoding.drafting.successors.files`). scope: who shares a table, "global" (all requests), "problem" (those with the same
    prompt) or "request".
    capacity: most pairs in the table.

    Guarantee: exact under any verifier that takes fixed candidates. Needs: nothing of the model. Cost: about 0.1 ms per step. State: the
    table, 200 bytes per pair. Where the text has fewer than two tokens, or the table lacks the pair, nothing is proposed. Grade: -log2
    of a node's share of its pair's weight, rounded.

    Zhang et al., "Adaptive Draft-Verification for Efficient Large Language Model Decoding", section 3.
    Departures from the authors' code: siblings are ordered by weight, and equal visit counts by product of shares, because the
    order of a hash map is not reproducible; the random numbers of roll-outs depend on the text only; a tree over budget is cut by visits,
    not by length; a pair keeps `width` successors also while learning, and a new successor replaces the one of least weight.
    Errors: UserError for settings out of range, and TableFileError for a corpus of another model.

    >>> Aded(iterations=50).step
    0.04
    """

    papers = ("aded",)

    search: str = "puct"
    iterations: int = 150
    length: int = 3
    top: int = 24
    reward: str = "path"
    step: float = 0.04
    cap: float = 3.0
    width: int = 12
    adaptation: str = "window"
    window: int = 16
    learn_prompt: bool = False
    corpus: str = ""
    scope: str = "global"
    capacity: int = 200_000

    def __post_init__(self) -> None:
        require(self.search in SEARCHES, self, "search", self.search, f"must be one of {', '.join(SEARCHES)}")
        require(0 < self.step < float("inf"), self, "step", self.step, "must be above 0")
        require(self.cap > self.step, self, "cap", self.cap, f"must be above step={self.step!r}")
        require(self.width >= 1, self, "width", self.width, "must be at least 1 successor")
        require(self.adaptation in ADAPTATIONS, self, "adaptation", self.adaptation, f"must be one of {', '.join(ADAPTATIONS)}")
        require(self.window >= 3, self, "window", self.window, "must be at least 3 tokens, one trigram")
        require(self.scope in SCOPES, self, "scope", self.scope, f"must be one of {', '.join(SCOPES)}")
        require(self.capacity >= 1, self, "capacity", self.capacity, "must be at least 1 pair")
        self.tree_search()  # checks its settings

    @classmethod
    def examples(cls) -> list[Aded]:
        return [
            cls(iterations=8, width=2, top=3),
            cls("best-first", step=1.0, top=3, adaptation="fresh", scope="request", learn_prompt=True),
        ]

    @property
    def traits(self) -> Traits:
        return Traits(learns=self.adaptation != "none" and self.scope != "request", rests=True)

    def tree_search(self) -> TreeSearch:
        """The settings of the tree search."""
        return TreeSearch(self.iterations, self.length, self.top, reward=self.reward)

    def remember(self, model: Model) -> ScopedTables:
        if self.corpus:
            from foretell.decoding.drafting.successors.files import load_table

            table = load_table(self.corpus, model)
            good = table.orders == (2,) and table.rule == "add"
            require(good, self, "corpus", self.corpus, f'holds {table!r}; it must be of orders (2,) and rule "add"')
            return ScopedTables(table.copy, self.scope)
        return ScopedTables(
            lambda: SuccessorTable(model.vocab_size, (2,), self.width, "add", step=self.step, cap=self.cap, capacity=self.capacity),
            self.scope,
        )

    def begin(self, memory: ScopedTables, text: Sequence[int], cached: int = 0) -> _State:
        table = memory.of(text)
        if self.learn_prompt and self.adaptation != "none":
            table.learn_text(text, first=2)
        return _State(table, list(text))

    def rewind(self, memory: ScopedTables, state: _State, text: Sequence[int]) -> _State:
        return _State(state.table, list(text))

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [fixed_tree(self._paths(ask), self.name) for ask in asks]

    def table_for(self, ask: Ask) -> SuccessorTable:
        return ask.state.table

    def _paths(self, ask: Ask) -> Any:
        if self.search == "puct":
            return self.tree_search().search(ask.state.table, ask.tokens, ask.num_nodes, ask.depth)
        return best_first(ask.state.table, ask.tokens, min(self.top, ask.num_nodes), min(self.length, ask.depth))

    def observe_request(self, state: _State, seen: Seen) -> None:
        if not seen.tokens:
            return
        state.text += seen.tokens
        if self.adaptation != "none":
            fresh = len(seen.tokens) + 2  # number of tokens in the new trigrams
            window = max(self.window, fresh) if self.adaptation == "window" else fresh
            state.table.learn_text(state.text[-window:], first=2)
