"""A recipe: a drafter, a verifier, a pace and optionally a sampler, as one value with a text form.

In text the drafter comes first, then the other parts, separated by commas:

    prompt-lookup > token-recycling, exact, pace=never-slower
    draft-model(model="path", branching=(2, 1)) | prompt-lookup(num_tokens=5), pace=4
    token-recycling, temperature(0.7), top-k(8)

Operators between drafters, from the one that binds closest: `+` interpolation, `|` union, `^` choice, `>` fallback, `>>` continuation
after forced tokens. Parentheses group. `pace=4` is short for `pace=fixed(4)`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell.arguments import shown
from foretell.catalog.part_text import PartReader, describe
from foretell.decoding.drafter import Drafter
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.pace import Pace
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.sampler import Sampler, SamplerStep
from foretell.decoding.verifier import Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.errors import UserError
from foretell.files import write_text
from foretell.parts import Needs, Part, UnknownNameError, nearest, require
from foretell.words import with_article

FIELDS = ("drafter", "verifier", "pace")
#: Where parts are used that a recipe does not hold.
_ELSEWHERE = {
    "router": "a group of models",
    "search": "`foretell complete --search`",
    "constraint": "`generate` (constraint=)",
    "chooser": "a pace (bandit(chooser=...))",
}


@dataclass(frozen=True)
class Recipe(Part):
    """A combination of parts. `sampler` None: the sampler follows from the options of `generate`.

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

    @property
    def needs(self) -> Needs:
        """The joined needs of the parts."""
        return Needs.joined((self.drafter, self.verifier, self.pace))

    @classmethod
    def parse(cls, text: str | Recipe) -> Recipe:
        """A recipe from text; a `Recipe` is returned unchanged. UserError for unknown names, with the nearest known name."""
        if not isinstance(text, str | Recipe):
            raise UserError(f"recipe={shown(text)} is no recipe; pass a Recipe, or its short text such as 'prompt-lookup, pace=4'")
        return text if isinstance(text, Recipe) else _read(text)

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """A recipe from a TOML file with a [recipe] table of drafter, verifier, pace, sampler as text; UserError for any other file."""
        try:
            table = dict(tomllib.loads(Path(path).read_text(encoding="utf-8"))["recipe"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f'{path}: not a recipe file ({error}); it needs a [recipe] table with drafter = "..."') from error
        for key in table:
            if key not in (*FIELDS, "sampler"):
                raise UnknownNameError(f"{path}: [recipe] has no field {key!r}: {nearest(key, (*FIELDS, 'sampler'))}")
        items = [table.get("drafter", "plain"), *(f"{key}={table[key]}" for key in FIELDS[1:] if key in table)]
        return cls.parse(", ".join(map(str, [*items, *([table["sampler"]] if "sampler" in table else [])])))

    def write(self, path: str | Path, comment: str = "") -> None:
        """Write the recipe as TOML to a file, which is replaced as a whole. comment: lines before the recipe. Raises FileWriteError."""
        lines = [f"# {line}".rstrip() for line in comment.splitlines()]
        lines += ["[recipe]", *(f"{key} = {_toml(describe(getattr(self, key)))}" for key in FIELDS)]
        if self.sampler is not None:
            lines.append(f"sampler = {_toml(str(self.sampler))}")
        write_text(path, "\n".join(lines) + "\n")

    def __str__(self) -> str:
        texts = [describe(self.drafter), describe(self.verifier), describe(self.pace)]
        return ", ".join([*texts, *([str(self.sampler)] if self.sampler is not None else [])])


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string without escaped surrogate pairs is a TOML string


def _read(text: str) -> Recipe:
    reader = PartReader(text)
    fields: dict[str, Any] = {}
    steps: list[SamplerStep] = []
    mode = None
    while True:
        key = reader.match(r"(drafter|verifier|pace)\s*=\s*")
        if not key and re.match(r"[\w-]+\s*=", text[reader.place :]):
            raise reader.error(f"a name that is none of {', '.join(FIELDS)} before '='; sampler steps have none", "plain, top-k(8)")
        kind, part = _item(reader, key.group(1) if key else None, first=not fields and not steps)
        if kind == "mode":
            mode = part
        elif kind == "sampler":
            steps.append(part)
        elif kind in fields:
            raise reader.error(f"a second {kind}")
        else:
            fields[kind] = part
        if not reader.match(","):
            break
    reader.end()
    if steps or mode:
        fields["sampler"] = Sampler(tuple(steps), greedy=mode == "greedy")
    return Recipe(**fields)


def _item(reader: PartReader, kind: str | None, first: bool) -> tuple[str, Any]:
    """(kind, part) of one entry of a recipe; kind "mode" for what the sampler ends in."""
    number = reader.match(r"\d+") if kind == "pace" else None
    if number:
        return "pace", Fixed(int(number.group()))
    mode = reader.match(r"(greedy|softmax)(?![\w-])") if not kind else None
    if mode:
        return "mode", mode.group(1)
    if kind == "drafter" or (kind is None and first):
        return "drafter", reader.joined("drafter")
    actual, part = reader.part(kind)
    if actual not in (*FIELDS, "sampler"):
        raise reader.error(f"{with_article(actual)}, which belongs to {_ELSEWHERE[actual]} and not to a recipe,")
    return actual, part
