"""The contract of constraints: which tokens may follow a text, so that only texts that obey a rule are generated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from torch import Tensor

from foretell.catalog import build
from foretell.decoding.distribution import Distribution
from foretell.decoding.ending import closing_tokens, find_ending
from foretell.decoding.restriction import restricted, takes_best_token
from foretell.decoding.sampler import Sampler
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import Part

#: What a constraint computes once for a vocabulary and shares between requests: a compiled grammar, an automaton, a trie.
Memory = TypeVar("Memory")


class ConstraintState(ABC):
    """The position of a text within a constraint.

    States are immutable: `advance` returns another state. So each node of a draft tree, each branch of a search and each rolled-back
    text keeps its own. Subclasses set `vocabulary` and implement `allowed` and `advance`. The defaults of the other methods follow from
    these two; override them where a cheaper answer is known.
    """

    vocabulary: Vocabulary

    @abstractmethod
    def allowed(self) -> TokenSet:
        """The tokens that may come next. They include the stop tokens if the text may end here; the set is empty at a dead end.
        Callers ask several times, so implementations keep the answer."""

    @abstractmethod
    def advance(self, token: int) -> ConstraintState:
        """The state after `token`: an `EndedState` if it is a stop token. UserError if `token` is not allowed."""

    def accepts(self, token: int) -> bool:
        """Whether `token` may come next. Override this where one token is cheaper to check than the whole token set."""
        return token in self.allowed()

    @property
    def accepting(self) -> bool:
        """Whether the text may end here (an accepting state, in terms of automata)."""
        return any(self.accepts(token) for token in self.vocabulary.stop_tokens)

    @property
    def finished(self) -> bool:
        """Whether the text may end here and cannot continue."""
        return self.accepting and all(token in self.vocabulary.stop_tokens for token in self.allowed().ids.tolist())

    def for_request(self, sampler: Sampler, max_new_tokens: int) -> ConstraintState:
        """This state at the beginning of a request with this sampler and length limit. The loop calls it once, on the first state.
        Constraints that learn from samples look up what they learnt. UserError for a sampler that the constraint does not support."""
        return self

    def end_request(self) -> None:
        """The request ended at this state. Constraints that learn from samples record it."""
        return

    @property
    def report(self) -> Any:
        """What the constraint did to this text, as an object whose `str` is readable; None if there is nothing to report."""
        return None

    def forced(self, max_tokens: int = 64) -> list[int]:
        """The tokens, at most `max_tokens`, that must come next: up to the first place with a choice, or where the text may end."""
        tokens: list[int] = []
        state: ConstraintState = self
        while len(tokens) < max_tokens:
            state = state.advance(tokens[-1]) if tokens else state
            token = state.allowed().only
            if token is None or token in self.vocabulary.stop_tokens:
                break
            tokens.append(token)
        return tokens

    def ending(self, max_tokens: int) -> list[int] | None:
        """Tokens, at most `max_tokens`, after which the text may end; none where it may end here. They are few, but not always the fewest
        that there are. None if no such tokens were found. Override this where more is known of the texts."""
        return find_ending(self, max_tokens, closing_tokens())

    def distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        """The distribution of the next token from a row of logits (vocab_size,), of the draft model or of the target.

        By default, tokens that are not allowed are masked and the sampler's steps are applied to the rest. At a dead end all mass is on
        a stop token. Override this where the mask and the distribution are combined in another way.

        Parameters: history, the token ids of prompt and text so far; prompt_length, how many of them are the prompt's.
        """
        return restricted(self, sampler, logits, history, prompt_length)

    def prepare(self, sampler: Sampler) -> None:
        """Compute and keep what the next call of `distribution` needs, so that the trace can book its time as the mask's. Override this
        where `distribution` needs less than the token set."""
        if takes_best_token(sampler):
            self.forced(1)
        else:
            self.allowed()

    def target_distribution(self, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
        """`distribution` of a row of the target model at a node that the verifier visits. Constraints that learn from such rows override
        it."""
        return self.distribution(sampler, logits, history, prompt_length)


class Constraint(Part, Generic[Memory]):
    """The settings of a rule. `remember` makes its memory once for a vocabulary, `begin` makes a state for each request.

    Constraints combine: `a & b` (`Both`), `a | b` (`Either`), `a + b` (`Concatenation`).
    """

    @property
    def can_dead_end(self) -> bool:
        """Whether allowed tokens can lead to a state in which nothing is allowed and the text may not end."""
        return False

    @property
    def is_open(self) -> bool:
        """Whether the constraint restricts some places only, so that control tokens (which have no bytes) stay allowed elsewhere."""
        return False

    def __and__(self, other: Constraint) -> Constraint:
        return _combined("both", self, other)

    def __or__(self, other: Constraint) -> Constraint:
        return _combined("either", self, other)

    def __add__(self, other: Constraint) -> Constraint:
        return _combined("concatenation", self, other)

    @abstractmethod
    def remember(self, vocabulary: Vocabulary) -> Memory:
        """What all requests with this vocabulary share. UserError, with the reason, if the rule cannot be enforced."""

    @abstractmethod
    def begin(self, memory: Memory, prompt: Sequence[int] = ()) -> ConstraintState:
        """The state before the first new token of a request. prompt: its token ids."""

    def start(self, vocabulary: Vocabulary, prompt: Sequence[int] = ()) -> ConstraintState:
        """`begin` with this constraint's memory for `vocabulary`. Errors as in `memory`."""
        return self.begin(self.memory(vocabulary), prompt)

    def forget(self, vocabulary: Vocabulary) -> None:
        """Drop what was learnt from samples; constraints that learn override it."""
        return

    def memory(self, vocabulary: Vocabulary) -> Memory:
        """What `remember` returns, made once for a vocabulary and kept in its bounded pool (`Vocabulary.memories`). Thread-safe.

        UserError if the vocabulary has no stop token, since no text could end, and as in `remember`.
        """
        if not vocabulary.stop_tokens:
            raise UserError(f"{type(self).__name__}: the model has no stop token, so no text could end; pass stop_tokens to the request")
        return vocabulary.memories.get(self, partial(self.remember, vocabulary))


class EndedState(ConstraintState):
    """The state after a stop token. It allows stop tokens only and stays the same after them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def allowed(self) -> TokenSet:
        return TokenSet.of(self.vocabulary.stop_tokens, self.vocabulary.size)

    def advance(self, token: int) -> ConstraintState:
        if token not in self.vocabulary.stop_tokens:
            raise ValueError(f"advance: token={token!r} follows a stop token, which ended the text")
        return self


def _combined(name: str, *constraints: Constraint) -> Constraint:
    """The combination called `name`, built by the registry since importing it would be circular; NotImplemented for other operands."""
    if not all(isinstance(constraint, Constraint) for constraint in constraints):
        return NotImplemented
    return build(name, "constraint", constraints=constraints)  # type: ignore[return-value]


def not_allowed_error(state: ConstraintState, token: int) -> UserError:
    """The error that `advance` raises for a token that is not allowed."""
    data = state.vocabulary.tokens[token] if 0 <= token < state.vocabulary.size else None
    return UserError(f"advance: token={token!r} ({data!r}) is not allowed here; ask `accepts` first")
