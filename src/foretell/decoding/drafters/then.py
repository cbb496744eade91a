"""`a >> b`: the second drafter continues where the first one's chain ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.constrained import ConstrainedSampler
from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.drafters.composite import Composite, members
from foretell.decoding.drafters.forced import Forced
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass(frozen=True)
class Then(Composite):
    """`forced` drafts its chain, and the second drafter drafts as if the chain were part of the text; its tree continues the chain. Written
    `forced >> a`.

    drafters: `forced` and one other. The first must be `forced`, because its tokens are always accepted; after a wrong chain, the second
    drafter would learn text that is not written.

    Guarantee: exact under a verifier that takes the second part's kinds and fixed candidates. Needs, state: those of the parts. Cost: both
    proposals. This composition is Foretell's own; forced tokens are written without drafts after them in Geng et al., "Generating
    Structured Outputs from Language Models: Benchmark and Studies", section 2.

    >>> from foretell.decoding.drafters.plain import Plain
    >>> Then((Forced(), Plain())).propose([])
    []
    """

    papers = ("jsonschemabench",)

    drafters: tuple[Drafter, ...] = ()

    symbol = ">>"

    def __post_init__(self) -> None:
        super().__post_init__()
        good = len(self.drafters) == 2 and isinstance(self.drafters[0], Forced)
        require(good, self, "drafters", self.drafters, "must be `forced` and one other drafter: `forced >> prompt-lookup`")

    @classmethod
    def examples(cls) -> list[Any]:
        from foretell.decoding.drafters.draft_model import DraftModel
        from foretell.decoding.drafters.prompt_lookup import PromptLookup

        return [cls((Forced(), PromptLookup(num_tokens=2))), cls((Forced(2), DraftModel.examples()[0]))]

    def members(self, memory: Any) -> list[tuple[Drafter, Any]]:
        return members(self.drafters[1], memory[1])

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        chains = self.drafters[0].propose(self.asks_of(0, asks))
        longer = [_behind(ask, chain) for ask, chain in zip(self.asks_of(1, asks), chains, strict=True)]
        with_room = [i for i, ask in enumerate(longer) if min(ask.num_nodes, ask.depth) > 0]
        for i, tree in zip(with_room, self.drafters[1].propose([longer[i] for i in with_room]), strict=True):
            chains[i] = chains[i].extended(tree)
        return chains


def _behind(ask: Ask, chain: Tree) -> Ask:
    """The ask as if the chain were part of the text."""
    if not len(chain) or ask.constraint is None:
        return ask
    state = ask.constraint
    for token in chain.tokens:
        state = state.advance(token)
    tokens = [*ask.tokens, *chain.tokens]
    sampler = ask.sampler
    if isinstance(sampler, ConstrainedSampler):
        sampler = ConstrainedSampler.of(sampler.plain, state, len(tokens))
    used = len(chain)
    return dataclasses.replace(
        ask, tokens=tokens, num_nodes=ask.num_nodes - used, depth=ask.depth - used, sampler=sampler, constraint=state
    )
