"""Grammars are read as the `lark` package reads them, or refused by name when they are made."""

import itertools

import pytest

from foretell.errors import UserError
from foretell.rules.constraints.grammar import Grammar
from foretell.rules.schemas.strings import BYTES


def accepts(grammar: str, text: str) -> bool:
    state = Grammar(grammar).start(BYTES)
    for byte in text.encode():
        if not state.accepts(byte):
            return False
        state = state.advance(byte)
    return state.accepting


#: Grammars with the characters of the texts to try.
GRAMMARS = [
    ('start: "a" "b"\n%ignore " "', "ab "),
    ('start: A+\nA: "a" | "b"\nWS: / +/\n%ignore WS', "ab "),
    ('?start: x -> y\n!x: "a" x | "b"\n%ignore /[ ]/\n%ignore "#"', "ab #"),
    ('start: start "a" | "b"\n%ignore " "', "ab "),
    ('// start: no\nstart: ["a"] ("b" "a")~1..2 // end', "ab"),
    ('start: a | b\na: "a" a | "a"\nb:\n  | "b" start', "ab"),
    ('start: "a"i /b/i', "aAbB"),
    ('start: /[b$^]/ "*?"', "b$^*?"),
    (r'start: /a\.*\?/ "\\"', "a.?\\"),
    ('start: ("a" | "b"~0 "a")* "b"?', "ab"),
]


@pytest.mark.parametrize(("grammar", "characters"), GRAMMARS)
def test_agrees_with_lark(grammar, characters):
    lark = pytest.importorskip("lark")
    parser = lark.Lark(grammar, parser="earley", lexer="dynamic")
    for length in range(5):
        for text in map("".join, itertools.product(characters, repeat=length)):
            try:
                parser.parse(text)
                expected = True
            except lark.exceptions.LarkError:
                expected = False
            assert accepts(grammar, text) == expected, text


def test_ignored_terminals_stand_at_both_ends():
    grammar = 'start: "a" start | "b"\n%ignore " "\n%ignore /#.;/'
    assert all(accepts(grammar, text) for text in ("ab", " a b ", "a a #x;b #y;  ", "#x;b"))
    assert not any(accepts(grammar, text) for text in ("", " ", "a", "b b", "#b"))


REFUSED = {
    'start: /a.*?b/ "c"': r"lazy quantifier '\*\?'.*\[lazy\]",
    'start: T "c"\nT: "x" /a+?/': "lazy quantifier",
    "start: /a{1,3}?b/": "lazy quantifier",
    "start: /[[:alpha:]]/": r"'\[' in the class",
    "start: /[^a[b]]/": r"'\[' in the class",
    "start: /[a--b]/": "'--' in the class",
    "start: /x[a&&b]/": "'&&' in the class",
    "start: /a??b/": "lazy quantifier",
    'start: /a$/ "b"': "anchor",
    'start: /^a/ "b"': "anchor",
    "start: /a(?=b)/": "look-around",
    r"start: /a\b/": "lookarounds",
    'start: "a" start': "`start` has no finite word",
    'start: "a" | x\nx: "b" x | y "c"\ny: "a" (x | "b" y)': "`x` has no finite word",
    'start: "b" | T\nT: "a" T': "`T` has no finite word",
    'start: T\nT: "a" T | "b"': "circular",
    'start: "a" b': 'unknown name: "b"',
    "start: NOPE\n%import common.NOPE": "NOPE",
    'start: T\nT.2: "a"': "priorities",
    'start.2: "a"': "priorities",
    'start: sep{"a"}\nsep{x}: x ("," x)*': "params",
    "start: A\n%declare A": "declare",
    'start: "a"\nstart: "b"': "duplicate",
    'start[temperature=0.5]: "a"': "temperature",
    'a: "start"': "no rule named `start`",
    '{"grammars": [{"lark_grammar": "start: \\"a\\""}]}': "no rule named `start`",
    "start: " + " | ".join(f'"a{i}"' for i in range(30_000)): "alternatives",
    "start: r r\nr: " + " | ".join(f'"a{i}"' for i in range(30_000)): "alternatives",
    "start: " + " ".join(['"a"'] * 70_000): "more than 65,525 symbols",
}


@pytest.mark.parametrize("grammar", REFUSED, ids=lambda grammar: grammar[:40])
def test_refused_when_it_is_made(grammar):
    with pytest.raises(UserError, match=REFUSED[grammar]) as error:
        Grammar(grammar)
    assert len(str(error.value)) < 1000


def test_many_alternatives_are_taken():
    grammar = "start: " + " | ".join(f'"a{i}"' for i in range(5000))
    assert accepts(grammar, "a4999")
    assert not accepts(grammar, "a5000")


def test_a_lazy_rule_ends_at_its_first_match():
    grammar = 'start: t "c"\nt[lazy]: /a.*b/'
    assert [accepts(grammar, text) for text in ("abc", "axbc", "abbc")] == [True, True, False]
