"""A grammar in Lark's syntax, read as far as needed to find what the engine would take in another sense than Lark.

llguidance parses the grammar itself and names what it does not know. Silently it would read lazy quantifiers as greedy ones, `[a[b]]` as a
set of characters, leave out anchors, skip ignored terminals between others only, and begin words that never end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from foretell.rules.grammars.grammar_state import GrammarError
from foretell.rules.grammars.lark_words import check_words_end

_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|\#[^\n]*)|(?P<space>[ \t\r\f]+|\\\n)|(?P<newline>\n)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*"i?)|(?P<regexp>/(?![/*])(?:\\.|[^/\\\n])*/[imslux]*)|(?P<special><[^<>\s]+>)'
    r"|(?P<block>%(?:json|regex|lark)\s*(?=\{))|(?P<directive>%[a-z_]+)|(?P<name>[A-Za-z_]\w*)|(?P<number>-?\d\w*)|(?P<operator>->|\.\.|.)"
)
#: The deepest nesting of groups; the engine's own limit is lower.
_MAX_NESTING = 60
#: The most alternatives. The engine follows all of them at once where one rule leads to all, within `MAX_ITEMS`.
MAX_ALTERNATIVES = 20_000
_QUANTIFIER = r"(?:[*+?]|\{\d+(?:,\d*)?\})"
#: Parts of a regular expression: an escaped character, a class, a group's opening, a lazy quantifier, an anchor, the rest.
_REGEXP_PART = re.compile(
    rf"\\.|(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<group>\(\?(?:[a-zA-Z-]*:|P?<\w+>)?)|(?P<lazy>{_QUANTIFIER}\?)|{_QUANTIFIER}|(?P<anchor>[\^$])|.",
    re.S,
)


#: What the engine takes for sets within or between classes, where Lark takes characters.
_SET = re.compile(r"\\.|(?P<set>(?<!^)\[|&&|--|~~)", re.S)


@dataclass(frozen=True)
class LarkToken:
    """A token of the source. kind: a group of the tokenizer. start, end: its place in characters."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class LarkStatement:
    """A rule, a terminal or a directive. name: of the rule or terminal, or the directive ("%ignore"). body: what follows the colon or
    directive, without newlines."""

    name: str
    body: list[LarkToken]


def prepared_grammar(source: str) -> str:
    """The grammar as the engine must be given it to be read as Lark reads it: ignored terminals may stand at both ends too.

    GrammarError, with the remedy, for lazy quantifiers, anchors and rules without a finite word.
    """
    tokens = list(_tokens(source))
    for token in tokens:
        if token.kind == "regexp":
            _check_regexp(token.text)
    num_alternatives = sum(token.text == "|" for token in tokens)
    if num_alternatives > MAX_ALTERNATIVES:
        raise GrammarError(f"it has {num_alternatives} alternatives, and the limit is {MAX_ALTERNATIVES}; use `Choices` for lists of texts")
    statements = _statements([token for token in tokens if token.kind not in ("comment", "space")])
    if not any(statement.name == "start" for statement in statements):
        raise GrammarError("it has no rule named `start`; add one, as in `start: item+`")
    check_words_end({each.name: [(token.kind, token.text) for token in each.body] for each in statements if each.name[0] != "%"})
    ignored = [source[each.body[0].start : each.body[-1].end] for each in statements if each.name == "%ignore" and each.body]
    return _with_ignored_ends(source, tokens, ignored) if ignored else source


def _tokens(source: str) -> Iterator[LarkToken]:
    at, depth = 0, 0
    while match := _TOKEN.match(source, at):
        kind, end = match.lastgroup or "", match.end()
        if kind == "block":
            end = _end_of_block(source, end)
        depth += (match[0] in "([{") - (match[0] in ")]}") if kind == "operator" else 0
        if depth > _MAX_NESTING:
            raise GrammarError(f"line {source.count(chr(10), 0, at) + 1}: groups are nested deeper than {_MAX_NESTING}; name inner ones")
        yield LarkToken(kind, source[at:end], at, end)
        at = end


