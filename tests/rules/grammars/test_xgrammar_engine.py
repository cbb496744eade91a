"""xgrammar as an engine: its states allow what can still match, whichever state is asked when."""

import itertools
import random
import sys

import pytest
import regex

from foretell.decoding.constraint import EndedState
from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.grammar_state import GrammarError, GrammarState
from foretell.rules.grammars.xgrammar_engine import compile_with_xgrammar

VOCABULARY = Vocabulary((b"a", b"b", b"ab", None), frozenset({3}))


def start(kind: str, source: object, vocabulary: Vocabulary = VOCABULARY) -> GrammarState:
    pytest.importorskip("xgrammar")
    return compile_with_xgrammar(kind, source, vocabulary).start()


@pytest.mark.parametrize("pattern", ["(ab)+", "(ab|ba)*a?", "a{2,3}", "a*b"])
def test_allows_what_can_still_match(pattern):
    begin = start("regex", pattern)
    for length in range(5):
        for text in itertools.product(range(3), repeat=length):
            written, state = VOCABULARY.text(text).decode(), begin
            if regex.fullmatch(pattern, written, partial=True) is None:
                continue
            for token in text:
                state = state.advance(token)
            for token in range(3):
                longer = written + VOCABULARY.tokens[token].decode()
                assert state.accepts(token) == (token in state.allowed()) == (regex.fullmatch(pattern, longer, partial=True) is not None)
            assert state.accepting == (3 in state.allowed()) == (regex.fullmatch(pattern, written) is not None)
            assert state.finished == (state.allowed().ids.tolist() == [3])


def test_states_stay_good_whatever_was_asked_of_others():
    state, rng = start("regex", "(ab|b)*a"), random.Random(0)
    states = [state]
    for _ in range(30):
        before = rng.choice(states)
        tokens = [token for token in before.allowed().ids.tolist() if token != 3]
        if tokens:
            states.append(before.advance(rng.choice(tokens)))
    expected = [each.allowed().ids.tolist() for each in states]
    state.cursor.token_sets.clear()
    for i in rng.sample(range(len(states)), len(states)):
        assert states[i].allowed().ids.tolist() == expected[i]


def test_forced_tokens_and_the_end():
    spelling = [bytes([byte]) for byte in range(128)]
    state = start("ebnf", 'root ::= "abc" [0-9]', Vocabulary((*spelling, None), frozenset({128})))
    assert bytes(state.forced()) == b"abc"
    for token in b"abc7":
        state = state.advance(token)
    assert state.finished
    assert isinstance(state.advance(128), EndedState)
    with pytest.raises(ValueError, match="not allowed here"):
        state.advance(ord("a"))


def test_schema():
    vocabulary = Vocabulary((*[bytes([byte]) for byte in range(128)], None), frozenset({128}))
    state = start("schema", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, vocabulary)
    for token in b'{"a": 12}':
        state = state.advance(token)
    assert state.accepting


def test_errors(monkeypatch):
    with pytest.raises(GrammarError, match='Unsupported type "strin"'):
        start("schema", {"type": "strin"})
    with pytest.raises(GrammarError, match="parenthesis is not closed"):
        start("regex", "(ab")
    monkeypatch.setitem(sys.modules, "xgrammar", None)
    with pytest.raises(ImportError, match=r"pip install 'foretell\[peers\]'"):
        compile_with_xgrammar("regex", "a", Vocabulary(VOCABULARY.tokens, VOCABULARY.stop_tokens))  # one without a compiler
