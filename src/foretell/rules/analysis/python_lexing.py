"""The lexical context at the end of incomplete Python text: in code, a string or a comment, and in which brackets."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

_CODE = re.compile(r"""\#[^\n]*|(?P<prefix>(?<!\w)[A-Za-z]{1,2})?(?P<quote>'''|\"\"\"|'|")|[()\[\]{}:]""")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
#: White space within a statement, outside and inside of brackets.
_SPACE, _SPACE_IN_BRACKETS = re.compile(r"(?:[ \t\f]|\\\n)*\Z"), re.compile(r"(?:\s|\\\n)*\Z")
_WORD = re.compile(r"(?:\b(?P<definition>def|class)\s+)?\b(?P<word>\w+)\Z")
#: Keywords that are not objects.
_OPERATORS = frozenset(keyword.kwlist) - {"None", "True", "False"}
#: Attributes of the object whose class the text may define; and such an attribute at the beginning of a statement, which may create it.
_OWN = re.compile(r"(?<![\w.])(?:self|cls)\.\Z")
_CREATED = re.compile(r"(?:\A|[\n;])[ \t]*(?:self|cls)\.\Z")


@dataclass(frozen=True)
class _Quotes:
    """An open string. end: its closing quotes. pattern: the next place to look at in it."""

    end: str
    pattern: re.Pattern[str]


def _string(prefix: str, quote: str) -> _Quotes:
    ends = rf"{quote}|\n" if len(quote) == 1 else quote  # a single-quoted string that is not closed ends with its line
    fields = r"\{\{|\{|" if set(prefix.lower()) & {"f", "t"} else ""
    return _Quotes(quote, re.compile(rf"\\.|{fields}{ends}", re.DOTALL))


#: The part after the colon of an f-string's field, which is like a string that ends with `}`.
_FORMAT_SPEC = _Quotes("}", re.compile(r"\{|\}"))


@dataclass(frozen=True)
class LexicalContext:
    """Where a text ends. is_code: in code, not in a string or comment. enclosing: the open brackets and strings, the outermost first."""

    is_code: bool
    enclosing: tuple[str | _Quotes, ...]


def lexical_context(text: str) -> LexicalContext:
    """The lexical context at the end of `text`.

    >>> lexical_context("f(x[0], '").is_code, lexical_context("f(x[0], ").enclosing, lexical_context("f'{x").is_code
    (False, ('(',), True)
    """
    stack: list[str | _Quotes] = []
    at = 0
    while True:
        inside = stack[-1] if stack else ""
        match = inside.pattern.search(text, at) if isinstance(inside, _Quotes) else _CODE.search(text, at)
        if match is None:
            return LexicalContext(not isinstance(inside, _Quotes), tuple(stack))
        mark, at = match.group(), match.end()
        if isinstance(inside, _Quotes):
            if mark == "{":
                stack.append("{")
            elif mark in (inside.end, "\n"):
                stack.pop()
                if inside is _FORMAT_SPEC:
                    stack.pop()  # and the bracket of the field
        elif match["quote"]:
            stack.append(_string(match["prefix"] or "", match["quote"]))
        elif mark[0] == "#":
            if at == len(text):
                return LexicalContext(False, tuple(stack))
        elif mark == ":":
            if inside == "{" and len(stack) > 1 and isinstance(stack[-2], _Quotes):
                stack.append(_FORMAT_SPEC)
        elif mark in _CLOSING:
            stack.append(mark)
        elif isinstance(inside, str) and inside and mark == _CLOSING[inside]:
            stack.pop()


def is_dereference(text: str, own: bool = True) -> bool:
    """Whether the dot at the end of `text` follows an object in code, so that an existing attribute must come next.

    False in strings, comments, numbers and relative imports, and for `self.` at the beginning of a statement, which may create an
    attribute. own: whether other uses of `self.` and `cls.` count.

    >>> [is_dereference(text) for text in ("x.", "f(x).", "1.", "# x.", "from .", "..")]
    [True, True, False, False, False, False]
    """
    context = lexical_context(text[:-1])
    if not context.is_code or not text.endswith("."):
        return False
    space = _SPACE_IN_BRACKETS if context.enclosing else _SPACE
    match = space.search(text[:-1])
    head = text[: match.start()] if match else text[:-1]
    if head.endswith((")", "]", "}", "'", '"')):
        return True
    match = _WORD.search(head)
    if match is None or match["definition"] or match["word"][0].isdigit() or match["word"] in _OPERATORS:
        return False
    return (own or _OWN.search(text) is None) and (bool(context.enclosing) or _CREATED.search(text) is None)
