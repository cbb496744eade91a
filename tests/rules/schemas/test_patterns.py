"""Rewritten patterns, and which strings have a pattern."""

from __future__ import annotations

import pytest
import regex as re
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.patterns.ecma import PatternError, parsed
from foretell.rules.schemas.engine_patterns import conjuncts, excluding_pattern, looser, single
from foretell.rules.schemas.excluded_words import excluding
from foretell.rules.schemas.strings import compiles, has_pattern, json_string

letters = st.text(st.sampled_from("ab-é"), max_size=4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(letters, min_size=1, max_size=4), st.lists(letters, min_size=4, max_size=8))
def test_excluding(words, texts):
    pattern = excluding(words)
    for text in [*words, *texts, *(word + "b" for word in words)]:
        assert has_pattern(pattern, text) == (text not in words), (pattern, text)


TEXTS = ("", "a", "b", "c", "ab", "ba", "abc", "a-", "a-b", "bb", "cb", "xc", "aa", "aab", "(ab", " ab ", "a b", "b3", "ab3")
LOOK_AROUND = [
    "^(?!ab)", "^(?!a|b)c*", "^(?!(a|ab)$)[ab]*$", "^(?!ab$).+", r"^(?!(?:a\-|b)$)a", "^(?!a)(b|c)$", "^(?!a)b|c", "^(?!a+)",
    "(?!a)b", r"(?<=a)b", r"(?<!a)b", r"\bab\b", r"\Bb", r"^(?=.*b)(?=.*a).{2,3}$", r"[(?!]a(?![)])b", "(?:(?!a)b){2}", "a^b",
    "(^a|b$)", "^((?!ab).)*$",
    r"(?<=^|-)b", r"^(a|b)\1$", r"^([ab]?)x?\1b\1$", r"^(?=.*\d)[a-z\d]{2,40}$",
]  # fmt: skip


@pytest.mark.parametrize("pattern", LOOK_AROUND)
def test_the_engine_gets_look_around_boundaries_references_and_complements(pattern):
    for text in TEXTS:
        found = re.search(pattern, text) is not None
        assert has_pattern(pattern, text) == found, text
        assert all(has_pattern(part, text) for part in conjuncts(pattern)[0]) == found, text
        assert has_pattern(single(pattern), text) == found, text
        assert any(has_pattern(part, text) for part in excluding_pattern(pattern)) != found, text
        assert not found or has_pattern(looser(pattern), text)
    assert all(
        compiles({"type": "string", "pattern": part}) or not any(re.search(pattern, t) for t in TEXTS) for part in conjuncts(pattern)[0]
    )


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^(a\1b)+$", "abab", True), (r"^(a\1b)+$", "aabb", False), (r"^(?<n>a|b\k<n>)*c$", "abbc", True),
        (r"^((a)\1\2)$", "aa", True), (r"^((a)\1\2)$", "a", False),
    ],
)  # fmt: skip
def test_a_reference_within_its_own_group_is_empty_as_in_ecma_262(pattern, text, found):
    assert has_pattern(pattern, text) == found  # as Node.js says
    assert JsonSchema({"type": "string", "pattern": pattern}).accepts(f'"{text}"') == found


@pytest.mark.parametrize("pattern", [r"^(.+)\1$", r"^(a+)b\1$", r"(a)|b\1", r"^(a)*\1$"])
def test_references_to_groups_that_match_much_are_looser(pattern):
    assert conjuncts(pattern) == ((looser(pattern),), False)
    assert excluding_pattern(pattern) is None
    found = [text for text in ("aa", "abab", "aba", "aabaa", "a", "aaa") if re.search(pattern, text)]
    assert found
    assert all(has_pattern(looser(pattern), text) and has_pattern(pattern, text) for text in found)
    assert not has_pattern(pattern, "xyz")


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
        (r"^\p{Script=Greek}\P{Lu}$", "αβ", True),
        ("a", "\ud800a", False),
        ("^[[a-z]]$", "a]", True),
        ("^[[a-z]]$", "a", False),
        ("^[a&&b]$", "&", True),
        ("^[*--]$", ",", True),
        ("a{,3}", "aaa", False),
        ("a{,3}", "a{,3}", True),
        ("^.$", "\u2028", False),
        ("^.$", "\r", False),
        (r"^\s$", "\ufeff", True),
        (r"^\s$", "\x85", False),
        (r"^\ud83d\ude00\u{1F600}$", "😀😀", True),
        ("^[^😀]$", "😁", True),
        (r"^\cA\0\x41\u0042\/$", "\x01\0AB/", True),
        ("[]", "a", False),
        ("^[^]$", "\n", True),
        (r"^(?<q>['\"])x\k<q>$", "'x'", True),
        (r"^(?<q>['\"])x\k<q>$", "'x\"", False),
        (r"^a\<b$", "a<b", True),
        ("^]}$", "]}", True),
        ("(?i)^é$", "É", True),
        (r"^[\b]$", "\b", True),
        (r"^[\w-.]+$", "a-.", True),
        ("a$", "a\n", False),
    ],
)
def test_patterns_are_those_of_ecma(pattern, text, found):
    assert has_pattern(pattern, text) == found
    if "\\k" not in pattern:
        assert all(has_pattern(part, text) for part in conjuncts(pattern)[0]) == found