def _end_of_block(source: str, at: int) -> int:
    """The end of the braces that open at `at`, in which strings may hold braces."""
    try:
        return json.JSONDecoder().raw_decode(source, at)[1]
    except (ValueError, RecursionError):  # of `%lark`, or something that the engine refuses
        depth = 0
        for match in re.compile(r'"(?:\\.|[^"\\])*"|[{}]').finditer(source, at):
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            if depth == 0:
                return match.end()
    return len(source)


def _check_regexp(literal: str) -> None:
    """GrammarError for what the engine leaves out of a regular expression."""
    pattern = literal[1 : literal.rindex("/")]
    for part in _REGEXP_PART.finditer(pattern):
        if part.lastgroup == "lazy":
            raise GrammarError(
                f"{literal[:80]}: the lazy quantifier {part[0]!r} is not supported; say what is repeated (/a[^b]*b/ for /a.*?b/), or give "
                "the expression a rule of its own that ends at its first match: `name[lazy]: /a.*b/`"
            )
        if part.lastgroup == "class":
            found = next((each["set"] for each in _SET.finditer(part[0]) if each["set"]), None)
            if found:
                raise GrammarError(f"{literal[:80]}: {found!r} in the class {part[0]} is ambiguous; put a backslash before it")
        if part.lastgroup == "anchor":
            raise GrammarError(f"{literal[:80]}: the anchor {part[0]!r} is not supported; a terminal matches as a whole, so remove it")


def _statements(tokens: list[LarkToken]) -> list[LarkStatement]:
    """The rules, terminals and directives. Each begins a line."""
    firsts = [i for i, token in enumerate(tokens) if (i == 0 or tokens[i - 1].kind == "newline") and token.kind != "newline"]
    starts = [(i, *header) for i in firsts if (header := _header(tokens, i))]
    ends = [i for i, _, _ in starts[1:]] + [len(tokens)]
    statements = []
    for (_, name, begin), end in zip(starts, ends):
        body = [token for token in tokens[begin:end] if token.kind != "newline"]
        if name[0] == "%":  # a directive ends with its line
            line = next((i for i in range(begin, end) if tokens[i].kind == "newline"), end)
            body = tokens[begin:line]
        statements.append(LarkStatement(name, body))
    return statements


def _header(tokens: list[LarkToken], at: int) -> tuple[str, int] | None:
    """(name, place of the body) of a statement that begins at token `at`; None if it is the next line of one."""
    if tokens[at].kind == "directive":
        return tokens[at].text, at + 1
    while at < len(tokens) and tokens[at].text in ("?", "!"):
        at += 1
    if at == len(tokens) or tokens[at].kind != "name":
        return None
    colon = next((i for i in range(at + 1, len(tokens)) if tokens[i].kind == "newline" or tokens[i].text == ":"), len(tokens))
    if colon == len(tokens) or tokens[colon].text != ":":
        return None
    attributes = [token.text for token in tokens[at + 1 : colon]]
    if "temperature" in attributes:
        raise GrammarError(f"{tokens[at].text}[temperature=...]: a grammar sets no temperature; pass it to the sampler")
    if attributes[:1] == ["."]:
        raise GrammarError(f"{tokens[at].text}{''.join(attributes)}: priorities are not supported; remove it")
    while colon < len(tokens) and tokens[colon].text in (":", "_"):  # llguidance writes `name::_:` for a rule with a parameter
        colon += 1
    return tokens[at].text, colon


def _with_ignored_ends(source: str, tokens: list[LarkToken], ignored: list[str]) -> str:
    """The grammar with ignored terminals at both ends: its `start` gets another name."""
    start = _fresh("start", source)
    pieces, at = [], 0
    for before, token in pairwise([LarkToken("newline", "", 0, 0), *tokens]):
        if token.kind == "name" and token.text == "start" and before.text != ".":
            pieces += [source[at : token.start], start]
            at = token.end
    names = [_fresh(f"IGNORED_{i}", source) for i in range(len(ignored))]
    rule = _fresh("ignored", source)
    terminals = [f"{name}: {text}" for name, text in zip(names, ignored)]
    more = [f"start: {rule}* {start} {rule}*", f"{rule}: {' | '.join(names)}", *terminals]
    return "\n".join(["".join(pieces) + source[at:], *more])


def _fresh(name: str, source: str) -> str:
    """A name that the source does not have."""
    while re.search(rf"\b{name}\b", source):
        name += "_0"
    return name
