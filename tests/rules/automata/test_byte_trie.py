"""The byte trie against trying every token."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.byte_trie import ByteTrie

token_bytes = st.lists(st.sampled_from(b"abc"), max_size=4).map(bytes)


@settings(deadline=None)
@given(
    st.lists(st.none() | token_bytes, max_size=30),
    st.dictionaries(st.tuples(st.integers(0, 3), st.sampled_from(b"abc")), st.integers(0, 3)),
)
def test_allowed_are_the_tokens_that_the_automaton_can_read(tokens, edges):
    vocabulary = Vocabulary((b"ab", *tokens), frozenset({0}))

    def reads(data):
        state = 0
        for byte in data:
            state = edges.get((state, byte))
            if state is None:
                return False
        return True

    expected = [token for token, data in enumerate(vocabulary.tokens) if token and data and reads(data)]
    assert ByteTrie(vocabulary).allowed(0, lambda state, byte: edges.get((state, byte))).ids.tolist() == expected


def test_the_trie_is_made_once_for_a_vocabulary():
    vocabulary = Vocabulary((b"a", None), frozenset({1}))
    assert vocabulary.derive(ByteTrie) is vocabulary.derive(ByteTrie)


def test_many_states_are_met_in_one_walk():
    vocabulary = Vocabulary((b"a" * 200, b"a" * 199, None), frozenset({2}))
    assert ByteTrie(vocabulary).allowed(0, lambda count, byte: count + 1 if count < 199 else None).ids.tolist() == [1]
