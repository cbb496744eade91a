"""xgrammar as a second engine, to compare with: regular expressions, EBNF and JSON Schema as states of a constraint.

It is never a default, because it ignores the keywords of a schema that it does not support (`not`, `if`, `uniqueItems`, ...), so that
texts may break the rule.

>>> vocabulary = Vocabulary((b"a", b"b", b"ab", None), frozenset({3}))
>>> state = compile_with_xgrammar("regex", "(ab)+", vocabulary).start()  # doctest: +SKIP
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
from foretell.rules.grammars.grammar_state import CompiledGrammar, GrammarError
from foretell.rules.grammars.native_call import call_native, levels_of

INSTALL = "xgrammar is not installed; pip install 'foretell[peers]'"


def compile_with_xgrammar(kind: str, source: Any, vocabulary: Vocabulary) -> CompiledGrammar:
    """A grammar, compiled for a vocabulary. kind: "regex", "ebnf" (source has a rule `root`) or "schema" (source is a dict or a bool).

    Schemas are read as JSON Schema says: any white space, and properties that are not named are allowed unless forbidden.
    Errors: GrammarError if xgrammar cannot compile it; ImportError if xgrammar is not installed.
    """
    compiler = vocabulary.derive(xgrammar_compiler)
    levels = levels_of(json.dumps({"grammars": [{"json_schema": source}]}) if kind == "schema" else source)
    try:
        if kind == "schema":
            text = json.dumps(source)
            grammar = call_native(lambda: compiler.compile_json_schema(text, any_whitespace=True, strict_mode=False), levels)
        else:
            compile_text = {"regex": compiler.compile_regex, "ebnf": compiler.compile_grammar}[kind]
            grammar = call_native(lambda: compile_text(source), levels)
    except RuntimeError as error:
        raise GrammarError(_short(str(error))) from error
    return CompiledGrammar(XgrammarMatcher(grammar, vocabulary), vocabulary, XgrammarMatcher.compute_bitmask)


class XgrammarMatcher:
    """xgrammar's matcher as a `GrammarMatcher`. Its token sets are right after a rollback too. grammar: xgrammar's compiled grammar."""

    def __init__(self, grammar: Any, vocabulary: Vocabulary) -> None:
        from xgrammar import GrammarMatcher

        self.grammar, self.vocabulary, self.matcher = grammar, vocabulary, GrammarMatcher(grammar)
        self.bits = np.empty((1, (vocabulary.size + 31) // 32), dtype=np.int32)
        self.refused: int | None = None

    def deep_copy(self) -> XgrammarMatcher:
        """A new matcher at the beginning of a text."""
        return XgrammarMatcher(self.grammar, self.vocabulary)

    def consume_token(self, token: int) -> None:
        """Go on by one token."""
        if not self.matcher.accept_token(token):
            self.refused = token

    def rollback(self, num_tokens: int) -> None:
        """Take back the last tokens."""
        self.matcher.rollback(num_tokens)

    def compute_bitmask(self) -> bytes:
        """The packed token set, as in `TokenSet.packed`."""
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
        """Whether the text may end here."""
        return self.matcher.is_completed()

    def is_stopped(self) -> bool:
        """Whether only a stop token may come next."""
        return set(self._allowed().ids.tolist()) <= self.vocabulary.stop_tokens

    def compute_ff_tokens(self) -> list[int]:
        """The tokens, at most 64, that must come next, since each is the only allowed one. (xgrammar's own answer is forced text, which
        could be tokenized in several ways.)"""
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
        """Whether a token was refused."""
        return self.refused is not None

    def get_error(self) -> str:
        """Which token was refused."""
        return f"token {self.refused} does not fit"


def xgrammar_compiler(vocabulary: Vocabulary) -> Any:
    """xgrammar's compiler for a vocabulary, with one thread and no cache so that times can be compared. ImportError without xgrammar."""
    try:
        import xgrammar
    except ImportError as error:
        raise MissingPackageError(INSTALL) from error
    data = [each or b"" for each in vocabulary.tokens]  # tokens without bytes are special tokens, which it never allows
    stops = sorted(vocabulary.stop_tokens)
    info = xgrammar.TokenizerInfo(data, xgrammar.VocabType.RAW, vocab_size=vocabulary.size, stop_token_ids=stops)
    return xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)


def _short(error: str) -> str:
    """xgrammar's message without the time and the position in its source code."""
    return re.sub(r"^\[[\d:]+\] \S+: ", "", error.strip())
