"""llguidance's states, asked in any order, say what a matcher says that went straight to each."""

import json
import random

import pytest

from foretell.decoding.constraint import ConstraintState
from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.constraints.regex import Regex
from foretell.rules.grammars.grammar_state import GrammarState
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_json_schema
from foretell.rules.schemas.strings import BYTES

WORDS = [b'{"', b'"}', b'", "', b'": ', b'": "', b"limit", b"role", b"rol", b"ab", b"abc", b', "', b"}}"]
VOCABULARY = Vocabulary((*[bytes([byte]) for byte in range(32, 127)], *WORDS, None), frozenset({95 + len(WORDS)}))
TEXT = {"type": "string"}
SCHEMA = {"type": "object", "properties": {"limit": TEXT, "role": TEXT}, "required": ["role"], "additionalProperties": False}
STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


def start(schema=SCHEMA) -> GrammarState:
    return compile_grammar(from_json_schema(schema, **STYLE), VOCABULARY).start()


def led(state: ConstraintState, text: str) -> ConstraintState:
    for token in VOCABULARY.encode(text):
        state = state.advance(token)
    return state


def test_a_token_set_after_another_way_was_taken():
    state = start()
    led(state, '{"role": "ab').allowed()
    other = led(state, '{"limit": "ab')  # `role` is still to come here, so `"}` would end the text too early
    end, more = VOCABULARY.tokens.index(b'"}'), VOCABULARY.tokens.index(b'", "')
    assert (end in other.allowed(), more in other.allowed()) == (False, True)
    assert other.allowed() == led(start(), '{"limit": "ab').allowed()


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_asking(seed):
    rng = random.Random(seed)
    schema = {"type": "object", "properties": {"limit": SCHEMA, "role": TEXT, "ab": {"type": "array", "items": TEXT}}, "required": ["ab"]}
    state, texts = start(schema), []
    for _ in range(6):
        inner = {**({"limit": "abc"} if rng.random() < 0.5 else {}), "role": "ab"}
        value = {"limit": inner, "role": "limit", "ab": ["ab"] * rng.randrange(3)}
        texts.append(json.dumps({key: value[key] for key in value if key == "ab" or rng.random() < 0.6}))
    for _ in range(40):
        tokens = VOCABULARY.encode(rng.choice(texts))
        tokens = tokens[: rng.randrange(len(tokens) + 1)]
        here, fresh = state, start(schema)
        for token in tokens:
            if rng.random() < 0.2:
                here.allowed()
            here, fresh = here.advance(token), fresh.advance(token)
        assert here.forced() == fresh.forced()
        assert here.accepting == fresh.accepting
        assert here.allowed() == fresh.allowed()
        assert all(here.accepts(token) == (token in fresh.allowed()) for token in rng.sample(range(VOCABULARY.size), 10))


@pytest.mark.parametrize("left_out", ["e", "na", '{"', "argumentsx", ":", "c"])
def test_text_that_must_come_and_cannot_be_written_is_a_dead_end(left_out):
    schema = {"type": "object", "properties": {"name": {"const": "c"}, "arguments": {"type": "object"}}, "required": ["name", "arguments"]}
    part, whole = JsonSchema({**schema, "additionalProperties": False}), [byte for byte in range(32, 127) if chr(byte) not in left_out]
    vocabulary = Vocabulary((None, *(bytes([byte]) for byte in whole), b'{"'), frozenset({0}))
    state, reference = part.start(vocabulary), part.start(BYTES)
    for _ in range(40):
        tokens = state.allowed().ids.tolist()
        for token in tokens:
            led = reference
            for byte in vocabulary.tokens[token]:
                assert led.accepts(byte)
                led = led.advance(byte)
        assert set(state.forced(8)[:1]) <= set(tokens)
        if not tokens:
            break
        assert all(state.accepts(token) for token in tokens)
        state = state.advance(tokens[-1])
        for byte in vocabulary.tokens[tokens[-1]]:
            reference = reference.advance(byte)
    assert not tokens


def test_forced_bytes_that_no_token_spells_are_a_dead_end():
    """As with tokenizers of words, which lack most bytes."""
    lacking = Vocabulary((b"f", b"a", b" a", b"x", b"\n", None), frozenset({5}))
    for constraint in (JsonSchema({"type": "string"}), JsonSchema({"type": "object"}), Regex("bx")):
        state = constraint.start(lacking)
        assert not state.allowed()
        assert not any(state.accepts(token) for token in range(6))
    after = Regex(r"\nbx").start(lacking)
    assert after.allowed().ids.tolist() == [4]
    assert not after.advance(4).allowed()
