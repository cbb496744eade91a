"""Rewritten patterns, and which strings have a pattern."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.rules.schemas.pattern_rewriting import excluding, looser, split_lookahead
from foretell.rules.schemas.strings import PatternError, check_pattern, has_pattern

letters = st.text(st.sampled_from("ab-é"), max_size=4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(letters, min_size=1, max_size=4), st.booleans(), st.lists(letters, min_size=4, max_size=8))
def test_excluding(words, beginnings, texts):
    pattern = excluding(words, beginnings)
    if pattern is None:
        assert beginnings
        assert "" in words
        return
    for text in [*words, *texts, *(word + "b" for word in words)]:
        excluded = text.startswith(tuple(words)) if beginnings else text in words
        assert has_pattern(pattern, text) == (not excluded), (pattern, text)


@pytest.mark.parametrize(
    "pattern",
    ["^(?!ab)", "^(?!a|b)c*", "^(?!(a|ab)$)[ab]*$", "^(?!ab$).+", r"^(?!(?:a\-|b)$)a", "^(?!a)(b|c)$", "^(?!a)b|c", "^(?!a+)", "(?!a)b"],
)
def test_a_look_ahead_is_taken_apart_where_that_is_exact(pattern):
    halves = split_lookahead(pattern)
    assert (halves is None) == (pattern in ("^(?!a)b|c", "^(?!a+)", "(?!a)b"))
    for text in ("", "a", "b", "c", "ab", "ba", "abc", "a-", "a-b", "bb", "cb", "xc"):
        if halves is not None:
            assert all(has_pattern(half, text) for half in halves) == bool(re.search(pattern, text)), text
        assert not re.search(pattern, text) or has_pattern(looser(pattern), text)


@pytest.mark.parametrize("pattern", [r"^(a|b)\1$", r"(?<=a)b", r"\bab\b", r"^(?=.*b)(?=.*a).{2,3}$", r"[(?!]a(?![)])b", "(?!a){2}b"])
def test_looser_patterns_find_no_less(pattern):
    assert not check_pattern(pattern)
    assert check_pattern(looser(pattern))
    found = [text for text in ("aa", "ab", "bb", "ba", "aab", "(ab", "b", " ab ") if re.search(pattern, text)]
    assert found
    assert all(has_pattern(looser(pattern), text) for text in found)
    assert all(has_pattern(pattern, text) for text in found)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^\d$", "٣", False),
        (r"^\w$", "é", False),
        (r"^(?!x)\d$", "٣", False),
        (r"^(?!x)a$", "a\n", False),
        (r"^(?!x)[^]$", "\n", True),
        (r"^(?!x+)[\d/]\/$", "3/", True),
        (r"^\p{Letter}+$", "é", True),
        ("a", "\ud800a", False),
    ],
)
def test_patterns_are_those_of_ecma(pattern, text, found):
    assert has_pattern(pattern, text) == found


def test_what_is_no_pattern():
    with pytest.raises(PatternError, match="not a regular expression"):
        check_pattern("([")
