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
    """`forced` drafts its chain, and the next drafter is asked as if the chain were written already; its tree hangs on the chain's
    end. Written `forced >> a`.

    drafters: `forced` and one other. The first must be `forced`, whose tokens are as good as written: other drafters may be wrong, and
    the second would learn text that never came.

    Guarantee: exact under a verifier that takes the second part's kinds and fixed candidates. Needs, state: those of the parts. Cost: both
    proposals. Composition of Foretell's own; what is forced is skipped without drafts behind it in Geng et al., "Generating Structured
    Outputs from Language Models: Benchmark and Studies", section 2.

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
        able = [i for i, ask in enumerate(longer) if min(ask.num_nodes, ask.depth) > 0]
        for i, tree in zip(able, self.drafters[1].propose([longer[i] for i in able]), strict=True):
            chains[i] = chains[i].extended(tree)
        return chains


def _behind(ask: Ask, chain: Tree) -> Ask:
    """The ask as it would be with the chain written."""
    if not len(chain) or ask.constraint is None:
        return ask
    state = ask.constraint
    for token in chain.tokens:
        state = state.advance(token)
    tokens = [*ask.tokens, *chain.tokens]
    sampler = ask.sampler
    if isinstance(sampler, ConstrainedSampler):
        sampler = ConstrainedSampler.of(sampler.plain, state, len(tokens))
    left = len(chain)
    return dataclasses.replace(
        ask, tokens=tokens, num_nodes=ask.num_nodes - left, depth=ask.depth - left, sampler=sampler, constraint=state
    )
