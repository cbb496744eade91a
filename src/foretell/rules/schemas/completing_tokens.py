"""The tokens of a vocabulary by what they may complete in JSON text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.schemas.json_parser import AFTER, ESCAPE, LITERAL, NUMBER, STRING, JsonParser, Names, ValueChecks
from foretell.rules.schemas.pending_checks import Location

#: Tokens that complete nothing: they begin a string or a number, or continue a number.
_OPENING = re.compile(rb'[ \t\r\n:]*("[^"\\]*|[-+.eE0-9]*)')
#: A character in a string that is written as an escape with its code, and not whole yet.
_WITHIN_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?$")


class CompletingTokens:
    """The tokens that can complete a value or a key, by what the parser expects next; made once for a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.size = vocabulary.size
        tokens = [(token, data) for token, data in enumerate(vocabulary.tokens) if data]

        def tokens_with(test: Callable[[bytes], Any]) -> TokenSet:
            return TokenSet.of([token for token, data in tokens if test(data)], vocabulary.size)

        self.in_string = tokens_with(lambda data: b'"' in data)
        #: A quote with only a colon, a comma and white space after it completes the current string and nothing else.
        only_quote = tokens_with(lambda data: b'"' in data and not data.partition(b'"')[2].strip(b" ,:\r\n\t") and b"\\" not in data)
        self.beyond_string = self.in_string - only_quote
        self.in_number = tokens_with(lambda data: any(byte in data for byte in b", \r\n\t]}"))
        self.between_values = tokens_with(lambda data: not _OPENING.fullmatch(data))
        #: Tokens that may make an open number, or the next one, too large (without bounds, those with an exponent), or end the text.
        stops = TokenSet.of(vocabulary.stop_tokens, vocabulary.size)
        self._numeric = stops | tokens_with(lambda data: re.search(rb"[-+.eE0-9]", data))
        self._with_exponent = stops | tokens_with(lambda data: re.search(rb"[eE][+]?[0-9]", data))
        self._with_escape = tokens_with(lambda data: b"\\" in data or "\ufffd" in data.decode("utf-8", "replace"))
        self.in_literal = TokenSet.everything(vocabulary.size)
        self._nothing = TokenSet.of((), vocabulary.size)
        self._whole_strings = tokens_with(lambda data: data.count(b'"') > 1)
        self._next_strings = tokens_with(lambda data: data.count(b'"') > 2)  # the open one, and a whole one after it
        self._numbers_after_strings = stops | (self.in_string & self._with_exponent)
        self._escaping = tokens_with(lambda data: b"\\" in data.partition(b'"')[0] and b'"' in data)
        #: Tokens by what they write before a quote.
        self._before_quote: dict[bytes, list[int]] = {}
        for token, data in tokens:
            if b'"' in data:
                self._before_quote.setdefault(data.partition(b'"')[0], []).append(token)

    def candidates(self, parser: JsonParser) -> TokenSet:
        """The tokens to check; all others complete nothing that is checked."""
        if parser.mode in (STRING, ESCAPE) and parser.checks.limits_strings and _WITHIN_ESCAPE.search(parser.current):
            return self.in_literal
        if parser.mode == STRING and not parser.is_key:
            location, outer = parser.checks, None if parser.container is None else parser.container.checks
            is_checked = isinstance(location, Location) and location.checked
            if not is_checked and not (isinstance(outer, Location) and outer.needs_items):
                return self.beyond_string
        if parser.mode in (STRING, ESCAPE):
            return self.in_string | self._with_escape if parser.checks.limits_strings else self.in_string
        if parser.mode in (NUMBER, LITERAL):
            return self.in_number if parser.mode == NUMBER else self.in_literal
        return self.between_values | self.in_string if _next_checks(parser).limits_strings else self.between_values

    def enlarging(self, parser: JsonParser) -> TokenSet:
        """The tokens that may make a number too large, and those that end the text."""
        if parser.mode in (STRING, ESCAPE):
            return self._numbers_after_strings
        has_exponent = parser.mode == NUMBER and b"e" in parser.current.lower()
        return self._numeric if has_exponent or parser.checks.limits_numbers else self._with_exponent

    def repeating(self, parser: JsonParser) -> TokenSet:
        """The tokens that may complete a name which the object has already, where nothing else is checked."""
        container = parser.container
        while container is not None and container.names is None:
            container = container.outer
        if container is None:
            return self._nothing
        if parser.mode not in (STRING, ESCAPE):
            return self._whole_strings
        if not parser.is_key:
            return self._next_strings
        begin = parser.current
        if b"\\" in begin:
            return self.in_string
        assert parser.container is not None
        rests = [name[len(begin) :] for name in map(begun_name, Names.listed(parser.container.names)) if name.startswith(begin)]
        if not rests:
            return self._nothing
        return self._escaping | TokenSet.of((token for rest in rests for token in self._before_quote.get(rest, ())), self.size)


def _next_checks(parser: JsonParser) -> ValueChecks:
    """The checks of the value that comes next, as far as that is known: in an object its name decides."""
    container = parser.container
    if parser.mode == AFTER and container is not None and not container.is_object:
        return container.checks.child(container.num_before + 1)
    return parser.checks


def begun_name(name: str) -> bytes:
    """A name as JSON, without the quote at its end."""
    return json.dumps(name, ensure_ascii=False).encode("utf-8", "surrogatepass")[:-1]
