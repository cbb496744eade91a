"""The state of a text under a JSON Schema: the engine's, without the tokens that would complete an invalid value."""

from __future__ import annotations

from foretell.decoding.constraint import ConstraintState, EndedState, not_allowed_error
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.grammar_state import GrammarState
from foretell.rules.schemas.completing_tokens import CompletingTokens
from foretell.rules.schemas.json_ending import json_ending
from foretell.rules.schemas.json_parser import STRING, JsonParser, UniqueNames
from foretell.rules.schemas.pending_checks import Location, parsed_value
from foretell.rules.schemas.schema_compiler import CompiledSchema
from foretell.rules.schemas.value_bounds import exceeding


class JsonSchemaState(ConstraintState):
    """inner: the engine's state. parser: after the text so far. The whole text is validated before it may end, whatever the engine says."""

    def __init__(self, compiled: CompiledSchema, inner: GrammarState, parser: JsonParser) -> None:
        self.compiled, self.inner, self.parser = compiled, inner, parser
        self.vocabulary: Vocabulary = inner.vocabulary
        self._allowed: TokenSet | None = None
        self._exceeding: TokenSet | None = None

    @classmethod
    def of(cls, compiled: CompiledSchema) -> JsonSchemaState:
        """The state at the beginning of a text."""
        return cls(compiled, compiled.grammar.start(), JsonParser(UniqueNames() if compiled.checks is None else compiled.checks.root))

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            allowed = self.inner.allowed()
            failing = [token for token in (allowed & self._candidates()).ids.tolist() if self._fails_check(token)]
            allowed = allowed - TokenSet.of(failing, allowed.size) if failing else allowed
            doomed = self._doomed()
            allowed = allowed if doomed is None else allowed - doomed
            exceeding = self._beyond_bounds()
            self._allowed = (allowed - exceeding if exceeding is not None else None) or allowed
        return self._allowed

    def _candidates(self) -> TokenSet:
        """The tokens that a check may forbid, and those that end the text."""
        completing = self.vocabulary.derive(CompletingTokens)
        checked = completing.repeating(self.parser) if self.compiled.checks is None else completing.candidates(self.parser)
        return checked | completing.enlarging(self.parser)

    def _beyond_bounds(self) -> TokenSet | None:
        """The tokens that exceed the bounds at a place where the value may end; None without bounds."""
        if self._exceeding is None and self.compiled.bounds is not None:
            self._exceeding = exceeding(self.compiled.bounds, self.parser, self.inner)
        return self._exceeding

    def _doomed(self) -> TokenSet | None:
        """The tokens after which an open string could not be completed; None where its end is all that is checked."""
        checks = self.parser.checks
        if self.parser.mode != STRING or self.parser.is_key or not isinstance(checks, Location) or checks.strings is None:
            return None
        return checks.strings.doomed(self.parser.current, self.vocabulary)

    def accepts(self, token: int) -> bool:
        beyond = self._beyond_bounds()
        if self._allowed is not None or (beyond is not None and token in beyond):  # which may be all that is left
            return token in self.allowed()
        return self.inner.accepts(token) and not self._fails_check(token)

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

    def ending(self, max_tokens: int) -> list[int] | None:
        return json_ending(self, max_tokens)

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