@pytest.mark.parametrize(
    "pattern",
    [r"\a", r"\z", r"\A", r"\Z", r"\h", r"\Q", r"\G", "([", "a)", "(a", "a**", "*a", "[b-a]", "a{3,2}",
     r"\p{Foo}", r"\p", r"\1", r"\k<n>", "(?P<n>a)",
     "(?>a)", "(?x)a", "(?#a)", "(?", "a++", "^*", "\\", r"\u{110000}", r"\01"],
)  # fmt: skip
def test_what_ecma_lacks_is_refused_by_name(pattern):
    with pytest.raises(PatternError, match="is not a regular expression of ECMA 262: at character"):
        parsed(pattern)


def test_conditions_that_fit_are_compiled_beside_one_that_does_not():
    patterns, is_exact = conjuncts("^(?=.*a)(?!.*c.{12})[a-z]*$")
    assert not is_exact
    assert [has_pattern(part, "a") for part in patterns] == [True, True]
    assert not all(has_pattern(part, "b") for part in patterns)
    assert not all(has_pattern(part, "a1") for part in patterns)


class Letters:
    """Tokens of several characters."""

    tokens = (b'"', b"a", b"b", b"ab", b"bc", b"c", b"\xc3", b"\xa9", b"\\", b"n", b"xx", b"d", None)


@pytest.mark.parametrize("text", ["xxab", "xxé", "bc", "xx\n", "abc"])
def test_a_string_that_nothing_completes_is_stopped_where_it_is_lost(text):
    """Its pattern is too long for the engine, so an automaton follows the string."""
    part = JsonSchema({"type": "string", "pattern": "^((?!abc|bcd|cde|def).)*$"})
    assert part.can_dead_end
    vocabulary = Vocabulary(Letters.tokens, frozenset({12}))
    state = part.start(vocabulary)
    written = json_string(text).encode()[:-1]
    found = []
    while written:
        token = max((i for i, each in enumerate(Letters.tokens) if each and written.startswith(each)), key=lambda i: len(Letters.tokens[i]))
        allowed = state.allowed()
        assert [state.accepts(each) for each in range(12)] == [each in allowed for each in range(12)]
        found.append(state.accepts(token))
        if not found[-1]:
            break
        state, written = state.advance(token), written[len(Letters.tokens[token]) :]
    assert found[-1] == (text in ("xxab", "xxé", "bc"))
    if text == "xxab":
        assert not state.accepts(5)
        assert not state.accepts(4) or state.advance(4).accepts(0)


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ('^[^"]+$', ["a", "\n", "\\"], ['"', 'a"']),
        (r"^[^\\]+$", ["a", '"', "\t"], ["\\", "a\\"]),
        (r'^[^"\\]+$', ["a", "\u0001"], ["\\", '"']),
        ('^[^ "]+://$', ["a://"], ['a"://']),
        ("^[^x]$", ['"', "\\", "\0"], ["x"]),
    ],
)
def test_a_class_without_the_quote_or_the_backslash_has_not_their_escapes(pattern, taken, left):
    constraint = JsonSchema({"type": "string", "pattern": pattern})
    for text in taken:
        assert constraint.accepts(json_string(text)), text
    for text in left:
        assert not constraint.accepts(json_string(text)), text
        assert not has_pattern(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "found"), [('[^"]', True), (r"[\u0000-\u001f]", True), (r"\u0000$", True), ('["]', False), ("^[0-9]", False)]
)
def test_the_character_nul_is_one_of_its_classes(pattern, found):
    assert has_pattern(pattern, "x\0") is found
    assert JsonSchema({"not": {"if": {"pattern": pattern}, "then": False}}).accepts('"\\u0000"') is has_pattern(pattern, "\0")
