"""Which dots ask for a name, and what is open where a text ends."""

import pytest

from foretell.rules.analysis.python_lexing import is_dereference, lexical_context

ASKS = [
    "x.",
    "f(x).",
    "a[0].",
    "{}.",
    "'text'.",
    '"""text""".',
    "x = 'it''s' + y.",
    "x = 'a\\'b' + y.",
    "r'\\\\' + y.",
    "# a comment\nx.",
    "x = 1 # 'a\ny.",
    "'unclosed\nx.",
    "f'{x.",
    "f'{{literal}} {x.",
    "f'{x:>{width.",
    'f\'{x:>3} {f"{y}"} {z.',
    "f'{x}' + y.",
    "{1: 2, 'a': b.",
    "(x\n    .",
    "x \\\n    .",
    "x .",
    "None.",
    "x1.",
    "import os.",
    "return self.",
    "y = self.",
    "f(self.",
    "é.",
    "defer.",
    "lambda: x.",
    "d[a:b.",
]
SILENT = [
    "",
    ".",
    "..",
    "x..",
    "1.",
    "10_0.",
    "x = 1.",
    "1.5.",
    "def f.",
    "class A.",
    "from .",
    "from ..",
    "return .",
    "x\n.",
    "'a.",
    '"""Text.',
    "'''a\nb.",
    "# a.",
    "x = 1  # a.",
    "f'a.",
    "f'{{x.",
    "f'{x:.",
    "f'{x:>{width}.",
    "rb'a.",
    "self.",
    "def f(self):\n    self.",
    "x = 1; self.",
    "cls.",
]


@pytest.mark.parametrize("text", ASKS)
def test_a_dot_behind_an_object_asks(text):
    assert is_dereference(text)


@pytest.mark.parametrize("text", SILENT)
def test_other_dots_do_not(text):
    assert not is_dereference(text)


def test_text_without_a_dot_does_not_ask():
    assert not is_dereference("x")


def test_attributes_of_ones_own():
    assert [is_dereference(text, own=False) for text in ("return self.", "f(cls.", "self.x.", "x.self.", "myself.")] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_every_beginning_of_real_code_can_be_read():
    """Against Python's own tokenizer: at a token's end the place is code, and within a string or comment it is not."""
    import io
    import textwrap
    import tokenize

    text = textwrap.__loader__.get_source("textwrap")
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    checked = 0
    for token in list(tokenize.generate_tokens(io.StringIO(text).readline))[::7]:
        start, end = (starts[line - 1] + column for line, column in (token.start, token.end))
        if token.type in (tokenize.STRING, tokenize.COMMENT) and end - start > 1:
            assert not lexical_context(text[: end - 1]).is_code, token
        elif token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.OP):
            assert lexical_context(text[:end]).is_code, token
            checked += 1
    assert checked > 100
