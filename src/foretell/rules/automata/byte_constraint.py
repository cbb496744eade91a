"""Constraints whose texts are the language of a byte automaton, and their states."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.constraint import Constraint, ConstraintState, EndedState, not_allowed_error
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.pool import Pool
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_trie import ByteTrie

#: Token sets that are kept of one automaton and vocabulary, by state.
_MAX_TOKEN_SETS = 128


class ByteConstraint(Constraint[Any]):
    """Abstract: subclasses implement `automaton`. A combination of byte constraints is a byte constraint again."""

    @property
    def is_bytes(self) -> bool:
        """Whether `automaton` may be called; a combination has one only if all its parts have."""
        return True

    @abstractmethod
    def automaton(self) -> ByteAutomaton:
        """The automaton of the texts that obey the rule. UserError if there are none."""

    def remember(self, vocabulary: Vocabulary) -> Any:
        try:
            return ByteMemory(self.automaton(), vocabulary)
        except ValueError as error:
            raise UserError(f"{type(self).__name__}: {error}") from error

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> ConstraintState:
        return ByteState(memory, memory.automaton.start)


def is_byte_constraint(constraint: Constraint) -> bool:
    """Whether a constraint has a byte automaton."""
    return isinstance(constraint, ByteConstraint) and constraint.is_bytes


class ByteMemory:
    """An automaton with a vocabulary, and the token sets of its states: what all requests share. Thread-safe.

    If every byte of the automaton's alphabet is a token, tokens can spell every text and there are no dead ends. Otherwise tokens are
    left out after which no tokens spell the rest of any text, and texts that no tokens spell do not occur.

    Errors: UserError if tokens spell none of the texts.
    """

    def __init__(self, automaton: ByteAutomaton, vocabulary: Vocabulary) -> None:
        self.automaton, self.vocabulary, self.trie = automaton, vocabulary, vocabulary.derive(ByteTrie)
        self.stops = TokenSet.of(vocabulary.stop_tokens, vocabulary.size)
        self.spells_all = self.trie.single_bytes.issuperset(automaton.alphabet)
        self._token_sets: Pool[Hashable, TokenSet] = Pool(_MAX_TOKEN_SETS)
        self._live: dict[Hashable, bool] = {}
        if not self.is_live(automaton.start):
            raise UserError("the vocabulary's tokens spell none of the texts; use a model whose tokens have these bytes")

    def allowed(self, state: Hashable) -> TokenSet:
        """The tokens that may follow `state`, with the stop tokens if the text may end there."""
        return self._token_sets.get(state, lambda: self._allowed(state))

    def _allowed(self, state: Hashable) -> TokenSet:
        tokens = self.trie.allowed(state, self.automaton.step)
        if not self.spells_all:
            tokens = TokenSet.of([token for token in tokens.ids.tolist() if self.is_live(self.after(state, token))], tokens.size)
        return tokens | self.stops if self.automaton.accepts(state) else tokens

    def after(self, state: Any, token: int) -> Any | None:
        """The automaton's state after a token other than a stop token; None if the automaton cannot read it."""
        data = self.vocabulary.tokens[token] if 0 <= token < self.vocabulary.size else None
        return self.automaton.read(state, data) if data else None

    def is_live(self, state: Hashable | None) -> bool:
        """Whether tokens can spell the rest of some text from `state`; False for None."""
        if state is None or self.spells_all:
            return state is not None
        if state not in self._live:
            queue, came_from = [state], {state: state}
            for here in queue:  # grows while it is read
                if self._live.get(here) or self.automaton.accepts(here):
                    while here is not state:
                        self._live[here], here = True, came_from[here]
                    self._live[state] = True
                    break
                for token in self.trie.allowed(here, self.automaton.step).ids.tolist():
                    after = self.after(here, token)
                    if after not in came_from and self._live.get(after, True):
                        came_from[after] = here
                        queue.append(after)
            else:
                self._live.update(dict.fromkeys(queue, False))
        return self._live[state]


@dataclass(frozen=True)
class ByteState(ConstraintState):
    """The position of a text in a byte automaton. at: the automaton's state.

    A text may be tokenized in any way: a token is allowed if some text continues with its bytes. So the restricted distribution covers
    all tokenizations of the texts, and a token is forced only if no other token begins the rest.
    """

    memory: ByteMemory
    at: Any

    @property
    def vocabulary(self) -> Vocabulary:  # type: ignore[override]
        """The vocabulary that the state reads tokens by."""
        return self.memory.vocabulary

    def allowed(self) -> TokenSet:
        return self.memory.allowed(self.at)

    def accepts(self, token: int) -> bool:
        if token in self.vocabulary.stop_tokens:
            return self.accepting
        return self.memory.is_live(self.memory.after(self.at, token))

    def advance(self, token: int) -> ConstraintState:
        if token in self.vocabulary.stop_tokens and self.accepting:
            return EndedState(self.vocabulary)
        after = None if token in self.vocabulary.stop_tokens else self.memory.after(self.at, token)
        if not self.memory.is_live(after):
            raise not_allowed_error(self, token)
        return ByteState(self.memory, after)

    @property
    def accepting(self) -> bool:
        return self.memory.automaton.accepts(self.at)

    @property
    def finished(self) -> bool:
        return self.accepting and self.allowed() == self.memory.stops
