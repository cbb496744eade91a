"""Stop strings, wherever token borders fall."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from foretell.decoding.stopping import StopWatch, as_stop_strings, cut, held_back

words = st.text("ab", min_size=1, max_size=4)


class Pieces:
    """A tokenizer whose token i is the i-th piece of a text."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces

    def stream(self) -> Pieces:
        return self

    def push(self, *tokens: int) -> str:
        return "".join(self.pieces[token] for token in tokens)


@given(st.lists(st.text("ab", max_size=4), max_size=10), st.lists(words, min_size=1, max_size=3), st.integers(1, 3))
@example(["ab", "bb"], ["abbb"], 1)  # a text that is shorter than what the watch keeps
@settings(max_examples=300, deadline=None)
def test_the_watch_strikes_with_the_token_that_completes_a_stop_string(pieces, strings, at_once):
    watch = StopWatch(Pieces(pieces), strings)
    for num in range(at_once, len(pieces) + at_once, at_once):
        tokens = list(range(min(num, len(pieces))))
        text = "".join(pieces[token] for token in tokens)
        found = any(string in text for string in strings)
        assert watch(tokens) == found
        if found:
            break


@given(st.text("abc", max_size=12), st.lists(words, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_what_is_held_back_is_the_longest_end_that_may_become_a_stop_string(text, strings):
    text = cut(text, strings)  # whole stop strings are cut off before
    expected = max((n for n in range(1, len(text) + 1) for s in strings if n < len(s) and s.startswith(text[-n:])), default=0)
    assert held_back(text, strings) == expected


@given(st.text("abc", max_size=12), st.lists(words, max_size=3))
@settings(max_examples=200, deadline=None)
def test_cut_leaves_the_text_before_the_first_stop_string(text, strings):
    kept = cut(text, strings)
    assert text.startswith(kept)
    assert not any(string in kept for string in strings)
    assert kept == text or any(text.startswith(string, len(kept)) for string in strings)


def test_stop_strings_are_texts():
    assert as_stop_strings("a") == ("a",)
    assert as_stop_strings(["a", "b"]) == ("a", "b")
    assert as_stop_strings(()) == as_stop_strings("") == ()
    with pytest.raises(ValueError, match="at least one character"):
        as_stop_strings(["a", ""])
    with pytest.raises(ValueError, match="must be text"):
        as_stop_strings([3])
