"""Regular expressions that a whole text matches."""

from __future__ import annotations

import itertools

import pytest
import regex

from foretell.errors import UserError
from foretell.rules.constraints.regex import Regex
from foretell.rules.schemas.strings import BYTES


def accepts(pattern: str, text: str) -> bool:
    state = Regex(pattern).start(BYTES)
    for byte in text.encode():
        if not state.accepts(byte):
            return False
        state = state.advance(byte)
    return state.accepting


@pytest.mark.parametrize(
    "pattern",
    ["a", "^a|b$", "^a$", "(a|b)+?", r"^(?=.*a)(?=.*1).{2,4}$", r"\ba\b", r"(a|b)\1", "^(?!a).*", r"\d+", "a|", "^(?!.*b$).+$", "(?i)A",
     "^(?:a|b$)", "(?=a)a*", "a(?!b)b?", "^", r".*(?<!b)", "[[a]]"],
)  # fmt: skip
def test_a_whole_text_matches(pattern):
    for text in map("".join, itertools.chain(*(itertools.product("ab1 ", repeat=length) for length in range(4)))):
        assert accepts(pattern, text) == (regex.fullmatch(pattern, text) is not None), text


@pytest.mark.parametrize(
    ("pattern", "text", "found"), [(r"\d", "٣", False), (r"\w", "é", False), (".", "\u2028", False), (r"\s", "\ufeff", True)]
)
def test_classes_are_those_of_ecma(pattern, text, found):
    assert accepts(pattern, text) == found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [("(?=a)b", "no text matches"), (r"\A", "escape"), ("(?P<n>a)", "group"), (r"(a*)\1", "refer"), ("a{2,1}", "repeats")],
)
def test_what_is_not_supported_is_refused(pattern, why):
    with pytest.raises(UserError, match=why):
        Regex(pattern).start(BYTES)
