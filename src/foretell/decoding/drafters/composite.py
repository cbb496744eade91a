"""What drafters made of drafters share: memory and state are tuples, one entry a part."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

from foretell.decoding.drafter import Ask, Drafter, Queries, Seen
from foretell.decoding.tree import Tree
from foretell.models.base import Model
from foretell.parts import require


class Composite(Drafter):
    """Abstract: subclasses add the field `drafters` and `propose`. `symbol` joins the parts in a recipe's short text."""

    drafters: tuple[Drafter, ...]
    symbol: ClassVar[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "drafters", tuple(self.drafters))
        good = len(self.drafters) >= 2 and all(isinstance(drafter, Drafter) for drafter in self.drafters)
        require(good, self, "drafters", self.drafters, "must be two drafters or more")

    @classmethod
    def examples(cls) -> list[Any]:
        """Mixed kinds on purpose: fixed beside sampled, sampled groups of two kinds, and two groups of one kind."""
        from foretell.decoding.drafters.draft_model import DraftModel
        from foretell.decoding.drafters.prompt_lookup import PromptLookup
        from foretell.decoding.drafters.token_recycling import TokenRecycling

        sampled = DraftModel.examples()[0].replace(branching=(1,))
        lookup = PromptLookup(num_tokens=2)
        recycling = TokenRecycling(k=2, template=((0,), (1,)))
        distinct = sampled.replace(siblings="without-replacement")
        return [cls((lookup, recycling)), cls((lookup, sampled)), cls((sampled, distinct)), cls((distinct, distinct))]

    @property
    def wants_prompt_rows(self) -> bool:
        return any(drafter.wants_prompt_rows for drafter in self.drafters)

    @property
    def wants_hidden(self) -> tuple[int | str, ...]:
        return tuple(dict.fromkeys(key for drafter in self.drafters for key in drafter.wants_hidden))

    @property
    def draws_drafts(self) -> bool:
        return any(drafter.draws_drafts for drafter in self.drafters)

    @property
    def learns_across_requests(self) -> bool:
        return any(drafter.learns_across_requests for drafter in self.drafters)

    @property
    def needs_tuned_model(self) -> bool:
        return any(drafter.needs_tuned_model for drafter in self.drafters)

    @property
    def is_plain(self) -> bool:
        return all(drafter.is_plain for drafter in self.drafters)

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

    def begin(self, memory: Any, tokens: Sequence[int]) -> tuple[Any, ...]:
        return tuple(drafter.begin(part, tokens) for drafter, part in zip(self.drafters, memory, strict=True))

    def queries(self, state: Any, tree: Tree) -> Queries:
        joined = Queries()
        for drafter, part in zip(self.drafters, state, strict=True):
            asked, shift = drafter.queries(part, tree), len(joined)
            joined.tokens += asked.tokens
            joined.parents += [parent + shift if parent >= len(tree) else parent for parent in asked.parents]
        return joined

    def observe(self, state: Any, seen: Seen) -> Any:
        start, measured = 0, None
        for drafter, part in zip(self.drafters, state, strict=True):
            own = seen
            if len(seen.query_logits):
                rows = slice(start, start + len(drafter.queries(part, seen.tree)))
                hidden = {key: states[rows] for key, states in seen.query_hidden.items()}
                own, start = dataclasses.replace(seen, query_logits=seen.query_logits[rows], query_hidden=hidden), rows.stop
            found = drafter.observe(part, own)
            measured = found if measured is None else measured
        return measured

    def draft_cost(self, memory: Any, depth: int) -> float:
        return sum(drafter.draft_cost(part, depth) for drafter, part in zip(self.drafters, memory, strict=True))

    def asks_of(self, number: int, asks: Sequence[Ask]) -> list[Ask]:
        """The same asks with the state, and a stream of draws, of part `number`."""
        return [dataclasses.replace(ask, state=ask.state[number], draws=ask.draws.sub(number)) for ask in asks]
