"""A short ending of JSON text: closes what is open, and writes the shortest values that a schema still requires."""

from __future__ import annotations

from foretell.decoding.ending import ClosingTokens, RuledText, find_ending
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.schemas.json_parser import AFTER, COLON, ESCAPE, KEY, LITERAL, NUMBER, STRING, VALUE, OpenContainer

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
        self.otherwise = ClosingTokens()

    def __call__(self, state: RuledText) -> int | None:
        parser = state.parser  # type: ignore[attr-defined]
        for byte in _closing(parser.container, parser.mode) + _PREFERRED[parser.mode]:
            if byte in self.token and state.accepts(self.token[byte]):
                return self.token[byte]
        if parser.mode == STRING:
            return self._content(state)
        return self.otherwise(state)

    def _content(self, state: RuledText) -> int | None:
        """A character of a string that may not end yet: one after which it may, else one that leads to a new token set."""
        allowed = state.allowed()
        self.seen.add(allowed)
        usable = [self.token[byte] for byte in _CONTENT if self.token.get(byte, -1) in allowed]
        quote = self.token.get(ord('"'), -1)
        news: list[int] = []
        for token in usable[:_MAX_TRIED]:
            after = state.advance(token)
            if after.accepts(quote):
                return token
            if after.allowed() not in self.seen:
                news.append(token)
        return (news or usable)[0] if usable else self.otherwise(state)


def _closing(container: OpenContainer | None, mode: int) -> bytes:
    """The bracket that closes the innermost open value, where one may come."""
    if container is None or mode in (STRING, ESCAPE, COLON):
        return b""
    return b"}" if container.is_object else b"]"
