"""Base of drafters that combine drafters: memory and state are tuples with one entry per part."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Any, ClassVar

from foretell.decoding.drafter import Ask, Drafter, Queries, Seen, Traits
from foretell.decoding.tree import Tree
from foretell.models.base import Model
from foretell.parts import Needs, require


class Composite(Drafter[Any, Any]):
    """Abstract: subclasses add the field `drafters` and `propose`. symbol: the operator in a recipe's text. UserError for one drafter."""

    drafters: tuple[Drafter, ...]
    symbol: ClassVar[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "drafters", tuple(self.drafters))
        good = len(self.drafters) >= 2 and all(isinstance(drafter, Drafter) for drafter in self.drafters)
        require(good, self, "drafters", self.drafters, "must be two drafters or more")

    @classmethod
    def examples(cls) -> list[Any]:
        """Settings that mix draw kinds: fixed with sampled, sampled groups of two kinds, and two groups of one kind."""
        from foretell.decoding.drafters.draft_model import DraftModel
        from foretell.decoding.drafters.prompt_lookup import PromptLookup
        from foretell.decoding.drafters.token_recycling import TokenRecycling

        sampled = DraftModel.examples()[0].replace(branching=(1,))
        lookup = PromptLookup(num_tokens=2)
        recycling = TokenRecycling(k=2, template=((0,), (1,)))
        distinct = sampled.replace(siblings="without-replacement")
        return [cls((lookup, recycling)), cls((lookup, sampled)), cls((sampled, distinct)), cls((distinct, distinct))]

    @property
    def needs(self) -> Needs:
        return Needs.joined(self.drafters)

    @property
    def traits(self) -> Traits:
        return functools.reduce(operator.or_, (drafter.traits for drafter in self.drafters))

    def members(self, memory: Any) -> list[tuple[Drafter, Any]]:
        """The drafters of which a step uses one, each with its memory. By default this drafter alone."""
        return [(self, memory)]

    def variants(self) -> list[Drafter]:
        return [
            self,
            *(
                self.replace(drafters=(*self.drafters[:i], variant, *self.drafters[i + 1 :]))
                for i, drafter in enumerate(self.drafters)
                for variant in drafter.variants()[1:]
            ),
        ]

    def remember(self, model: Model) -> tuple[Any, ...]:
        return tuple(drafter.remember(model) for drafter in self.drafters)

    def begin(self, memory: Any, text: Sequence[int], cached: int = 0) -> Any:
        return tuple(drafter.begin(part, text, cached) for drafter, part in zip(self.drafters, memory, strict=True))

    def rewind(self, memory: Any, state: Any, text: Sequence[int]) -> Any:
        return tuple(drafter.rewind(kept, part, text) for drafter, kept, part in zip(self.drafters, memory, state, strict=True))

    def resume(self, memory: Any, state: Any, text: Sequence[int]) -> Any:
        return tuple(drafter.resume(kept, part, text) for drafter, kept, part in zip(self.drafters, memory, state, strict=True))

    def queries(self, state: Any, tree: Tree) -> Queries:
        joined = Queries()
        for drafter, part in zip(self.drafters, state, strict=True):
            asked, shift = drafter.queries(part, tree), len(joined)
            joined.tokens += asked.tokens
            joined.parents += [parent + shift if parent >= len(tree) else parent for parent in asked.parents]
        return joined

    def observe(self, states: Sequence[Any], seens: Sequence[Seen]) -> list[Any]:
        """Each part gets the rows of its own queries. Returns the first measurement of the parts that is not None."""
        measured: list[Any] = [None] * len(states)
        shares = [self._split(state, seen) for state, seen in zip(states, seens, strict=True)]
        for number, drafter in enumerate(self.drafters):
            values = drafter.observe([state[number] for state in states], [share[number] for share in shares])
            measured = [value if before is None else before for before, value in zip(measured, values, strict=True)]
        return measured

    def _split(self, state: Any, seen: Seen) -> list[Seen]:
        """What each part observes of a pass."""
        if not len(seen.query_logits):
            return [seen] * len(self.drafters)
        shares, start = list[Seen](), 0
        for drafter, part in zip(self.drafters, state, strict=True):
            rows = slice(start, start + len(drafter.queries(part, seen.tree)))
            hidden = {key: states[rows] for key, states in seen.query_hidden.items()}
            shares.append(dataclasses.replace(seen, query_logits=seen.query_logits[rows], query_hidden=hidden))
            start = rows.stop
        return shares

    def draft_cost(self, memory: Any, depth: int) -> float:
        return sum(drafter.draft_cost(part, depth) for drafter, part in zip(self.drafters, memory, strict=True))

    def asks_of(self, number: int, asks: Sequence[Ask]) -> list[Ask]:
        """The same asks with the state and the draws of part `number`."""
        return [dataclasses.replace(ask, state=ask.state[number], draws=ask.draws.sub(number)) for ask in asks]


def members(drafter: Drafter, memory: Any) -> list[tuple[Drafter, Any]]:
    """The drafters of which a step uses one, each with its memory; for drafters that are not such a choice, the drafter itself."""
    return drafter.members(memory) if isinstance(drafter, Composite) else [(drafter, memory)]
