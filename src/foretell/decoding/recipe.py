"""A recipe: who drafts, who decides, how much, and (optionally) how logits become a token, as one value.

Short text: drafter first, then other parts, separated by commas:

    prompt-lookup > token-recycling, exact, pace=never-slower
    draft-model(model="path", branching=(2, 1)) | prompt-lookup(num_tokens=5), pace=4
    token-recycling, temperature(0.7), top-k(8)

`+` is interpolation and binds closest, then come `|`, union, `^`, choice, `>`, fallback, and `>>`, which continues behind forced
tokens; parentheses group. `pace=4` is short for
`pace=fixed(4)`.
"""

from __future__ import annotations

import dataclasses
import json
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

FIELDS = ("drafter", "verifier", "pace")
#: Where parts belong that no recipe holds.
_ELSEWHERE = {
    "router": "a group of models",
    "search": "`foretell complete --search`",
    "constraint": "`generate` (constraint=)",
    "chooser": "a pace (bandit(chooser=...))",
}


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

    @property
    def needs(self) -> Needs:
        """What its parts need together."""
        return Needs.joined((self.drafter, self.verifier, self.pace))

    @classmethod
    def parse(cls, text: str | Recipe) -> Recipe:
        """From short text (a `Recipe` is returned as it is). Unknown names are refused with the nearest known one."""
        if not isinstance(text, str | Recipe):
            raise UserError(f"recipe={shown(text)} is no recipe; pass a Recipe, or its short text such as 'prompt-lookup, pace=4'")
        return text if isinstance(text, Recipe) else _read(text)

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """From a TOML file with a [recipe] table: drafter, verifier, pace, sampler as short text."""
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
        """As TOML, to a file, which is replaced as a whole. comment: lines before the recipe. Raises FileWriteError."""
        lines = [f"# {line}".rstrip() for line in comment.splitlines()]
        lines += ["[recipe]", *(f"{key} = {_toml(describe(getattr(self, key)))}" for key in FIELDS)]
        if self.sampler is not None:
            lines.append(f"sampler = {_toml(str(self.sampler))}")
        write_text(path, "\n".join(lines) + "\n")

    def __str__(self) -> str:
        texts = [describe(self.drafter), describe(self.verifier), describe(self.pace)]
        return ", ".join([*texts, *([str(self.sampler)] if self.sampler is not None else [])])


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # JSON's strings are TOML's, but for its pairs of escapes


def _read(text: str) -> Recipe:
    reader = PartReader(text)
    fields: dict[str, Any] = {}
    steps: list[SamplerStep] = []
    mode = None
    while True:
        key = reader.match(r"(drafter|verifier|pace)\s*=\s*")
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
    found, part = reader.part(kind)
    if found not in (*FIELDS, "sampler"):
        raise reader.error(f"a {found}, which belongs to {_ELSEWHERE[found]} and not to a recipe,")
    return found, part
