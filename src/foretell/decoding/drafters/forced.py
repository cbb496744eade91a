"""Forced tokens: where a constraint allows a single token, it is drafted and always accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter, Traits
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass(frozen=True)
class Forced(Drafter[None, None]):
    """Proposes the chain of tokens that the request's constraint forces next. No proposal without a constraint, or where several tokens are
    allowed.

    num_tokens: longest chain. In `forced >> other` the other drafter continues after the chain; in `forced > other` it is asked only where
    nothing is forced.

    Guarantee: exact under any verifier that takes fixed candidates. Where the constraint allows a single token, the target's distribution
    has all its mass on it, so it is always accepted. Where an engine forces *bytes* that several token sequences can write, it allows only
    the tokenizer's own tokenization of them, up to the point where following text may be joined to them; after it, several tokens are
    allowed. Needs: nothing of the model. Cost: microseconds per token. State: none.

    Geng et al., "Generating Structured Outputs from Language Models: Benchmark and Studies", section 2 (guidance's fast-forwarding).
    Errors: UserError for num_tokens below 1.

    >>> from foretell.decoding.sampler import Sampler
    >>> Forced().propose([Ask([1], 1, None, 8, 8, Sampler(greedy=True), None)])[0].tokens
    []
    """

    papers = ("jsonschemabench",)

    num_tokens: int = 32

    def __post_init__(self) -> None:
        require(self.num_tokens >= 1, self, "num_tokens", self.num_tokens, "must be at least 1")

    @property
    def traits(self) -> Traits:
        return Traits(freely=False, rests=True)

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._chain(ask) for ask in asks]

    def _chain(self, ask: Ask) -> Tree:
        length = min(self.num_tokens, ask.num_nodes, ask.depth)
        return Tree() if ask.constraint is None else Tree.chain(ask.constraint.forced(length)[:length], self.name)
