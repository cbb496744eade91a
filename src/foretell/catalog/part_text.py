"""Parts as short text, and back: `prompt-lookup(num_tokens=5) > token-recycling`, `MLP(widths=(64, 64))`.

A part is its name, and in parentheses its options, which are Python literals or parts. Symbols join drafters: `+` is interpolation and
binds closest, then come `|`, union, `^`, choice, `>`, fallback, and `>>`, continuation. They join constraints as in Python: `+`, then
`&`, then `|`. Parentheses group.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from foretell.catalog import DECODING, Entry, entries, find, name_of
from foretell.catalog.renamed import present_option
from foretell.errors import UserError
from foretell.parts import Part, UnknownNameError, nearest

#: What joins parts of a kind, from what binds closest.
SYMBOLS = {"drafter": ("+", "|", "^", ">", ">>"), "constraint": ("+", "&", "|")}
#: The most levels of parentheses, or of values in values.
DEEPEST = 50
_EXAMPLE = "prompt-lookup > token-recycling, exact, pace=never-slower"


class RecipeSyntaxError(UserError):
    """The short text of a recipe or a part does not parse; the message points at the place."""


def describe(part: Part, nested: bool = False) -> str:
    """Short text that parses back to the part. nested: within another part's text, so that joined parts need parentheses."""
    symbol = getattr(part, "symbol", "")
    if symbol:
        [field] = dataclasses.fields(part)  # type: ignore[arg-type]
        text = f" {symbol} ".join(describe(each, nested=True) for each in getattr(part, field.name))
        return f"({text})" if nested else text
    options = []
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if value != field.default:
            shown = getattr(value, "fingerprint", None) or value
            options.append(f"{field.name}={shown!r}")
    name = name_of(type(part))
    return f"{name}({', '.join(options)})" if options else name


def parse_part(text: str, kind: str) -> Any:
    """One part of a kind from its short text, the inverse of `describe`.

    >>> parse_part("superposed(k=5)", "search").k
    5
    """
    reader = PartReader(text)
    part = reader.joined(kind)
    reader.end(example=name_of(type(part)))
    return part


def read_value(text: str, kind: str) -> Any:
    """What a setting's text stands for: a Python literal, a part of a kind by its name or class name with or without options, or else
    the text itself.

    >>> read_value("(1, 2)", "component"), read_value("gelu", "component")
    ((1, 2), 'gelu')
    """
    node = _parsed(text.strip())
    hyphenated = re.fullmatch(r"[A-Za-z][\w-]*", text.strip())
    if hyphenated:
        try:
            return make(find(text.strip(), kind))
        except UnknownNameError:
            pass
    if node is None or isinstance(node, ast.Name):
        return text
    try:
        return _value(node, kind)
    except UserError:
        raise
    except (ValueError, TypeError):
        if isinstance(node, ast.Call):
            raise UserError(f"{text!r} cannot be read; write for example MLP(widths=(64, 64))") from None
        return text


def _parsed(text: str) -> ast.expr | None:
    """The expression that Python reads in a text, None where it reads none, or one with more than `DEEPEST` levels."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # NUL characters are a ValueError, too deep a nesting the last two
        return None
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in ast.iter_child_nodes(each)]
    return None if level else tree


def make(entry: Entry, args: Sequence[Any] = (), options: Mapping[str, Any] | None = None) -> Any:
    """The part with these options, of which some may have the name of an earlier version. Raises UnknownNameError for an option that
    the part does not have, TypeError for too many, too few or one given twice."""
    cls = entry.load()
    given: dict[str, Any] = {}
    for option, value in (options or {}).items():
        name = present_option(entry.class_name, option)
        if name in given:
            raise TypeError(f"got multiple values for argument {name!r}")
        given[name] = value
    if not issubclass(cls, Part):  # parts refuse unknown options themselves
        known = inspect.signature(cls).parameters
        for option in given:
            if option not in known:
                raise UnknownNameError(f"{cls.__name__} has no option {option!r}: {nearest(option, known)}")
    return cls(*args, **given)


def setting_of(owner: Any, name: str) -> Any:
    """The value of a setting; where it is None and the owner makes a component in its place (`_target()` for `target`), that one."""
    value, default = getattr(owner, name), getattr(owner, f"_{name}", None)
    return default() if value is None and callable(default) and not inspect.signature(default).parameters else value


def _value(node: ast.expr, *kinds: str) -> Any:
    """A Python literal, `inf`, which is how Python writes it, or a part of these kinds as its repr has it. ValueError for anything
    else."""
    if isinstance(node, ast.Name) and node.id == "inf":
        return float("inf")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return make(find(node.func.id, *kinds), *_arguments(node, *kinds))
    if isinstance(node, ast.Tuple | ast.List):
        return (tuple if isinstance(node, ast.Tuple) else list)(_value(each, *kinds) for each in node.elts)
    return ast.literal_eval(node)


def _arguments(call: ast.Call, *kinds: str) -> tuple[list[Any], dict[str, Any]]:
    """(positional, by name) of a call's arguments."""
    return [_value(arg, *kinds) for arg in call.args], {str(keyword.arg): _value(keyword.value, *kinds) for keyword in call.keywords}


