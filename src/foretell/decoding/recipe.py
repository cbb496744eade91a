"""A recipe: who drafts, who decides, how much, and (optionally) how logits become a token, as one value.

Short text: drafter first, then other parts, separated by commas:

    prompt-lookup > token-recycling, exact, pace=never-slower
    draft-model(model="path", branching=(2, 1)) | prompt-lookup(num_tokens=5), pace=4
    token-recycling, temperature(0.7), top-k(8)

`+` is interpolation and binds closest, then come `|`, union, `^`, choice, and `>`, fallback; parentheses group. `pace=4` is short for
`pace=fixed(4)`.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from foretell.decoding.drafters.base import Drafter
from foretell.decoding.drafters.chooser import Chooser
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.interpolation import Interpolation
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.drafters.union import Union
from foretell.decoding.paces.base import Pace
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.registry import find, name_of
from foretell.decoding.samplers.base import Sampler, SamplerStep
from foretell.decoding.verifiers.base import Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.parts import Part, UnknownNameError, nearest, require

#: What joins drafters, from what binds closest.
_BINDING: tuple[type[Composite], ...] = (Interpolation, Union, Chooser, Fallback)
FIELDS = ("drafter", "verifier", "pace")
#: Where parts belong that no recipe holds.
_ELSEWHERE = {"router": "a group of models", "search": "`foretell complete --search`"}


class RecipeSyntaxError(ValueError):
    """The short text of a recipe does not parse; the message points at the place."""


@dataclass(frozen=True)
class Recipe(Part):
    """A named combination of parts. `sampler` None means: as `generate`'s own options say.

    >>> str(Recipe.parse("prompt-lookup(num_tokens=5) > token-recycling, pace=4"))
    'prompt-lookup(num_tokens=5) > token-recycling, exact, fixed(num_nodes=4)'
    """

    drafter: Drafter = dataclasses.field(default_factory=Plain)
    verifier: Verifier = dataclasses.field(default_factory=Exact)
    pace: Pace = dataclasses.field(default_factory=NeverSlower)
    sampler: Sampler | None = None

    def __post_init__(self) -> None:
        contracts: dict[str, Any] = dict(zip(FIELDS, (Drafter, Verifier, Pace), strict=True)) | {"sampler": (Sampler, type(None))}
        for name, contract in contracts.items():
            value = getattr(self, name)
            require(isinstance(value, contract), self, name, value, "is not a part of that kind; Recipe.parse reads text")

    @classmethod
    def parse(cls, text: str | Recipe) -> Recipe:
        """From short text (a `Recipe` is returned as it is). Unknown names are refused with the nearest known one."""
        return text if isinstance(text, Recipe) else _Parser(text).recipe()

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """From a TOML file with a [recipe] table: drafter, verifier, pace, sampler as short text."""
        try:
            table = dict(tomllib.loads(Path(path).read_text(encoding="utf-8"))["recipe"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path}: not a recipe file ({error}); it needs a [recipe] table with drafter = "..."') from error
        for key in table:
            if key not in (*FIELDS, "sampler"):
                raise UnknownNameError(f"{path}: [recipe] has no field {key!r}: {nearest(key, (*FIELDS, 'sampler'))}")
        items = [table.get("drafter", "plain"), *(f"{key}={table[key]}" for key in FIELDS[1:] if key in table)]
        return cls.parse(", ".join(map(str, [*items, *([table["sampler"]] if "sampler" in table else [])])))

    def write(self, path: str | Path, comment: str = "") -> None:
        """As TOML, to a temporary file that is then renamed."""
        lines = [f"# {line}".rstrip() for line in comment.splitlines()]
        lines += ["[recipe]", *(f"{key} = {_toml(describe(getattr(self, key)))}" for key in FIELDS)]
        if self.sampler is not None:
            lines.append(f"sampler = {_toml(describe(self.sampler))}")
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        partial.replace(target)

    def __str__(self) -> str:
        parts = [self.drafter, self.verifier, self.pace, *([self.sampler] if self.sampler is not None else [])]
        return ", ".join(describe(part) for part in parts)


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # JSON's strings are TOML's, but for its pairs of escapes


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
    return _Parser(text).alone(kind)


class _Infinity(ast.NodeTransformer):
    """`inf` is a plain value too: it is how Python writes it."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(float("inf")) if node.id == "inf" else node


