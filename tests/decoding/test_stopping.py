"""Stop strings, wherever token borders fall."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from foretell.decoding.stopping import AnswerText, StopWatch, answer_text, as_stop_strings, held_back

words = st.text("ab", min_size=1, max_size=4)


class Pieces:
    """A tokenizer whose token i is the i-th piece of a text; the tokens in `controls` are shown as nothing."""

    def __init__(self, pieces: list[str], controls: dict[int, str] | None = None) -> None:
        self.pieces, self.control_tokens = pieces, controls or {}

    def stream(self, context) -> Pieces:
        return self

    def push(self, *tokens: int) -> str:
        return "".join(self.pieces[token] for token in tokens)

    def finish(self) -> str:
        return ""


def cut(text: str, strings: list[str]) -> str:
    """The text before the first stop string that is complete, of those the one that began first."""
    for end in range(len(text) + 1):
        found = [end - len(string) for string in strings if text[:end].endswith(string)]
        if found:
            return text[: min(found)]
    return text


@given(st.lists(st.text("ab", max_size=4), max_size=10), st.lists(words, min_size=1, max_size=3), st.integers(1, 3))
@example(["ab", "bb"], ["abbb"], 1)  # a text that is shorter than what the watch keeps
@settings(max_examples=300, deadline=None)
def test_the_watch_strikes_with_the_token_that_completes_a_stop_string(pieces, strings, at_once):
    watch = StopWatch(Pieces(pieces), [0], strings)
    for num in range(at_once, len(pieces) + at_once, at_once):
        tokens = list(range(min(num, len(pieces))))
        text = "".join(pieces[token] for token in tokens)
        found = any(string in text for string in strings)
        assert watch(tokens) == found
        if found:
            break


def test_the_watch_follows_tokens_that_are_taken_back():
    watch = StopWatch(Pieces(["a", "b", "c", "d"]), [0], ["cd"])
    assert not watch([0, 1, 2])
    assert not watch([0, 1, 3])  # as many tokens as before, but another one
    assert not watch([0, 2])
    assert watch([0, 2, 3])


@given(st.lists(st.text("abc", min_size=1, max_size=1), max_size=12), st.lists(words, max_size=3))
@settings(max_examples=300, deadline=None)
def test_pieces_and_whole_are_the_text_before_the_first_stop_string(pieces, strings):
    answer, text = AnswerText(Pieces(pieces), [0], strings), ""
    for token in range(len(pieces)):
        text += answer.push(token)
        assert "".join(pieces).startswith(text)
    assert text + answer.finish() == cut("".join(pieces), strings) == answer_text(Pieces(pieces), [0], range(len(pieces)), strings)
    assert answer.stopped == any(string in "".join(pieces) for string in strings)


@pytest.mark.parametrize(
    ("strings", "text"),
    [
        (["<end>"], "ab"),  # a control token that the text does not show
        (["b<end>c"], "a"),
        (["<en"], "abcd"),  # a part of what nobody sees
        (["bc"], "a"),  # what the text shows
        (["d", "c"], "ab"),
        (["<end>", "b"], "a"),
        (["<end>x", "cdx"], "abcd"),
    ],
)
def test_control_tokens_stop_where_a_string_names_them(strings, text):
    tokenizer = Pieces(["a", "b", "", "c", "d"], {2: "<end>"})
    assert answer_text(tokenizer, [0], range(5), strings) == text
    assert StopWatch(tokenizer, [0], strings)([0, 1, 2, 3, 4]) == (text != "abcd")


@given(st.text("abc", max_size=12), st.lists(words, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_what_is_held_back_is_the_longest_end_that_may_become_a_stop_string(text, strings):
    text = cut(text, strings)  # whole stop strings are cut off before
    expected = max((n for n in range(1, len(text) + 1) for s in strings if n < len(s) and s.startswith(text[-n:])), default=0)
    assert held_back(text, strings) == expected


def test_stop_strings_are_texts():
    assert as_stop_strings("a") == ("a",)
    assert as_stop_strings(["a", "b"]) == ("a", "b")
    assert as_stop_strings(()) == ()
    for empty in ("", ["a", ""]):
        with pytest.raises(ValueError, match="at least one character"):
            as_stop_strings(empty)
    with pytest.raises(ValueError, match="must be text"):
        as_stop_strings([3])
