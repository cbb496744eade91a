"""A short ending of JSON text: closes what is open, and writes the shortest values that a schema still requires."""

from __future__ import annotations

from collections.abc import Iterator

from foretell.decoding.ending import RuledText, closing_tokens, find_ending
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.schemas.completing_tokens import begun_name
from foretell.rules.schemas.json_parser import AFTER, COLON, ESCAPE, KEY, LITERAL, NUMBER, STRING, VALUE, Names, OpenContainer

_DIGITS = b"0123456789"
#: What closes or continues the text soonest, by the parser's mode, the best first.
_PREFERRED = {
    VALUE: _DIGITS + b'"ntf-[{ ',
    COLON: b": ",
    NUMBER: b"," + _DIGITS + b".eE-+ ",
    LITERAL: b", ulserfa",
    ESCAPE: b'n"\\/u0dDbfrt',
    STRING: b'"',
    KEY: b'" ',
    AFTER: b", ",
}
#: Characters of strings that must go on, of which most patterns and formats allow one.
_CONTENT = b"0a@-.:/1A_T #Z+bcdefghijklmnopqrstuvwxyz23456789BCDEFGHIJKLMNOPQRSUVWXY%=?&~$,;!*()[]{}<>|^`'\\"

#: Of the characters that a string may go on with, how many are tried.
_MAX_TRIED = 16


def json_ending(state: RuledText, max_tokens: int) -> list[int] | None:
    """As `ConstraintState.ending`, for JSON text; the state has its parser as `parser`."""
    return find_ending(state, max_tokens, _ClosingBytes(state.vocabulary))


class _Bytes:
    """The token of each byte; made once for a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.token: dict[int, int] = {}
        for token, data in enumerate(vocabulary.tokens):
            if data is not None and len(data) == 1:
                self.token.setdefault(data[0], token)


class _ClosingBytes:
    """Chooses bytes that close JSON text. seen: the token sets that strings have led to: one that must go on is led to others."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.token = vocabulary.derive(_Bytes).token
        self.seen: set[TokenSet] = set()
        self.otherwise = closing_tokens()

    def __call__(self, state: RuledText) -> Iterator[int]:
        parser = state.parser  # type: ignore[attr-defined]
        for byte in _closing(parser.container, parser.mode) + _PREFERRED[parser.mode]:
            if byte in self.token and state.accepts(self.token[byte]):
                yield self.token[byte]
        yield from self._content(state) if parser.mode == STRING else self.otherwise(state)

    def _content(self, state: RuledText) -> Iterator[int]:
        """Characters of a string that may not end yet: first one after which it may, then those that lead to new token sets."""
        allowed = state.allowed()
        self.seen.add(allowed)
        usable = [self.token[byte] for byte in (*self._required(state), *_CONTENT) if self.token.get(byte, -1) in allowed]
        quote = self.token.get(ord('"'), -1)
        news: list[int] = []
        known: list[int] = []
        for token in usable[:_MAX_TRIED]:
            after = state.advance(token)
            if after.accepts(quote):
                yield token
            elif after.allowed() not in self.seen:
                news.append(token)
            else:
                known.append(token)
        yield from (*news, *known, *usable[_MAX_TRIED:])
        if not usable:
            yield from self.otherwise(state)

    def _required(self, state: RuledText) -> bytes:
        """In a name, the bytes that go on to names which some object of the schema requires."""
        parser = state.parser  # type: ignore[attr-defined]
        if not parser.is_key:
            return b""
        begin, given = parser.current, set(Names.listed(parser.container.names))
        names = [begun_name(name) for name in state.compiled.required_names if name not in given]  # type: ignore[attr-defined]
        return bytes(name[len(begin)] for name in names if name.startswith(begin) and len(name) > len(begin))


def _closing(container: OpenContainer | None, mode: int) -> bytes:
    """The bracket that closes the innermost open value, where one may come."""
    if container is None or mode in (STRING, ESCAPE, COLON):
        return b""
    return b"}" if container.is_object else b"]"
