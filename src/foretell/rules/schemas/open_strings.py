"""Strings that are still being generated, and whether any text can complete them under patterns that the engine cannot compile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress

from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.pool import Pool
from foretell.rules.patterns.char_automaton import CharAutomaton
from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.schemas.engine_patterns import automata_of
from foretell.rules.schemas.schema_graph import SchemaNode
from foretell.rules.schemas.string_automaton import string_automaton

_OPEN = re.compile(r'"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*')
_HIGH_SURROGATE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")
#: How many token sets are kept for one location.
_MAX_SETS = 256
#: After how many beginnings of strings the automata's states are kept.
_MAX_KNOWN = 4096


class PlainTokens:
    """The tokens of a vocabulary that only add characters to a JSON string: (token, text) by the first character."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.by_first: dict[str, list[tuple[int, str]]] = {}
        for token, data in enumerate(vocabulary.tokens):
            if data and b'"' not in data and b"\\" not in data:
                text = data.decode("utf-8", "replace")
                if "\ufffd" not in text:  # a part of a character may become any
                    self.by_first.setdefault(text[0], []).append((token, text[1:]))


class StringAutomata:
    """The automata of the patterns of one location that the engine cannot compile."""

    def __init__(self, automata: Iterable[CharAutomaton]) -> None:
        self.automata = tuple(automata)
        #: The automata's states after strings that were asked for, so that a string that grows is not read again.
        self._known: dict[str, tuple[int, ...]] = {}
        self._doomed: Pool[tuple[Vocabulary, tuple[int, ...]], TokenSet] = Pool(_MAX_SETS)

    @classmethod
    def of(cls, nodes: dict[SchemaNode, set[str]], formats: bool) -> StringAutomata:
        """The automata of these nodes. nodes: each with its keywords that the engine leaves open. formats: whether known formats are
        enforced."""
        found: list[CharAutomaton] = []
        for node, left_open in nodes.items():
            if "pattern" in left_open:
                found += automata_of(node.keywords["pattern"])
            if "not" in left_open:
                with suppress(TooLargeError):
                    found.append(string_automaton(node.keywords["not"], formats).complement())
        return cls(found)

    def allow(self, text: bytes) -> bool:
        """Whether a string that begins with this JSON text, an open quote and what follows it, can be completed."""
        return self._are_alive(self._states(text))

    def doomed(self, text: bytes, vocabulary: Vocabulary) -> TokenSet:
        """The tokens of `PlainTokens` after which the string could not be completed."""
        states = self._states(text)
        return self._doomed.get((vocabulary, states), lambda: self._doomed_after(states, vocabulary))

    def _doomed_after(self, states: tuple[int, ...], vocabulary: Vocabulary) -> TokenSet:
        doomed: list[int] = []
        for char, tokens in vocabulary.derive(PlainTokens).by_first.items():
            after = self._after(states, char)
            if not self._are_alive(after):
                doomed += [token for token, _ in tokens]
            else:
                doomed += [token for token, rest in tokens if rest and not self._are_alive(self._after(after, rest))]
        return TokenSet.of(doomed, vocabulary.size)

    def _states(self, text: bytes) -> tuple[int, ...]:
        match = _OPEN.match(text.decode("utf-8", "ignore"))
        assert match is not None
        begun: str = json.loads(_HIGH_SURROGATE.sub("", match.group()) + '"')
        num, states = len(begun), (0,) * len(self.automata)
        while num:  # another thread may drop what is known
            known = self._known.get(begun[:num])
            if known is not None:
                states = known
                break
            num -= 1
        for end in range(num + 1, len(begun) + 1):
            states = self._after(states, begun[end - 1])
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[begun[:end]] = states
        return states

    def _after(self, states: tuple[int, ...], text: str) -> tuple[int, ...]:
        return tuple(automaton.after(state, text) for automaton, state in zip(self.automata, states, strict=True))

    def _are_alive(self, states: tuple[int, ...]) -> bool:
        return all(state in automaton.alive for automaton, state in zip(self.automata, states, strict=True))
