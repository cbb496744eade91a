"""llguidance as the engine of regular expressions, context-free grammars and JSON Schema."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.grammar_state import CompiledGrammar, GrammarError, check_matcher, short_message
from foretell.rules.grammars.native_call import call_native, levels_of

#: The most items that one position of a text may have; the engine's own limit, 2,000, is reached by as many alternatives.
MAX_ITEMS = 50_000


def compile_grammar(grammar: str, vocabulary: Vocabulary, limits: dict[str, Any] | None = None) -> CompiledGrammar:
    """A grammar as `from_regex`, `from_lark` or `from_json_schema` returns it, compiled for a vocabulary. limits: options of llguidance's
    `LLParserLimits`. GrammarError if llguidance cannot read it or gives up, also where the first token set is computed."""
    from llguidance import LLMatcher, LLParserLimits

    tokenizer = vocabulary.derive(llguidance_tokenizer)
    bounds = LLParserLimits(**{"max_items_in_row": MAX_ITEMS, **(limits or {})})
    matcher = call_native(lambda: LLMatcher(tokenizer, grammar, log_level=0, limits=bounds), levels_of(grammar))
    check_matcher(matcher)
    token_mask(matcher)
    return CompiledGrammar(matcher, vocabulary, token_mask)


def token_mask(matcher: Any) -> bytes:
    """The packed token set at a matcher's position, computed on a copy (20 us). A matcher of llguidance 1.9.1 that computed a token set
    and is then rolled back and moved another way confuses the two ways, and allows too much or too little."""
    copy = matcher.deep_copy()
    bits = copy.compute_bitmask()
    if copy.stop_reason() == "NoExtensionBias":  # no token spells what must come: a dead end, not an error
        return b""
    check_matcher(copy)
    return bits


def llguidance_tokenizer(vocabulary: Vocabulary) -> Any:
    """llguidance's view of a vocabulary; use it through `vocabulary.derive`, since it takes about 0.1 s."""
    from llguidance import LLTokenizer, TokenizerWrapper

    tokenizer = _Tokenizer(vocabulary)
    return LLTokenizer(TokenizerWrapper(tokenizer), n_vocab=len(tokenizer.tokens), eos_token=sorted(vocabulary.stop_tokens))


class _Tokenizer:
    """The attributes that llguidance reads of a tokenizer. Control tokens get bytes that no UTF-8 text has.

    Text that must come, and that the vocabulary cannot write, would confuse the engine: it goes on behind that text. So it gets a token for
    each byte that has none. Their ids lie beyond the vocabulary's, and token sets leave them out.
    """

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary, self.eos_token_id = vocabulary, min(vocabulary.stop_tokens)
        there = {data for data in vocabulary.tokens if data and len(data) == 1}
        missing = [data for data in (bytes([byte]) for byte in range(256)) if data not in there]
        self.whole = replace(vocabulary, tokens=(*vocabulary.tokens, *missing))
        self.tokens = [b"\xff<%d>" % token if data is None else data for token, data in enumerate(self.whole.tokens)]
        self.special_token_ids = [token for token, data in enumerate(vocabulary.tokens) if data is None]

    def __call__(self, text: bytes | str) -> list[int]:
        return self.whole.encode(text)


def from_regex(pattern: str) -> str:
    """The grammar of a regular expression in the syntax of Rust's `regex` crate."""
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_regex(pattern)


def from_lark(grammar: str) -> str:
    """The grammar of a context-free grammar in Lark's syntax."""
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_lark(grammar)


def from_json_schema(schema: Any, **options: Any) -> str:
    """The grammar of a JSON Schema, a dict or a bool. options: those of llguidance's `JsonCompileOptions`. GrammarError for too deep a
    nesting."""
    from llguidance import LLMatcher

    try:
        return LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=options)  # type: ignore[arg-type]
    except ValueError as error:
        raise GrammarError(short_message(str(error))) from None
