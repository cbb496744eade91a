"""Parts as short text: `prompt-lookup(num_tokens=5) > token-recycling`, and back.

`+` is interpolation and binds closest, then come `|`, union, `^`, choice, `>`, fallback, and `>>`, continuation; parentheses
group. Options are Python literals.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from foretell.decoding.drafter import Drafter
from foretell.decoding.drafters.chooser import Chooser
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.interpolation import Interpolation
from foretell.decoding.drafters.then import Then
from foretell.decoding.drafters.union import Union
from foretell.decoding.registry import find, name_of
from foretell.decoding.sampler import Sampler
from foretell.errors import UserError
from foretell.parts import Part, UnknownNameError

#: What joins drafters, from what binds closest.
_BINDING: tuple[type[Composite], ...] = (Interpolation, Union, Chooser, Fallback, Then)
_EXAMPLE = "prompt-lookup > token-recycling, exact, pace=never-slower"


class RecipeSyntaxError(UserError):
    """The short text of a recipe or a part does not parse; the message points at the place."""


def describe(part: Part, nested: bool = False) -> str:
    """Short text that parses back to the part."""
    if isinstance(part, Composite):
        text = f" {part.symbol} ".join(describe(drafter, nested=True) for drafter in part.drafters)
        return f"({text})" if nested else text
    if isinstance(part, Sampler):
        return ", ".join([*(describe(step) for step in part.steps), *(["greedy"] if part.greedy else [])]) or "softmax"
    options = []
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if value != field.default:
            shown = getattr(value, "fingerprint", None) or value
            options.append(f"{field.name}={shown!r}")
    name = name_of(type(part))
    return f"{name}({', '.join(options)})" if options else name


def parse_part(text: str, kind: str) -> Any:
    """One part of a kind from its short text, the inverse of `describe`; also of kinds that no recipe holds.

    >>> parse_part("superposed(k=5)", "search").k
    5
    """
    reader = PartReader(text)
    part = reader.part(kind)[1]
    reader.end(example=name_of(type(part)))
    return part


def _value(node: ast.expr) -> Any:
    """A Python literal, `inf`, which is how Python writes it, or a part as its repr has it. ValueError for anything else."""
    if isinstance(node, ast.Name) and node.id == "inf":
        return float("inf")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        cls = find(name_of(type(node.func.id, (), {})))[1]
        return cls(*map(_value, node.args), **{str(keyword.arg): _value(keyword.value) for keyword in node.keywords})
    if isinstance(node, ast.Tuple | ast.List):
        return type(ast.literal_eval(type(node)(elts=[], ctx=ast.Load())))(map(_value, node.elts))
    return ast.literal_eval(node)


class PartReader:
    """Recursive descent over short text; `place` is where it has come to."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def drafter(self) -> Drafter:
        """A drafter, or drafters joined by symbols: chains of what binds closest, within chains of what binds less."""
        operand = self._operand
        for composite in _BINDING:
            operand = partial(self._chain, composite, operand)
        return operand()

    def _chain(self, composite: type[Composite], operand: Callable[[], Drafter]) -> Drafter:
        parts = [operand()]
        while self.match(re.escape(composite.symbol) + r"(?!>)"):  # `>` is no half of `>>`
            parts.append(operand())
        return parts[0] if len(parts) == 1 else composite(tuple(parts))

    def _operand(self) -> Drafter:
        if self.match(r"\("):
            inner = self.drafter()
            if not self.match(r"\)"):
                raise self.error("a missing ')'")
            return inner
        return self.part("drafter")[1]

    def part(self, kind: str | None) -> tuple[str, Any]:
        """(kind, part) of one name with its options."""
        name = self.match(r"[A-Za-z][A-Za-z0-9-]*")
        if not name:
            raise self.error(f"no {kind or 'part'} name")
        kind, cls = find(name.group(), kind)
        args, options = self._options() if self.match(r"\(") else ([], {})
        try:
            return kind, cls(*args, **options)
        except TypeError as error:  # too many values, one given twice, or one missing
            raise self.error(f"wrong options for {name.group()} ({str(error).removeprefix(f'{cls.__name__}.')})") from error

    def _options(self) -> tuple[list[Any], dict[str, Any]]:
        """Python literals up to the matching parenthesis."""
        start = self.place
        for end in (match.end() for match in re.finditer(r"\)", self.text[start:])):
            try:
                call = ast.parse(f"f({self.text[start : start + end - 1]})", mode="eval").body
            except SyntaxError:
                continue
            self.place = start + end
            self.match("")
            try:
                assert isinstance(call, ast.Call)
                return [_value(arg) for arg in call.args], {str(keyword.arg): _value(keyword.value) for keyword in call.keywords}
            except UnknownNameError:
                raise
            except ValueError:
                self.place = start
                raise self.error("an option that is not a plain value") from None
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
