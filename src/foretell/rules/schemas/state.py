"""The state of a JSON text under a schema: the engine's, less the tokens that would complete a value that is not valid."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from foretell.decoding.constraint import Ended, State, refuse
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.llguidance_engine import GrammarState
from foretell.rules.schemas.json_text import ESCAPE, LITERAL, NUMBER, STRING, Reader
from foretell.rules.schemas.places import Spot, parsed

#: Tokens that begin a string or number, or go on with a number, and complete nothing.
_OPENING = re.compile(rb'[ \t\r\n:]*("[^"\\]*|[-+.eE0-9]*)')


class Structure:
    """Which tokens of a vocabulary may complete a value, by what the reader expects. Made once a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        def those(test: Callable[[bytes], Any]) -> TokenSet:
            return TokenSet.of([token for token, data in enumerate(vocabulary.tokens) if data and test(data)], vocabulary.size)

        self.quote = those(lambda data: b'"' in data)
        #: A quote with nothing but a colon, a comma and spaces behind it completes the string that is being written, and no more.
        only = those(lambda data: b'"' in data and not data.partition(b'"')[2].strip(b" ,:\r\n\t") and b"\\" not in data)
        self.more_than_quote = self.quote - only
        self.after_number = those(lambda data: any(byte in data for byte in b", \r\n\t]}"))
        self.between = those(lambda data: not _OPENING.fullmatch(data))
        self.any = TokenSet.everything(vocabulary.size)

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> Structure:
        if "json structure" not in vocabulary.__dict__:
            vocabulary.__dict__["json structure"] = cls(vocabulary)
        return vocabulary.__dict__["json structure"]

    def candidates(self, reader: Reader) -> TokenSet:
        """The tokens to look at: others complete nothing that is checked."""
        if reader.mode == STRING and not reader.is_key:
            place, frame = reader.place, reader.frame
            assert isinstance(place, Spot)
            if not place.checks and (frame is None or not frame.place.minds_members):  # type: ignore[attr-defined]
                return self.more_than_quote
        if reader.mode in (STRING, ESCAPE):
            return self.quote
        return self.after_number if reader.mode == NUMBER else self.any if reader.mode == LITERAL else self.between


class JsonState(State):
    """inner: the engine's state. reader: where the text stands, None where nothing is checked on the way. valid: the verdict on the
    whole text, asked where it may end, whatever the engine says."""

    def __init__(self, inner: GrammarState, reader: Reader | None, valid: Callable[[Any], bool]) -> None:
        self.inner, self.reader, self.valid = inner, reader, valid
        self.vocabulary = inner.vocabulary
        self.objections: frozenset[int] | None = None

    def allowed(self) -> TokenSet:
        allowed = self.inner.allowed()
        if self.objections is None:
            looked_at = TokenSet.of(self.vocabulary.stop_tokens, self.vocabulary.size)
            if self.reader is not None:
                looked_at |= Structure.of(self.vocabulary).candidates(self.reader)
            self.objections = frozenset(token for token in (allowed & looked_at).ids.tolist() if self._objects(token))
        return allowed - TokenSet.of(self.objections, allowed.size) if self.objections else allowed

    def accepts(self, token: int) -> bool:
        if not self.inner.accepts(token):
            return False
        return token not in self.objections if self.objections is not None else not self._objects(token)

    def advance(self, token: int) -> State:
        if not self.accepts(token):
            raise refuse(self, token)
        inner = self.inner.advance(token)
        if isinstance(inner, Ended):
            return inner
        assert isinstance(inner, GrammarState)
        return JsonState(inner, None if self.reader is None else self.reader.feed(self.vocabulary.tokens[token] or b""), self.valid)

    @property
    def accepting(self) -> bool:
        return self.inner.accepting and not self._objects(min(self.vocabulary.stop_tokens))

    @property
    def finished(self) -> bool:
        if self.reader is None:
            return self.inner.finished and self.accepting
        return super().finished

    def forced(self, most: int = 64) -> list[int]:
        tokens = self.inner.forced(most)
        if self.reader is None:
            return tokens
        reader: Reader | None = self.reader
        for i, token in enumerate(tokens):
            reader = reader.feed(self.vocabulary.tokens[token] or b"") if reader is not None else None
            if reader is None:
                return tokens[:i]
        return tokens

    def _objects(self, token: int) -> bool:
        """Whether a check forbids what the engine allows."""
        if token in self.vocabulary.stop_tokens:
            value = parsed(self.text())
            return value is None or not self.valid(value[0])
        return self.reader is not None and self.reader.feed(self.vocabulary.tokens[token] or b"") is None

    def text(self) -> bytes:
        """What has been written."""
        if self.reader is not None:
            return self.reader.text
        tokens: list[int] = []
        state: GrammarState | None = self.inner
        while state is not None and state.parent is not None:
            tokens.append(state.token)
            state = state.parent
        return self.vocabulary.text(reversed(tokens))
