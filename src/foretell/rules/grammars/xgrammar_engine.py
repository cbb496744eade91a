"""xgrammar as a second engine, to compare with: regular expressions, EBNF and JSON Schema as states of a constraint.

Its matcher is led along the tree as llguidance's is (`Walker`, `GrammarState`): one a request, rolled back and forward. It is never a
default, because it leaves out silently what it does not support of a schema (`not`, `if`, `uniqueItems`, ...), so that texts may break the
rule they were asked to keep.

>>> vocabulary = Vocabulary((b"a", b"b", b"ab", None), frozenset({3}))
>>> state = GrammarState(Walker(compiled("regex", "(ab)+", vocabulary), vocabulary))  # doctest: +SKIP
>>> state.allowed().ids.tolist()  # doctest: +SKIP
[0, 2]
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from foretell.decoding.token_set import TokenSet
from foretell.errors import MissingPackageError
from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars import llguidance_engine
from foretell.rules.grammars.llguidance_engine import GrammarError, GrammarState

__all__ = ["GrammarState", "Walker", "compiled"]

INSTALL = "xgrammar is not installed; pip install 'foretell[peers]'"


class Walker(llguidance_engine.Walker):
    """One that leads a `Matcher`, whose token sets are right after rollback too."""

    @staticmethod
    def mask(matcher: Any) -> bytes:
        return matcher.compute_bitmask()


def compiled(kind: str, source: Any, vocabulary: Vocabulary) -> Matcher:
    """The matcher of a "regex", an "ebnf" (root rule `root`) or a "schema" (a dict, or a bool), at the beginning of a text.

    Schemas as JSON Schema reads them: any white space, and properties that are not named are allowed unless forbidden. GrammarError where
    xgrammar has no grammar for it, ImportError where it is not installed.
    """
    compiler = _compiler(vocabulary)
    try:
        if kind == "schema":
            grammar = compiler.compile_json_schema(json.dumps(source), any_whitespace=True, strict_mode=False)
        else:
            grammar = {"regex": compiler.compile_regex, "ebnf": compiler.compile_grammar}[kind](source)
    except RuntimeError as error:
        raise GrammarError(_short(str(error))) from error
    return Matcher(grammar, vocabulary)


class Matcher:
    """xgrammar's matcher with the words of llguidance's, which `Walker` speaks."""

    def __init__(self, grammar: Any, vocabulary: Vocabulary) -> None:
        from xgrammar import GrammarMatcher

        self.grammar, self.vocabulary, self.matcher = grammar, vocabulary, GrammarMatcher(grammar)
        self.bits = np.empty((1, (vocabulary.size + 31) // 32), dtype=np.int32)
        self.refused: int | None = None

    def deep_copy(self) -> Matcher:
        """Another at the beginning of a text."""
        return Matcher(self.grammar, self.vocabulary)

    def consume_token(self, token: int) -> None:
        if not self.matcher.accept_token(token):
            self.refused = token

    def rollback(self, num_tokens: int) -> None:
        self.matcher.rollback(num_tokens)

    def compute_bitmask(self) -> bytes:
        """Packed bits, the lowest token in the lowest bit."""
        self.matcher.fill_next_token_bitmask(self.bits)
        return self.bits.tobytes()

    def validate_tokens(self, tokens: list[int]) -> int:
        """How many of the tokens may come next, one after the other."""
        num = 0
        while num < len(tokens) and self.matcher.accept_token(tokens[num]):
            num += 1
        if num:
            self.matcher.rollback(num)
        return num

    def is_accepting(self) -> bool:
        return self.matcher.is_completed()

    def is_stopped(self) -> bool:
        """Whether nothing but a stop token may come."""
        return set(self._allowed().ids.tolist()) <= self.vocabulary.stop_tokens

    def compute_ff_tokens(self) -> list[int]:
        """The tokens, at most 64, that must come next: where one only is allowed. (The text that xgrammar says must come could be cut
        into tokens in other ways.)"""
        tokens: list[int] = []
        while len(tokens) < 64:
            token = self._allowed().only
            if token is None or token in self.vocabulary.stop_tokens or not self.matcher.accept_token(token):
                break
            tokens.append(token)
        if tokens:
            self.matcher.rollback(len(tokens))
        return tokens

    def _allowed(self) -> TokenSet:
        return TokenSet.packed(self.compute_bitmask(), self.vocabulary.size)

    def is_error(self) -> bool:
        return self.refused is not None

    def get_error(self) -> str:
        return f"token {self.refused} does not fit"


def _compiler(vocabulary: Vocabulary) -> Any:
    """xgrammar's view of a vocabulary, made once. One thread and no cache, so that times are comparable."""
    try:
        import xgrammar
    except ImportError as error:
        raise MissingPackageError(INSTALL) from error
    if "xgrammar" not in vocabulary.__dict__:
        spelling = [data or b"" for data in vocabulary.tokens]  # what writes nothing is special to it, and never allowed
        stops = sorted(vocabulary.stop_tokens)
        info = xgrammar.TokenizerInfo(spelling, xgrammar.VocabType.RAW, vocab_size=vocabulary.size, stop_token_ids=stops)
        vocabulary.__dict__["xgrammar"] = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
    return vocabulary.__dict__["xgrammar"]


def _short(error: str) -> str:
    """xgrammar's message without the time and place in its source."""
    return re.sub(r"^\[[\d:]+\] \S+: ", "", error.strip())
