"""Where a half-written Python text stands: in code, or in a string or comment, and in which brackets."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

_CODE = re.compile(r"""\#[^\n]*|(?P<prefix>(?<!\w)[A-Za-z]{1,2})?(?P<quote>'''|\"\"\"|'|")|[()\[\]{}:]""")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
#: White space, and line ends where the statement goes on behind them.
_GAP, _GAP_IN_BRACKETS = re.compile(r"(?:[ \t\f]|\\\n)*\Z"), re.compile(r"(?:\s|\\\n)*\Z")
_WORD = re.compile(r"(?:\b(?P<new>def|class)\s+)?\b(?P<word>\w+)\Z")
#: Words that no object is called by.
_OPERATORS = frozenset(keyword.kwlist) - {"None", "True", "False"}
#: Attributes of the object whose class the text may be defining; at the beginning of a statement, which may make a new one.
_OWN = re.compile(r"(?<![\w.])(?:self|cls)\.\Z")
_MADE = re.compile(r"(?:\A|[\n;])[ \t]*(?:self|cls)\.\Z")


@dataclass(frozen=True)
class _Quotes:
    """An open string; `format_spec`: the part after the colon of an f-string's field, which ends like a string of `}`."""

    end: str
    pattern: re.Pattern[str]


def _string(prefix: str, quote: str) -> _Quotes:
    ends = rf"{quote}|\n" if len(quote) == 1 else quote  # a string in single quotes that nobody closed ends with its line
    fields = r"\{\{|\{|" if set(prefix.lower()) & {"f", "t"} else ""
    return _Quotes(quote, re.compile(rf"\\.|{fields}{ends}", re.DOTALL))


_FORMAT_SPEC = _Quotes("}", re.compile(r"\{|\}"))


@dataclass(frozen=True)
class Place:
    """code: whether the text ends in code. open: brackets and strings that are still open, the outermost first."""

    code: bool
    open: tuple[str | _Quotes, ...]


def place(text: str) -> Place:
    """Where `text` ends.

    >>> place("f(x[0], '").code, place("f(x[0], ").open, place("f'{x").code
    (False, ('(',), True)
    """
    stack: list[str | _Quotes] = []
    at = 0
    while True:
        inside = stack[-1] if stack else ""
        match = inside.pattern.search(text, at) if isinstance(inside, _Quotes) else _CODE.search(text, at)
        if match is None:
            return Place(not isinstance(inside, _Quotes), tuple(stack))
        found, at = match.group(), match.end()
        if isinstance(inside, _Quotes):
            if found == "{":
                stack.append("{")
            elif found in (inside.end, "\n"):
                stack.pop()
                if inside is _FORMAT_SPEC:
                    stack.pop()  # and the field's own bracket
        elif match["quote"]:
            stack.append(_string(match["prefix"] or "", match["quote"]))
        elif found[0] == "#":
            if at == len(text):
                return Place(False, tuple(stack))
        elif found == ":":
            if inside == "{" and len(stack) > 1 and isinstance(stack[-2], _Quotes):
                stack.append(_FORMAT_SPEC)
        elif found in _CLOSING:
            stack.append(found)
        elif isinstance(inside, str) and inside and found == _CLOSING[inside]:
            stack.pop()


def dereferences(text: str, own: bool = True) -> bool:
    """Whether the dot that ends `text` follows an object in code, and what comes after it must be there already.

    Not so in strings, comments, numbers and relative imports, nor where a statement begins with `self.`, since it may give the
    object a new attribute. own: whether it is so behind another `self.` or `cls.`.

    >>> dereferences("x."), dereferences("f(x)."), dereferences("1."), dereferences("# x."), dereferences("from ."), dereferences("..")
    (True, True, False, False, False, False)
    """
    here = place(text[:-1])
    if not here.code or not text.endswith("."):
        return False
    gap = _GAP_IN_BRACKETS if here.open else _GAP
    match = gap.search(text[:-1])
    head = text[: match.start()] if match else text[:-1]
    if head.endswith((")", "]", "}", "'", '"')):
        return True
    match = _WORD.search(head)
    if match is None or match["new"] or match["word"][0].isdigit() or match["word"] in _OPERATORS:
        return False
    return (own or _OWN.search(text) is None) and (bool(here.open) or _MADE.search(text) is None)
