"""The states of a grammar that an engine compiled, whichever engine it is.

A request has one matcher. It stands at one state, and is rolled back and fed tokens to get to another state that is asked, which costs
about 2 us a token.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Protocol

from foretell.decoding.constraint import ConstraintState, EndedState, not_allowed_error
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary

#: What a cursor keeps: token sets of the states that were asked last, and states with the tokens that lead to them.
_MAX_TOKEN_SETS, _MAX_STATES = 64, 512


class GrammarError(UserError):
    """An engine cannot read a grammar, or gave up because it is too large."""


class GrammarMatcher(Protocol):
    """An engine's matcher, with the method names of llguidance. It is mutable and stands after the tokens it consumed."""

    def deep_copy(self) -> Any:
        """An independent matcher; used at the beginning of a text only."""

    def consume_token(self, token: int) -> Any:
        """Go on by one token."""

    def rollback(self, num_tokens: int) -> Any:
        """Take back the last tokens."""

    def validate_tokens(self, tokens: list[int]) -> int:
        """How many of these tokens may come next, one after the other."""

    def compute_ff_tokens(self) -> list[int]:
        """The tokens that must come next ("fast-forward")."""

    def is_accepting(self) -> bool:
        """Whether the text may end here."""

    def is_stopped(self) -> bool:
        """Whether only a stop token may come next."""

    def is_error(self) -> bool:
        """Whether the last call failed."""

    def get_error(self) -> str:
        """The message of the failure."""


@dataclass(frozen=True, eq=False)
class CompiledGrammar:
    """A grammar that an engine compiled for a vocabulary.

    matcher: at the beginning of a text; it is copied and never moved. mask: the packed token set (as in `TokenSet.packed`) at a matcher's
    position.
    """

    matcher: Any
    vocabulary: Vocabulary
    mask: Callable[[Any], bytes]

    def start(self) -> GrammarState:
        """The state at the beginning of a text, with a matcher of its own."""
        return GrammarState(GrammarCursor(self))


class GrammarCursor:
    """The matcher of one request. path: the states after each token that the matcher consumed; it stands at the last one."""

    def __init__(self, grammar: CompiledGrammar) -> None:
        self.matcher: GrammarMatcher = grammar.matcher.deep_copy()
        self.mask, self.vocabulary = grammar.mask, grammar.vocabulary
        self.path: list[GrammarState] = []
        self.token_sets: OrderedDict[GrammarState, TokenSet] = OrderedDict()
        self.children: dict[tuple[GrammarState, int], GrammarState] = {}

    def at(self, state: GrammarState) -> GrammarMatcher:
        """The matcher, moved to `state`."""
        ahead: list[GrammarState] = []
        while state.depth > len(self.path) or (state.depth and self.path[state.depth - 1] is not state):
            ahead.append(state)
            assert state.parent is not None  # the first state has depth 0
            state = state.parent
        if len(self.path) > state.depth:
            self.matcher.rollback(len(self.path) - state.depth)
            del self.path[state.depth :]
        for each in reversed(ahead):
            self.matcher.consume_token(each.token)
            check_matcher(self.matcher)
            self.path.append(each)
        return self.matcher

    def allowed(self, state: GrammarState) -> TokenSet:
        """The tokens that may follow `state`."""
        if state not in self.token_sets:
            self.token_sets[state] = TokenSet.packed(self.mask(self.at(state)), self.vocabulary.size)
            if len(self.token_sets) > _MAX_TOKEN_SETS:
                self.token_sets.popitem(last=False)
        return self.token_sets[state]

    def child(self, state: GrammarState, token: int) -> GrammarState:
        """The state after `token`, which must be allowed at `state`. The same object is returned as long as it is kept, so that drafter,
        pruning and verifier, which all visit it, move the matcher there once."""
        if (state, token) not in self.children:
            self.children[state, token] = GrammarState(self, state, token)
            if len(self.children) > _MAX_STATES:
                del self.children[next(iter(self.children))]
        return self.children[state, token]


class GrammarState(ConstraintState):
    """The position of a text in a grammar: `parent` with one more token, or the beginning.

    Where bytes are forced, the engine would consume every token that begins them, but its token set has only the first token of their
    canonical tokenization. So every method looks at the forced tokens first.
    """

    def __init__(self, cursor: GrammarCursor, parent: GrammarState | None = None, token: int = -1) -> None:
        self.cursor, self.parent, self.token = cursor, parent, token
        self.vocabulary = cursor.vocabulary
        self.depth: int = 0 if parent is None else parent.depth + 1
        #: Forced tokens with the number of those that led here already, None if not asked yet. A run of forced tokens shares one list.
        self._forced: tuple[Sequence[int], int] | None = None
        if parent is not None and parent._forced is not None:
            run, num_passed = parent._forced
            if num_passed + 1 < len(run) and run[num_passed] == token:
                self._forced = run, num_passed + 1

    def allowed(self) -> TokenSet:
        if self._forced is not None and (forced := self.forced(1)):
            return TokenSet.of(forced, self.vocabulary.size)
        return self.cursor.allowed(self)

    def accepts(self, token: int) -> bool:
        forced = self.forced(1)
        if forced:
            return token == forced[0]
        if token in self.vocabulary.stop_tokens:
            return self.accepting
        if self in self.cursor.token_sets:
            return token in self.allowed()
        if (self, token) not in self.cursor.children and self.cursor.at(self).validate_tokens([token]) == 1:
            self.cursor.child(self, token)
        return (self, token) in self.cursor.children

    def advance(self, token: int) -> ConstraintState:
        if not self.accepts(token):
            raise not_allowed_error(self, token)
        return EndedState(self.vocabulary) if token in self.vocabulary.stop_tokens else self.cursor.child(self, token)

    @property
    def accepting(self) -> bool:
        return self.cursor.at(self).is_accepting()

    @property
    def finished(self) -> bool:
        matcher = self.cursor.at(self)
        return matcher.is_accepting() and matcher.is_stopped()

    def forced(self, max_tokens: int = 64) -> list[int]:
        if self._forced is None:
            tokens = list(takewhile(lambda token: token < self.vocabulary.size, self.cursor.at(self).compute_ff_tokens()))
            self._forced = array("q", tokens if not set(tokens) & self.vocabulary.stop_tokens else []), 0
        run, num_passed = self._forced
        return list(run[num_passed : num_passed + max_tokens])


def check_matcher(matcher: GrammarMatcher) -> None:
    """GrammarError if the matcher's last call failed."""
    if matcher.is_error():
        raise GrammarError(short_message(matcher.get_error()))


def short_message(error: str) -> str:
    """An engine's message without llguidance's dump of its state, the trace of a panic, and the rest of a source that it quotes."""
    message = error.partition("<state>")[0].partition("<backtrace>")[0].strip()
    if "symbols.len()" in message:  # an assertion of llguidance's
        return "it has more than 65,525 symbols, which is the engine's limit; split it into smaller ones"
    if message == "NoExtensionBias":
        return "no token of the model spells what must come here; use a model whose tokens have these bytes"
    if message.startswith("recursion limit exceeded"):  # of its JSON reader
        return "it is nested deeper than 127 brackets; move inner parts to $defs"
    return message if len(message) <= 600 else f"{message[:600]} ..."
