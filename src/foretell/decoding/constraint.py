"""The contract of constraints: which tokens may follow a text, so that only text obeying a rule is ever written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from foretell.catalog import build
from foretell.decoding.distribution import Distribution
from foretell.decoding.restriction import restricted, takes_the_best
from foretell.decoding.sampler import Sampler
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import Part


class State(ABC):
    """Where a text stands in a constraint. Never changes: `advance` gives another state, and this one stays good, so drafts, rolled
    back text and other branches may each hold their own. Subclasses set `vocabulary` and add `allowed` and `advance`."""

    vocabulary: Vocabulary

    @abstractmethod
    def allowed(self) -> TokenSet:
        """Tokens that may come next; the vocabulary's stop tokens are among them where the text may end here. Empty where the text
        has come to a dead end. Asked for several times, so keep the answer."""

    @abstractmethod
    def advance(self, token: int) -> State:
        """The state after one more token; `Ended` after a stop token. ValueError for a token that is not allowed."""

    def accepts(self, token: int) -> bool:
        """Whether `token` may come next; override where that is cheaper than knowing all that may."""
        return token in self.allowed()

    @property
    def accepting(self) -> bool:
        """Whether the text may end here."""
        return any(self.accepts(token) for token in self.vocabulary.stop_tokens)

    @property
    def finished(self) -> bool:
        """Whether the text may end here and cannot go on."""
        return self.accepting and all(token in self.vocabulary.stop_tokens for token in self.allowed().ids.tolist())

    def serving(self, sampler: Sampler, most: int) -> State:
        """This state, at the beginning of a request that is sampled so and ends after at most so many tokens: constraints that learn
        keep what they know by both. ValueError for a sampler that they cannot honour."""
        return self

    def ended(self) -> None:
        """The request ends at this state; constraints that learn take note."""
        return

    @property
    def report(self) -> Any:
        """What the constraint did to this text, where that is worth telling; its `str` is for people. None as a rule."""
        return None

    def forced(self, most: int = 64) -> list[int]:
        """The tokens, at most so many, that must come next, up to the first place where there is a choice or the text may end."""
        tokens: list[int] = []
        state: State = self
        while len(tokens) < most:
            state = state.advance(tokens[-1]) if tokens else state
            token = state.allowed().only
            if token is None or token in self.vocabulary.stop_tokens:
                break
            tokens.append(token)
        return tokens

    def distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        """The distribution of the next token of whoever has the row `logits` (vocab_size,): its draft's or its target's.

        The model's distribution restricted step by step: what is not allowed gets no mass, then the sampler's own steps follow. At a dead
        end all mass is on a stop token. Override it where mask and distribution meet in another way.
        """
        return restricted(self, sampler, logits, history, prompt_length)

    def prepare(self, sampler: Sampler) -> None:
        """Work out, and keep, what the next distribution needs: the loop's clock books it as the mask. Override it where `distribution`
        needs less."""
        if takes_the_best(sampler):
            self.forced(1)
        else:
            self.allowed()

    def target_distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        """`distribution` where the row is the target's own and its node was visited: constraints that learn from it override this."""
        return self.distribution(sampler, logits, history, prompt_length)


class Constraint(Part):
    """Settings of a rule. Memory (a compiled grammar, say) is made once a vocabulary, states once a request.

    Constraints combine: `a & b` (`Both`), `a | b` (`Either`), `a + b` (`Concatenation`).
    """

    @property
    def can_dead_end(self) -> bool:
        """Whether allowed tokens may lead to where nothing is allowed and the text may not end."""
        return False

    @property
    def is_open(self) -> bool:
        """Whether text is free but for some places, so that control tokens, which write nothing, are as free as without a constraint."""
        return False

    def __and__(self, other: Constraint) -> Constraint:
        return _combined("both", self, other)

    def __or__(self, other: Constraint) -> Constraint:
        return _combined("either", self, other)

    def __add__(self, other: Constraint) -> Constraint:
        return _combined("concatenation", self, other)

    @abstractmethod
    def remember(self, vocabulary: Vocabulary) -> Any:
        """What all requests with this vocabulary share; ValueError where the rule cannot be honoured, saying why."""

    @abstractmethod
    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> State:
        """The state before the first new token of a request whose prompt has these tokens."""

    def start(self, vocabulary: Vocabulary, prompt: Sequence[int] = ()) -> State:
        """`begin`, with this constraint's memory. ValueError as there."""
        return self.begin(self.memory(vocabulary), prompt)

    def forget(self, vocabulary: Vocabulary) -> None:
        """Drop what was learnt from samples, where a constraint does that."""
        return

    def memory(self, vocabulary: Vocabulary) -> Any:
        """What `remember` returns, made once a vocabulary and kept there, of the latest 32 constraints.

        ValueError where the vocabulary has no stop token: nothing could then end a text.
        """
        if not vocabulary.stop_tokens:
            raise UserError(f"{type(self).__name__}: the model has no stop token, so nothing could end a text; give the request some")
        kept: dict[Constraint, Any] = vocabulary.__dict__.setdefault("constraints", {})
        if self in kept:
            kept[self] = kept.pop(self)  # now the latest
        else:
            kept[self] = self.remember(vocabulary)
            while len(kept) > 32:
                del kept[next(iter(kept))]
        return kept[self]


class Ended(State):
    """After a stop token: nothing but stop tokens, which change nothing."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def allowed(self) -> TokenSet:
        return TokenSet.of(self.vocabulary.stop_tokens, self.vocabulary.size)

    def advance(self, token: int) -> State:
        if token not in self.vocabulary.stop_tokens:
            raise UserError(f"advance: token={token!r} follows a stop token, which ended the text")
        return self


def _combined(name: str, *constraints: Constraint) -> Constraint:
    """The combination of that name, which this file cannot import; NotImplemented, so that Python says so, for what is no constraint."""
    if not all(isinstance(constraint, Constraint) for constraint in constraints):
        return NotImplemented
    return build(name, "constraint", constraints=constraints)  # type: ignore[return-value]


def refuse(state: State, token: int) -> UserError:
    """The error of `advance` for a token that is not allowed."""
    written = state.vocabulary.tokens[token] if 0 <= token < state.vocabulary.size else None
    return UserError(f"advance: token={token!r} ({written!r}) is not allowed here; ask `accepts` first")
