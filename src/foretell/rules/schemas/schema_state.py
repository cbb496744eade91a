"""The state of a text under a JSON Schema: the engine's, without the tokens that would complete an invalid value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from foretell.decoding.constraint import ConstraintState, EndedState, not_allowed_error
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.grammar_state import GrammarState
from foretell.rules.schemas.json_parser import ESCAPE, LITERAL, NUMBER, STRING, JsonParser, NoChecks
from foretell.rules.schemas.pending_checks import Location, parsed_value
from foretell.rules.schemas.schema_compiler import CompiledSchema

#: Tokens that complete nothing: they begin a string or a number, or continue a number.
_OPENING = re.compile(rb'[ \t\r\n:]*("[^"\\]*|[-+.eE0-9]*)')


class CompletingTokens:
    """The tokens of a vocabulary that can complete a value, by what the parser expects next; made once for a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        def tokens_with(test: Callable[[bytes], Any]) -> TokenSet:
            return TokenSet.of([token for token, data in enumerate(vocabulary.tokens) if data and test(data)], vocabulary.size)

        self.in_string = tokens_with(lambda data: b'"' in data)
        #: A quote with only a colon, a comma and white space after it completes the current string and nothing else.
        only_quote = tokens_with(lambda data: b'"' in data and not data.partition(b'"')[2].strip(b" ,:\r\n\t") and b"\\" not in data)
        self.beyond_string = self.in_string - only_quote
        self.in_number = tokens_with(lambda data: any(byte in data for byte in b", \r\n\t]}"))
        self.between_values = tokens_with(lambda data: not _OPENING.fullmatch(data))
        #: Tokens that may make an open number, or the next one, too large (without bounds, those with an exponent), or end the text.
        stops = TokenSet.of(vocabulary.stop_tokens, vocabulary.size)
        self.numeric = stops | tokens_with(lambda data: re.search(rb"[-+.eE0-9]", data))
        self.with_exponent = stops | tokens_with(lambda data: re.search(rb"[eE][+]?[0-9]", data))
        self.with_escape = tokens_with(lambda data: b"\\" in data or "\ufffd" in data.decode("utf-8", "replace"))
        self.in_literal = TokenSet.everything(vocabulary.size)

    def enlarging(self, parser: JsonParser) -> TokenSet:
        """The tokens that may make a number too large, and those that end the text."""
        has_exponent = parser.mode == NUMBER and b"e" in parser.text[parser.start :].lower()
        return self.numeric if has_exponent or parser.checks.limits_numbers else self.with_exponent

    def candidates(self, parser: JsonParser) -> TokenSet:
        """The tokens to check; all others complete nothing that is checked."""
        if parser.mode == STRING and not parser.is_key:
            location, outer = parser.checks, None if parser.container is None else parser.container.checks
            assert isinstance(location, Location)
            assert outer is None or isinstance(outer, Location)
            if not location.checked and (outer is None or not outer.needs_items):
                return self.beyond_string
        if parser.mode in (STRING, ESCAPE):
            return self.in_string | self.with_escape if parser.checks.limits_strings else self.in_string
        return self.in_number if parser.mode == NUMBER else self.in_literal if parser.mode == LITERAL else self.between_values


class JsonSchemaState(ConstraintState):
    """inner: the engine's state. parser: after the text so far. The whole text is validated before it may end, whatever the engine says."""

    def __init__(self, compiled: CompiledSchema, inner: GrammarState, parser: JsonParser) -> None:
        self.compiled, self.inner, self.parser = compiled, inner, parser
        self.vocabulary = inner.vocabulary
        self._forbidden: frozenset[int] | None = None

    @classmethod
    def of(cls, compiled: CompiledSchema) -> JsonSchemaState:
        """The state at the beginning of a text."""
        return cls(compiled, compiled.grammar.start(), JsonParser(NoChecks() if compiled.checks is None else compiled.checks.root))

    def allowed(self) -> TokenSet:
        allowed = self.inner.allowed()
        if self._forbidden is None:
            completing = self.vocabulary.derive(CompletingTokens)
            candidates = completing.enlarging(self.parser)
            if self.compiled.checks is not None:
                candidates |= completing.candidates(self.parser)
            failing = [token for token in (allowed & candidates).ids.tolist() if self._fails_check(token)]
            doomed = self._doomed()
            self._forbidden = frozenset(failing if doomed is None else [*failing, *(allowed & doomed).ids.tolist()])
        return allowed - TokenSet.of(self._forbidden, allowed.size) if self._forbidden else allowed

    def _doomed(self) -> TokenSet | None:
        """The tokens after which an open string could not be completed; None where strings are not followed."""
        checks = self.parser.checks
        if self.parser.mode != STRING or self.parser.is_key or not isinstance(checks, Location) or checks.strings is None:
            return None
        return checks.strings.doomed(self.parser.text[self.parser.start :], self.vocabulary)

    def accepts(self, token: int) -> bool:
        if not self.inner.accepts(token):
            return False
        return token not in self._forbidden if self._forbidden is not None else not self._fails_check(token)

    def advance(self, token: int) -> ConstraintState:
        if not self.accepts(token):
            raise not_allowed_error(self, token)
        inner = self.inner.advance(token)
        if isinstance(inner, EndedState):
            return inner
        assert isinstance(inner, GrammarState)
        parser = self.parser.feed(self._bytes(token))
        assert parser is not None  # `accepts` says so
        return JsonSchemaState(self.compiled, inner, parser)

    @property
    def accepting(self) -> bool:
        return self.inner.accepting and self._is_valid()

    @property
    def finished(self) -> bool:
        return self.inner.finished and self.accepting if self.compiled.checks is None else super().finished

    def forced(self, max_tokens: int = 64) -> list[int]:
        tokens = self.inner.forced(max_tokens)
        parser: JsonParser | None = self.parser
        for i, token in enumerate(tokens):
            parser = parser.feed(self._bytes(token)) if parser is not None else None
            if parser is None:
                return tokens[:i]
        return tokens

    def _bytes(self, token: int) -> bytes:
        return self.vocabulary.tokens[token] or b""

    def _fails_check(self, token: int) -> bool:
        """Whether a check forbids a token that the engine allows."""
        if token in self.vocabulary.stop_tokens:
            return not self._is_valid()
        return self.parser.feed(self._bytes(token)) is None

    def _is_valid(self) -> bool:
        """Whether the text is a valid value."""
        value = parsed_value(self.parser.text)
        return value is not None and self.compiled.validator.is_surely_valid(self.compiled.graph.root, value[0])
