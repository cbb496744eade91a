"""A request's sampler as drafters see it: what the constraint forbids at a node has no mass there either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from foretell.decoding.constraints.base import State
from foretell.decoding.distribution import Distribution
from foretell.decoding.samplers.base import Candidates, NonFiniteLogitsError, Sampler


@dataclass(frozen=True)
class ConstrainedSampler(Sampler):
    """`inner`, restricted by the state that each history leads to. state: that of the first `length` tokens of every history.

    A history that broke the rule is unrestricted: what hangs on it is never accepted.
    """

    inner: Sampler = field(default_factory=Sampler)
    state: State | None = field(default=None, compare=False)
    length: int = 0
    known: dict[tuple[int, ...], State | None] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, inner: Sampler, state: State, length: int) -> ConstrainedSampler:
        """The sampler of a request whose text has `length` tokens and has come to `state`."""
        return cls(inner.steps, inner.greedy, inner, state, length)

    @property
    def needs_history(self) -> bool:
        return True

    @property
    def plain(self) -> Sampler:
        """Without the constraint."""
        return self.inner if self.inner.greedy == self.greedy else self.inner.replace(greedy=self.greedy)

    def distribution(self, logits: Tensor, history: Sequence[int] = (), prompt_length: int = 0) -> Distribution:
        state = self._after(tuple(history[self.length :]))
        if state is None:
            return self.plain.distribution(logits, history, prompt_length)
        return state.law(self.plain, logits, history, prompt_length)

    def distribution_of(self, candidates: Candidates, history: Sequence[int] = (), prompt_length: int = 0) -> Distribution:
        state = self._after(tuple(history[self.length :]))
        if state is not None:
            mask = torch.from_numpy(state.allowed().mask).to(candidates.logits.device)
            keep = (mask if candidates.ids is None else mask[candidates.ids]).nonzero()[:, 0]
            if not len(keep):
                raise NonFiniteLogitsError("the constraint allows none of these tokens")
            if any(step.needs_vocabulary for step in self.steps):
                candidates = Candidates(candidates.logits.masked_fill(~mask, float("-inf")), None, candidates.size)
            else:
                candidates = candidates.only(keep)
        return self.plain.distribution_of(candidates, history, prompt_length)

    def _after(self, drafted: tuple[int, ...]) -> State | None:
        if not drafted:
            return self.state
        if drafted not in self.known:
            before = self._after(drafted[:-1])
            self.known[drafted] = before.advance(drafted[-1]) if before is not None and before.accepts(drafted[-1]) else None
        return self.known[drafted]
