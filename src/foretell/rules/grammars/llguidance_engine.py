"""llguidance as an engine: regular expressions, context-free grammars and JSON Schema as states of a constraint.

One matcher serves all states of a request. It stands at one of them and is rolled back and led forward to another when that is
asked, which costs about 2 us a token.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from foretell.decoding.constraint import Ended, State, refuse
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary

#: Token sets that are kept, of the states asked last, and states that are remembered.
_KEPT, _REMEMBERED = 64, 512


class GrammarError(UserError):
    """An engine cannot read a grammar, or gave it up as too large."""


def compiled(grammar: str, vocabulary: Vocabulary, limits: dict[str, Any] | None = None) -> Any:
    """The matcher of a grammar as `LLMatcher.grammar_from_*` writes it, at the beginning of a text. GrammarError where it has none."""
    from llguidance import LLMatcher, LLParserLimits

    matcher = LLMatcher(tokenizer(vocabulary), grammar, log_level=0, limits=LLParserLimits(**limits) if limits else None)
    if matcher.is_error():
        raise GrammarError(_short(matcher.get_error()))
    return matcher


def tokenizer(vocabulary: Vocabulary) -> Any:
    """llguidance's view of a vocabulary, made once."""
    if "llguidance" not in vocabulary.__dict__:
        from llguidance import LLTokenizer, TokenizerWrapper

        vocabulary.__dict__["llguidance"] = LLTokenizer(
            TokenizerWrapper(_Spelling(vocabulary)), n_vocab=vocabulary.size, eos_token=sorted(vocabulary.stop_tokens)
        )
    return vocabulary.__dict__["llguidance"]


class _Spelling:
    """What llguidance asks of a tokenizer. Control tokens begin with a byte that no text has."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary, self.eos_token_id = vocabulary, min(vocabulary.stop_tokens)
        self.tokens = [b"\xff<%d>" % token if data is None else data for token, data in enumerate(vocabulary.tokens)]
        self.special_token_ids = [token for token, data in enumerate(vocabulary.tokens) if data is None]

    def __call__(self, text: bytes | str) -> list[int]:
        try:
            return self.vocabulary.encode(text)
        except ValueError:  # a byte that no token writes: the engine takes nothing as forced, and the masks tell
            return []


class Walker:
    """The matcher of one request. `path`: the states it was led through, whose last it stands at (none: the beginning)."""

    def __init__(self, matcher: Any, vocabulary: Vocabulary) -> None:
        self.matcher, self.vocabulary = matcher.deep_copy(), vocabulary
        self.path: list[GrammarState] = []
        self.kept: OrderedDict[GrammarState, TokenSet] = OrderedDict()
        self.children: dict[tuple[GrammarState, int], GrammarState] = {}

    def at(self, state: GrammarState) -> Any:
        """The matcher, standing at `state`."""
        ahead: list[GrammarState] = []
        while state.depth > len(self.path) or (state.depth and self.path[state.depth - 1] is not state):
            ahead.append(state)
            assert state.parent is not None  # the beginning has depth 0
            state = state.parent
        if len(self.path) > state.depth:
            self.matcher.rollback(len(self.path) - state.depth)
            del self.path[state.depth :]
        for each in reversed(ahead):
            self.matcher.consume_token(each.token)
            _check(self.matcher)
            self.path.append(each)
        return self.matcher

    def allowed(self, state: GrammarState) -> TokenSet:
        """The tokens that may follow `state`."""
        if state not in self.kept:
            self.kept[state] = TokenSet.packed(self.mask(self.at(state)), self.vocabulary.size)
            if len(self.kept) > _KEPT:
                self.kept.popitem(last=False)
        return self.kept[state]

    @staticmethod
    def mask(matcher: Any) -> bytes:
        """The packed token set where a matcher stands, computed on a copy (20 us): one that has computed any, and is rolled back and led
        another way, takes what it remembers of the first way for the second, and allows too much or too little (llguidance 1.9.1)."""
        copy = matcher.deep_copy()
        bits = copy.compute_bitmask()
        if copy.stop_reason() == "NoExtensionBias":  # no token writes what must come: a dead end, and no error
            return b""
        _check(copy)
        return bits

    def child(self, state: GrammarState, token: int) -> GrammarState:
        """`state` with one more token, which must be allowed: the same object as long as it is remembered, so that drafter, pruning and
        verifier, who all go there, lead the matcher there once."""
        if (state, token) not in self.children:
            self.children[state, token] = GrammarState(self, state, token)
            if len(self.children) > _REMEMBERED:
                del self.children[next(iter(self.children))]
        return self.children[state, token]


class GrammarState(State):
    """A state of the walker's grammar: its parent with one more token.

    Where bytes are forced, the engine would consume every token that begins them, but it allows the tokenizer's own cut only; so what
    is forced is asked first, always.
    """

    def __init__(self, walker: Walker, parent: GrammarState | None = None, token: int = -1) -> None:
        self.walker, self.parent, self.token = walker, parent, token
        self.vocabulary = walker.vocabulary
        self.depth: int = 0 if parent is None else parent.depth + 1
        self._chain: list[int] | None = None
        if parent is not None and parent._chain and len(parent._chain) > 1 and parent._chain[0] == token:
            self._chain = parent._chain[1:]  # within a chain stands its rest

    def allowed(self) -> TokenSet:
        if self._chain:  # known to be forced
            return TokenSet.of(self._chain[:1], self.vocabulary.size)
        return self.walker.allowed(self)

    def accepts(self, token: int) -> bool:
        forced = self.forced(1)
        if forced:
            return token == forced[0]
        if token in self.vocabulary.stop_tokens:
            return self.accepting
        if self in self.walker.kept:
            return token in self.allowed()
        if (self, token) not in self.walker.children and self.walker.at(self).validate_tokens([token]) == 1:
            self.walker.child(self, token)
        return (self, token) in self.walker.children

    def advance(self, token: int) -> State:
        if not self.accepts(token):
            raise refuse(self, token)
        return Ended(self.vocabulary) if token in self.vocabulary.stop_tokens else self.walker.child(self, token)

    @property
    def accepting(self) -> bool:
        return self.walker.at(self).is_accepting()

    @property
    def finished(self) -> bool:
        matcher = self.walker.at(self)
        return matcher.is_accepting() and matcher.is_stopped()

    def forced(self, most: int = 64) -> list[int]:
        if self._chain is None:
            tokens = self.walker.at(self).compute_ff_tokens()
            self._chain = tokens if not set(tokens) & self.vocabulary.stop_tokens else []
        return self._chain[:most]


def from_regex(pattern: str) -> str:
    """The grammar of a regular expression."""
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_regex(pattern)


def from_lark(grammar: str) -> str:
    """The grammar of a context-free grammar in Lark's syntax."""
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_lark(grammar)


def from_json_schema(schema: Any, **options: Any) -> str:
    """The grammar of a JSON Schema (a dict, or a bool); options are llguidance's `JsonCompileOptions`."""
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=options)  # type: ignore[arg-type]


def _check(matcher: Any) -> None:
    if matcher.is_error():
        raise GrammarError(_short(matcher.get_error()))


def _short(error: str) -> str:
    """llguidance's message without the dump of its state."""
    return error.partition("<state>")[0].strip()