def _wrong_options(entry: Entry, args: Sequence[Any], options: Mapping[str, Any], error: TypeError) -> tuple[str, str]:
    """What is wrong with options that a part refuses, in the words of a recipe: a missing one, too many values, or one given twice; and
    how to write them."""
    names = [name for name, _, _ in entry.options]
    missing = [name for name, _, default in entry.options[len(args) :] if default is None and name not in options]
    twice = [name for name in names[: len(args)] if name in options] or re.findall(r"multiple values for argument '(\w+)'", str(error))
    example = f"{entry.name}({', '.join(f'{name}=...' for name in missing or twice or names[:1])})" if names else entry.name
    if len(args) > len(names):
        return f"more values than its options, which are {', '.join(names) or 'none'}", example
    if twice:
        return f"{twice[0]} is given twice", example
    return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing" if missing else str(error), example


class PartReader:
    """Recursive descent over short text; `place` is where it has come to, `depth` how many parentheses are open."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.depth = text, 0, 0

    def joined(self, kind: str) -> Any:
        """A part of a kind, or parts joined by symbols: chains of what binds closest, within chains of what binds less."""
        operand: Callable[[], Any] = partial(self._operand, kind)
        for symbol in SYMBOLS.get(kind, ()):
            operand = partial(self._chain, kind, symbol, operand)
        return operand()

    def _chain(self, kind: str, symbol: str, operand: Callable[[], Any]) -> Any:
        parts = [operand()]
        while self.match(re.escape(symbol) + r"(?!>)"):  # `>` is no half of `>>`
            parts.append(operand())
        if len(parts) == 1:
            return parts[0]
        [composite] = [entry for entry in entries(kind) if entry.symbol == symbol]
        return composite.load()(tuple(parts))

    def _operand(self, kind: str) -> Any:
        if kind in SYMBOLS and self.match(r"\("):
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.error(f"more than {DEEPEST} parentheses inside each other")
            inner = self.joined(kind)
            if not self.match(r"\)"):
                raise self.error("a missing ')'")
            self.depth -= 1
            return inner
        return self.part(kind)[1]

    def part(self, kind: str | None) -> tuple[str, Any]:
        """(kind, part) of one name with its options; of any kind that recipes and requests name where none is given."""
        name = self.match(r"[A-Za-z][A-Za-z0-9_-]*")
        if not name:
            raise self.error(f"no {kind or 'part'} name")
        entry = find(name.group(), *([kind] if kind else DECODING))
        args, options = self._options() if self.match(r"\(") else ([], {})
        try:
            return entry.kind, make(entry, args, options)
        except TypeError as error:
            what, example = _wrong_options(entry, args, options, error)
            raise self.error(f"wrong options for {entry.name} ({what})", example) from error

    def _options(self) -> tuple[list[Any], dict[str, Any]]:
        """Values up to the matching parenthesis."""
        start = self.place
        for end in (match.end() for match in re.finditer(r"\)", self.text[start:])):
            call = _parsed(f"f({self.text[start : start + end - 1]})")
            if call is None:
                continue
            self.place = start + end
            self.match("")
            try:
                assert isinstance(call, ast.Call)
                return _arguments(call, *DECODING)
            except UserError:
                raise
            except ValueError:
                self.place = start
                raise self.error("an option that is not a plain value (texts need quotes)", "stand(table='words.npz')") from None
        rest = self.text[start:]
        if rest.count(")") > rest.count("("):  # closed, but not what Python reads
            raise self.error("options that cannot be read (texts need quotes)", "stand(table='words.npz')")
        raise self.error("a missing ')'")

    def match(self, pattern: str) -> re.Match[str] | None:
        """Step over the pattern, and the white space around it, where it comes next."""
        match = re.compile(rf"\s*(?:{pattern})\s*").match(self.text, self.place)
        if match:
            self.place = match.end()
            return re.compile(pattern).match(match.group().strip()) or match
        return None

    def end(self, example: str = _EXAMPLE) -> None:
        """Refuse what is left."""
        if self.place < len(self.text):
            raise self.error("text that does not belong here", example)

    def error(self, what: str, example: str = _EXAMPLE) -> RecipeSyntaxError:
        """The error to raise, pointing at the place."""
        return RecipeSyntaxError(f"recipe {self.text!r} has {what} at column {self.place + 1}; write for example {example!r}")
