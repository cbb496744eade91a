"""Decoding under a constraint: the sampler that drafters see, drafts without forbidden tokens, and the way out of dead ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from foretell.decoding.constraint import ConstraintState
from foretell.decoding.distribution import Distribution
from foretell.decoding.request import Request
from foretell.decoding.sampler import Candidates, NonFiniteLogitsError, Sampler
from foretell.decoding.token_set import TokenSet
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.models.vocabulary import Vocabulary


@dataclass(frozen=True)
class ConstrainedSampler(Sampler):
    """`inner`, restricted by the state that each history leads to. state: that of the first `length` tokens of every history.

    A history that broke the rule is unrestricted: what hangs on it is never accepted.
    """

    inner: Sampler = field(default_factory=Sampler)
    state: ConstraintState | None = field(default=None, compare=False)
    length: int = 0
    known: dict[tuple[int, ...], ConstraintState | None] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, inner: Sampler, state: ConstraintState, length: int) -> ConstrainedSampler:
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
        return state.distribution(self.plain, logits, history, prompt_length)

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

    def _after(self, drafted: tuple[int, ...]) -> ConstraintState | None:
        if not drafted:
            return self.state
        if drafted not in self.known:
            before = self._after(drafted[:-1])
            self.known[drafted] = before.advance(drafted[-1]) if before is not None and before.accepts(drafted[-1]) else None
        return self.known[drafted]


def pruned(tree: Tree, state: ConstraintState) -> Tree:
    """`tree`, whose root is at `state`, without the fixed candidates that the constraint forbids and all that hangs on them.

    A sampled node stays even where it is forbidden, since taking it out would depend on the token drawn and so bias the output;
    the verifier gives it no chance. What hangs on it goes: it is never reached.
    """
    states: dict[int, ConstraintState | None] = {ROOT: state}
    kept: list[int] = []
    for node, (token, parent, kind) in enumerate(zip(tree.tokens, tree.parents, tree.kinds, strict=True)):
        before = states.get(parent)
        if before is None:
            continue
        good = before.accepts(token)
        if good or kind is not Kind.FIXED:
            kept.append(node)
            states[node] = before.advance(token) if good else None
    return tree if len(kept) == len(tree) else tree.subtree(kept)


class Avoiding(ConstraintState):
    """`inner` without the texts that are known to lead to nothing. dead: such texts, as tokens from here on."""

    def __init__(self, inner: ConstraintState, dead: frozenset[tuple[int, ...]]) -> None:
        self.inner, self.dead, self.vocabulary = inner, dead, inner.vocabulary
        self._allowed: TokenSet | None = None

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            barred = [text[0] for text in self.dead if len(text) == 1]
            self._allowed = self.inner.allowed() - TokenSet.of(barred, self.vocabulary.size)
        return self._allowed

    def advance(self, token: int) -> ConstraintState:
        if (token,) in self.dead:
            raise ValueError(f"advance: token={token!r} leads to a dead end")
        after = self.inner.advance(token)
        dead = frozenset(text[1:] for text in self.dead if text[0] == token)
        return Avoiding(after, dead) if dead else after


@dataclass
class Backtracking:
    """Steps a request back out of dead ends. dead_ends: generated texts that came to one."""

    dead_ends: set[tuple[int, ...]] = field(default_factory=set)

    def step_back(self, request: Request, vocabulary: Vocabulary) -> bool:
        """Take back the last token of a request that came to a dead end, so that it can go on without it there.

        False where nothing is left to take back, or `max_backtracks` is spent. The search is depth-first: the text that comes of it obeys
        the constraint, but is no sample of the step-by-step restricted distribution. The caller fits cache and states to the shorter text.
        """
        if not request.num_generated or request.num_backtracks >= request.max_backtracks or request.constraint is None:
            return False
        request.num_backtracks += 1
        self.dead_ends.add(tuple(request.generated))
        request.tokens.pop()
        if request.logprobs:
            request.logprobs.pop()
        request.trace.take_back()
        request.finish_reason = ""
        request.state = Avoiding(request.constraint.start(vocabulary, request.prompt), frozenset(self.dead_ends))
        for token in request.generated:
            request.state = request.state.advance(token)
        return True
