"""Decoding under a constraint: the sampler that drafters use, pruning of forbidden drafts, and backtracking out of dead ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from foretell.decoding.constraint import ConstraintState
from foretell.decoding.distribution import Distribution
from foretell.decoding.ending import follows
from foretell.decoding.request import Request
from foretell.decoding.sampler import Candidates, NonFiniteLogitsError, Sampler
from foretell.decoding.token_set import TokenSet
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.models.vocabulary import Vocabulary


@dataclass(frozen=True)
class ConstrainedSampler(Sampler):
    """`inner`, restricted by the constraint state after each history.

    state: the constraint's state after the first `length` tokens, which all histories share. known: cache of the states after drafted
    tokens. After a history that violates the constraint the sampler is unrestricted: no node below such a history is ever accepted.
    """

    inner: Sampler = field(default_factory=Sampler)
    state: ConstraintState | None = field(default=None, compare=False)
    length: int = 0
    known: dict[tuple[int, ...], ConstraintState | None] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, inner: Sampler, state: ConstraintState, length: int) -> ConstrainedSampler:
        """The sampler of a request whose text has `length` tokens and is in constraint state `state`."""
        return cls(inner.steps, inner.greedy, inner, state, length)

    @property
    def needs_history(self) -> bool:
        return True

    @property
    def plain(self) -> Sampler:
        """The sampler without the constraint."""
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
    """`tree` without the fixed candidates that the constraint forbids, and without the nodes below them. `state` is the root's.

    A forbidden sampled node is kept, because removing it would depend on the token drawn and bias the output; the verifier never accepts
    it. The nodes below it are removed, because they are never reached.
    """
    states: dict[int, ConstraintState | None] = {ROOT: state}
    kept: list[int] = []
    for node, (token, parent, kind) in enumerate(zip(tree.tokens, tree.parents, tree.kinds, strict=True)):
        before = states.get(parent)
        if before is None:
            continue
        accepted = before.accepts(token)
        if accepted or kind is not Kind.FIXED:
            kept.append(node)
            states[node] = before.advance(token) if accepted else None
    return tree if len(kept) == len(tree) else tree.subtree(kept)


class Avoiding(ConstraintState):
    """`inner` without the continuations that are known to end in a dead end. dead: these continuations, as token ids from this state on."""

    def __init__(self, inner: ConstraintState, dead: frozenset[tuple[int, ...]]) -> None:
        self.inner, self.dead, self.vocabulary = inner, dead, inner.vocabulary
        self._allowed: TokenSet | None = None

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            forbidden = [text[0] for text in self.dead if len(text) == 1]
            self._allowed = self.inner.allowed() - TokenSet.of(forbidden, self.vocabulary.size)
        return self._allowed

    def advance(self, token: int) -> ConstraintState:
        if (token,) in self.dead:
            raise ValueError(f"advance: token={token!r} leads to a dead end")
        after = self.inner.advance(token)
        dead = frozenset(text[1:] for text in self.dead if text[0] == token)
        return Avoiding(after, dead) if dead else after

    def ending(self, max_tokens: int) -> list[int] | None:
        tokens = self.inner.ending(max_tokens)
        return tokens if tokens is None or follows(self, tokens) else super().ending(max_tokens)


#: So many dead ends in one place are left token by token; each further one takes back twice as many tokens as the last.
_PATIENCE = 8
#: A dead end that lies so many tokens beyond the furthest one is in another place.
_PROGRESS = 32


@dataclass
class Backtracking:
    """Takes tokens of a request back where its text is in a dead end.

    dead_ends: generated texts that ended in one, or that are taken for one. furthest, num_here: the longest text in a dead end in this
    place, and how many there were.
    """

    dead_ends: set[tuple[int, ...]] = field(default_factory=set)
    furthest: int = 0
    num_here: int = 0

    def step_back(self, request: Request, vocabulary: Vocabulary) -> bool:
        """Remove the last token of a request in a dead end, and forbid that token at this position.

        What made the text fail may lie far back, and every way on from there fail too: dead ends that stay in one place are left by longer
        and longer jumps. Returns False where no token is left to remove, or `max_backtracks` is reached. The search is depth-first: the
        resulting text obeys the constraint, but is not a sample from the distribution restricted step by step. The caller must truncate
        the cache and the parts' states to the shorter text.
        """
        left = min(request.max_backtracks - request.num_backtracks, request.num_generated)
        if left <= 0 or request.constraint is None:
            return False
        num = min(self._num_to_remove(request.num_generated), left)
        self.dead_ends.add(tuple(request.generated[: request.num_generated - num + 1]))
        request.num_backtracks += num
        for _ in range(num):
            request.tokens.pop()
            if request.logprobs:
                request.logprobs.pop()
            request.trace.take_back()
        request.finish_reason = ""
        request.state = Avoiding(request.constraint.start(vocabulary, request.prompt), frozenset(self.dead_ends))
        for token in request.generated:
            request.state = request.state.advance(token)
        return True

    def _num_to_remove(self, length: int) -> int:
        """How many tokens of a text of this length are removed."""
        self.num_here = 1 if length > self.furthest + _PROGRESS else self.num_here + 1
        self.furthest = max(self.furthest, length)
        return int(2 ** max(self.num_here - _PATIENCE, 0))