class _Parser:
    """Recursive descent over the short text."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def recipe(self) -> Recipe:
        fields: dict[str, Any] = {}
        steps: list[SamplerStep] = []
        mode = None
        while True:
            key = self._match(r"(drafter|verifier|pace)\s*=\s*")
            kind, part = self._item(key.group(1) if key else None, first=not fields and not steps)
            if kind == "mode":
                mode = part
            elif kind == "sampler":
                steps.append(part)
            elif kind in fields:
                raise self._error(f"a second {kind}")
            else:
                fields[kind] = part
            if not self._match(","):
                break
        if self.place < len(self.text):
            raise self._error("text that does not belong here")
        if steps or mode:
            fields["sampler"] = Sampler(tuple(steps), greedy=mode == "greedy")
        return Recipe(**fields)

    def alone(self, kind: str) -> Any:
        part = self._part(kind)[1]
        if self.place < len(self.text):
            raise self._error("text that does not belong here", example=name_of(type(part)))
        return part

    def _item(self, kind: str | None, first: bool) -> tuple[str, Any]:
        number = self._match(r"\d+") if kind == "pace" else None
        if number:
            return "pace", Fixed(int(number.group()))
        mode = self._match(r"(greedy|softmax)(?![\w-])") if not kind else None
        if mode:
            return "mode", mode.group(1)
        if kind == "drafter" or (kind is None and first):
            return "drafter", self._drafters()
        found, part = self._part(kind)
        if found not in (*FIELDS, "sampler"):
            raise self._error(f"a {found}, which belongs to {_ELSEWHERE[found]} and not to a recipe,")
        return found, part

    def _drafters(self) -> Drafter:
        """A chain of what binds closest, the first of `_BINDING`, within chains of what binds less."""
        operand = self._drafter
        for composite in _BINDING:
            operand = partial(self._chain, composite, operand)
        return operand()

    def _chain(self, composite: type[Composite], operand: Callable[[], Drafter]) -> Drafter:
        parts = [operand()]
        while self._match(re.escape(composite.symbol)):
            parts.append(operand())
        return parts[0] if len(parts) == 1 else composite(tuple(parts))

    def _drafter(self) -> Drafter:
        if self._match(r"\("):
            inner = self._drafters()
            if not self._match(r"\)"):
                raise self._error("a missing ')'")
            return inner
        return self._part("drafter")[1]

    def _part(self, kind: str | None) -> tuple[str, Any]:
        name = self._match(r"[A-Za-z][A-Za-z0-9-]*")
        if not name:
            raise self._error(f"no {kind or 'part'} name")
        kind, cls = find(name.group(), kind)
        args, options = self._options() if self._match(r"\(") else ([], {})
        try:
            return kind, cls(*args, **options)
        except TypeError as error:  # too many values, one given twice, or one missing
            raise self._error(f"wrong options for {name.group()} ({str(error).removeprefix(f'{cls.__name__}.')})") from error

    def _options(self) -> tuple[list[Any], dict[str, Any]]:
        """Python literals up to the matching parenthesis."""
        start = self.place
        for end in (match.end() for match in re.finditer(r"\)", self.text[start:])):
            try:
                call = ast.parse(f"f({self.text[start : start + end - 1]})", mode="eval").body
            except SyntaxError:
                continue
            self.place = start + end
            self._match("")
            try:
                assert isinstance(call, ast.Call)
                call = _Infinity().visit(call)
                return [ast.literal_eval(arg) for arg in call.args], {
                    str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords
                }
            except ValueError:
                self.place = start
                raise self._error("an option that is not a plain value") from None
        raise self._error("a missing ')'")

    def _match(self, pattern: str) -> re.Match[str] | None:
        match = re.compile(rf"\s*(?:{pattern})\s*").match(self.text, self.place)
        if match:
            self.place = match.end()
            return re.compile(pattern).match(match.group().strip()) or match
        return None

    def _error(self, what: str, example: str = "prompt-lookup > token-recycling, exact, pace=never-slower") -> RecipeSyntaxError:
        return RecipeSyntaxError(f"recipe {self.text!r} has {what} at column {self.place + 1}; write for example {example!r}")
