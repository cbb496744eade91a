"""Forced tokens: what a constraint leaves no choice about is drafted, and never wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass(frozen=True)
class Forced(Drafter[None, None]):
    """Propose the chain of tokens that the request's constraint forces next; nothing without a constraint, or where it leaves a choice.

    num_tokens: longest chain proposed. Written `forced >> other`, the other drafter continues behind the chain; `forced > other`
    asks it only where nothing is forced.

    Guarantee: exact under any verifier that takes fixed candidates. Tokens are forced where the constraint allows a single one, so the
    target's distribution has all its mass there and they are always accepted; where an engine forces *bytes* that several tokens could
    write, it allows the tokenizer's own cut of them only, up to where the next text might be joined to them, and then leaves the choice.
    Needs: nothing of the model. Cost: microseconds a token. State: none.

    Geng et al., "Generating Structured Outputs from Language Models: Benchmark and Studies", section 2 (guidance's fast-forwarding).
    Errors: UserError for num_tokens below 1.

    >>> from foretell.decoding.sampler import Sampler
    >>> Forced().propose([Ask([1], 1, None, 8, 8, Sampler(greedy=True), None)])[0].tokens
    []
    """

    num_tokens: int = 32

    def __post_init__(self) -> None:
        require(self.num_tokens >= 1, self, "num_tokens", self.num_tokens, "must be at least 1")

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._chain(ask) for ask in asks]

    def _chain(self, ask: Ask) -> Tree:
        most = min(self.num_tokens, ask.num_nodes, ask.depth)
        return Tree() if ask.constraint is None else Tree.chain(ask.constraint.forced(most)[:most], self.name)
