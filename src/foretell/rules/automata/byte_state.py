"""Any byte automaton as a state of a constraint: which tokens its texts may go on with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from foretell.decoding.constraint import Ended, State, refuse
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.trie import ByteTrie

#: Token sets that are kept of an automaton and vocabulary, those of the states asked last.
_KEPT = 128


class ByteMemory:
    """What all requests with one automaton and vocabulary share: token sets by state.

    Where each byte of the alphabet has a token of its own, tokens can write every text and nothing they begin is a dead end. With
    other vocabularies, tokens behind which no tokens write the rest of a text are left out; texts that no tokens write then do not
    occur. ValueError where no text is left.
    """

    def __init__(self, automaton: ByteAutomaton, vocabulary: Vocabulary) -> None:
        self.automaton, self.vocabulary, self.trie = automaton, vocabulary, ByteTrie.of(vocabulary)
        self.stops = TokenSet.of(vocabulary.stop_tokens, vocabulary.size)
        self._kept: OrderedDict[Hashable, TokenSet] = OrderedDict()
        self.spells_all = self.trie.alone.issuperset(automaton.alphabet)
        self._live: dict[Hashable, bool] = {}
        if not self.is_live(automaton.start):
            raise UserError("the vocabulary's tokens write none of the texts; take a model whose tokens write their letters")

    def allowed(self, state: Hashable) -> TokenSet:
        """The tokens that may follow `state`, stop tokens where the text may end."""
        if state in self._kept:
            self._kept.move_to_end(state)
            return self._kept[state]
        found = self.trie.allowed(state, self.automaton.step)
        if not self.spells_all:
            found = TokenSet.of([token for token in found.ids.tolist() if self.is_live(self.after(state, token))], found.size)
        self._kept[state] = found | self.stops if self.automaton.accepts(state) else found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[state]

    def after(self, state: Any, token: int) -> Any | None:
        """The automaton's state after a token that is no stop token; None where it cannot be read."""
        data = self.vocabulary.tokens[token] if 0 <= token < self.vocabulary.size else None
        return self.automaton.read(state, data) if data else None

    def is_live(self, state: Hashable | None) -> bool:
        """Whether tokens can finish a text from `state`."""
        if state is None or self.spells_all:
            return state is not None
        if state not in self._live:
            queue, came_from = [state], {state: state}
            for here in queue:  # which grows
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
class ByteState(State):
    """Where a text stands in a byte automaton.

    A text may be cut into tokens in any way: every token is allowed whose bytes some text goes on with. So the model's distribution,
    restricted step by step, is over all spellings of the texts, and a token is forced only where no other begins the rest.
    """

    memory: ByteMemory
    at: Any

    @property
    def vocabulary(self) -> Vocabulary:  # type: ignore[override]
        return self.memory.vocabulary

    def allowed(self) -> TokenSet:
        return self.memory.allowed(self.at)

    def accepts(self, token: int) -> bool:
        if token in self.vocabulary.stop_tokens:
            return self.accepting
        return self.memory.is_live(self.memory.after(self.at, token))

    def advance(self, token: int) -> State:
        if token in self.vocabulary.stop_tokens and self.accepting:
            return Ended(self.vocabulary)
        after = None if token in self.vocabulary.stop_tokens else self.memory.after(self.at, token)
        if not self.memory.is_live(after):
            raise refuse(self, token)
        return ByteState(self.memory, after)

    @property
    def accepting(self) -> bool:
        return self.memory.automaton.accepts(self.at)

    @property
    def finished(self) -> bool:
        return self.accepting and self.allowed() == self.memory.stops
