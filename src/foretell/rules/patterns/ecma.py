"""Patterns as ECMA 262 defines them with the flag `u`, which JSON Schema recommends.

Without that flag a few more texts are patterns, and validators take them: a lone `]`, `{` or `}` and escaped punctuation stand for
themselves here too, and `(?i)` may begin a pattern. Escapes that are letters and mean something else elsewhere (`\\A`, `\\z`, `\\h`) are
refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

from foretell.rules.patterns.char_set import ANY, LINE_END, CharSet, complement, folded
from foretell.rules.patterns.ecma_chars import CharReader, PatternError, one
from foretell.rules.patterns.syntax import Chars, Choice, Edge, Group, Look, Node, Reference, Repeat, Sequence

#: The deepest nesting of groups, and the longest pattern in characters.
_MAX_DEPTH, _MAX_LENGTH = 80, 200_000
#: The largest count of a quantifier, and the most groups and quantifiers.
_MAX_TIMES, _MAX_OPERATORS = 100_000, 10_000
_QUANTIFIER = re.compile(r"(?:([*+?])|\{([0-9]+)(?:(,)([0-9]*))?\})(\??)")
_GROUP = re.compile(r"\((?:\?(?:(?P<look>=|!|<=|<!)|(?P<plain>:)|<(?P<name>[A-Za-z_$][\w$]*)>|(?P<flags>[a-z]*(?:-[a-z]+)?):)|(?!\?))")
_LOOKS = {"=": (True, True), "!": (True, False), "<=": (False, True), "<!": (False, False)}


@lru_cache(4096)
def parsed(pattern: str) -> Node:
    """The tree of a pattern. PatternError, with the place, for what is no pattern."""
    if len(pattern) > _MAX_LENGTH:
        raise PatternError(f"pattern={pattern[:60]!r}... has {len(pattern)} characters, more than {_MAX_LENGTH}; use a shorter one")
    return _Parser(pattern).parse()


class _Parser(CharReader):
    """Reads one pattern. names: of the groups, in order; None for one without a name."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.depth, self.num_groups, self.num_operators = 0, 0, 0
        self.any_dot = False
        self.names: list[str | None] = []
        self.open_groups: list[int] = []
        escaped = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", lambda match: "." * len(match.group()), pattern, flags=re.DOTALL)
        for match in _GROUP.finditer(escaped):
            if match["look"] is None and match["plain"] is None and match["flags"] is None:
                self.names.append(match["name"])

    def parse(self) -> Node:
        if self.pattern.startswith("(?i)"):
            self.at, self.ignores_case = 4, True
        node = self.choice()
        if self.at < len(self.pattern):
            raise self.error("has a ) without a (")
        return node

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.takes("|"):
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self.repeated(self.term()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, node: Node) -> Node:
        start = self.at
        match = self.match(_QUANTIFIER)
        if match is None:
            return node
        self.count_operator()
        if isinstance(node, Edge) or (isinstance(node, Look) and not node.ahead):
            self.at = start
            raise self.error("repeats what has no length")
        low, high = {"*": (0, None), "+": (1, None), "?": (0, 1), None: (0, None)}[match[1]]
        if match[2]:
            low = int(match[2])
            high = low if match[3] is None else int(match[4]) if match[4] else None
        if max(low, high or 0) > _MAX_TIMES or (high is not None and high < low):
            raise self.error("repeats too often, or counts down")
        if _QUANTIFIER.match(self.pattern, self.at):
            raise self.error("has nothing to repeat")
        return Repeat(node, low, high)

    def count_operator(self) -> None:
        """Count a group or quantifier. PatternError beyond the most."""
        self.num_operators += 1
        if self.num_operators > _MAX_OPERATORS:
            raise self.error(f"has more than {_MAX_OPERATORS} groups and quantifiers")

    def term(self) -> Node:
        char = self.pattern[self.at]
        if char == "(":
            return self.group()
        if char == "[":
            return self.chars(self.char_class())
        if char == "\\":
            return self.escape()
        if char in "*+?" or (char == "{" and _QUANTIFIER.match(self.pattern, self.at)):
            raise self.error("has nothing to repeat")
        self.at += 1
        if char in "^$":
            return Edge(char)
        return Chars(ANY if self.any_dot else complement(LINE_END)) if char == "." else self.chars(one(ord(char)))

    def chars(self, chars: CharSet) -> Chars:
        return Chars(folded(chars) if self.ignores_case else chars)

    def group(self) -> Node:
        match = self.match(_GROUP)
        if match is None or set(match["flags"] or "") - set("is-"):
            raise self.error("has a group that is not supported; groups are (...), (?:...), (?<name>...), (?is:...) and look-around")
        self.count_operator()
        is_group = match["look"] is None and match["plain"] is None and match["flags"] is None
        self.num_groups += is_group
        number, before = self.num_groups, (self.ignores_case, self.any_dot)
        on, _, off = (match["flags"] or "").partition("-")
        self.ignores_case = ("i" in on or self.ignores_case) and "i" not in off
        self.any_dot = ("s" in on or self.any_dot) and "s" not in off
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(f"nests groups deeper than {_MAX_DEPTH}")
        if is_group:
            self.open_groups.append(number)
        node = self.choice()
        if not self.takes(")"):
            raise self.error("lacks a )")
        if is_group:
            self.open_groups.pop()
        self.depth -= 1
        self.ignores_case, self.any_dot = before
        return Look(node, *_LOOKS[match["look"]]) if match["look"] else Group(node, number) if is_group else node

    def reference(self, number: int) -> Node:
        """A reference to a group; within the group itself it has matched nothing yet, and is the empty text."""
        return Sequence(()) if number in self.open_groups else Reference(number)

    def escape(self) -> Node:
        self.at += 1
        if self.takes("b"):
            return Edge("b")
        if self.takes("B"):
            return Edge("B")
        number = self.match(re.compile(r"[1-9][0-9]*"))
        name = None if number else self.match(re.compile(r"k<([^>]*)>"))
        if number and int(number.group()) <= len(self.names):
            return self.reference(int(number.group()))
        if name and name[1] in self.names:
            return self.reference(self.names.index(name[1]) + 1)
        if number or name:
            raise self.error("refers to a group that it does not have")
        return self.chars(self.escaped_chars())
