"""Contract checks that every part passes, whatever its kind. Each raises `ContractError` saying what is missing.

for part in examples("drafter"):
    check_part(part)
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import pickle
import re
import tempfile
from pathlib import Path
from typing import Any

from foretell.catalog import DECODING, name_of, parts
from foretell.catalog.papers import papers
from foretell.catalog.part_text import describe, parse_part
from foretell.decoding.chooser import OnlineChooser
from foretell.decoding.constraint import Constraint
from foretell.decoding.drafter import Drafter
from foretell.decoding.pace import Pace
from foretell.decoding.recipe import Recipe
from foretell.decoding.router import Router
from foretell.decoding.sampler import Sampler, SamplerStep
from foretell.decoding.search import Search
from foretell.decoding.verifier import Verifier
from foretell.models.base import Model
from foretell.models.tiny import TinyModel
from foretell.parts import Part, UnknownNameError
from foretell.testing.models import models_in

#: Exceptions, visible here: parts that no publication describes.
NO_PAPER = frozenset({"plain", "logit-bias"})
MOST_LINES = 200


class ContractError(AssertionError):
    """A part does not keep the contract."""


def demand(condition: object, part: object, what: str) -> None:
    """Raise `ContractError` about `part` unless `condition` holds."""
    if not condition:
        raise ContractError(f"{part!r} {what}")


def alike(a: Any, b: Any) -> bool:
    """Whether two parts have the same settings. Models are compared by fingerprint, since a model equals only itself."""
    if isinstance(a, Model) or isinstance(b, Model):
        return getattr(a, "fingerprint", a) == getattr(b, "fingerprint", b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    if dataclasses.is_dataclass(a) and type(a) is type(b):
        return all(alike(getattr(a, field.name), getattr(b, field.name)) for field in dataclasses.fields(a))
    return a == b


def check_part(part: Part) -> None:
    """Every check of this file that applies to `part`."""
    check_value(part)
    check_options(part)
    check_repr(part)
    check_docstring(type(part))
    check_papers(type(part))
    check_file(type(part))
    check_recipe(part)


def check_value(part: Part) -> None:
    """Frozen; equal by value; hashable; clones and pickles."""
    demand(dataclasses.is_dataclass(part), part, "is not a dataclass")
    fields = [field for field in dataclasses.fields(part) if field.init]  # type: ignore[arg-type]
    try:
        setattr(part, fields[0].name if fields else "anything", None)
    except dataclasses.FrozenInstanceError:
        pass
    else:
        raise ContractError(f"{part!r} is not frozen")
    clone = part.replace()
    demand(clone is not part and clone == part and hash(clone) == hash(part), part, "does not equal its clone")
    copy = pickle.loads(pickle.dumps(part))
    demand(alike(copy, part), part, f"comes back from pickle as {copy!r}")
    # Only a part that holds a model may come back different: models have no value but themselves.
    demand(copy == part or list(models_in(part)), part, "does not equal its pickled copy")


def check_options(part: Part) -> None:
    """An unknown option is refused, and a misspelt one gets the nearest name."""
    names = [field.name for field in dataclasses.fields(part) if field.init]  # type: ignore[arg-type]
    settings = {name: getattr(part, name) for name in names}
    for name in names or ["anything"]:
        wrong = name + "x"
        try:
            type(part)(**settings, **{wrong: 1})
        except UnknownNameError as error:
            demand(not names or repr(name) in str(error), part, f"does not suggest {name!r} for {wrong!r}: {error}")
        else:
            raise ContractError(f"{part!r} takes the unknown option {wrong!r}")


def check_repr(part: Part) -> None:
    """`repr` rebuilds the part."""
    names: dict[str, Any] = {cls.__name__: cls for kind in DECODING for cls in parts(kind).values()}
    names |= {"Sampler": Sampler, "Recipe": Recipe, "TinyModel": TinyModel, "inf": math.inf}
    try:
        rebuilt = eval(repr(part), names)
    except (NameError, SyntaxError, TypeError) as error:
        raise ContractError(f"{part!r} is a repr that does not rebuild the part: {error}") from error
    demand(alike(rebuilt, part), part, f"rebuilds as {rebuilt!r}")


def check_docstring(cls: type[Part]) -> None:
    """Says the distribution, cost and state, names its paper, and holds a running example."""
    text = cls.__doc__ or ""
    for word in ("guarantee", "cost", "state"):
        demand(re.search(rf"(?i)\b{word}(, \w+)?:", text), cls, f"has no {word.capitalize()}: in its docstring")
    demand(">>> " in text, cls, "has no doctest in its docstring")
    demand(name_of(cls) in NO_PAPER or re.search(r'"[A-Z][^"]{3,}"', text), cls, "names no paper in its docstring")


def check_papers(cls: type[Part]) -> None:
    """Names its papers, by short names that are known or as BibTeX entries."""
    demand(cls.papers or name_of(cls) in NO_PAPER, cls, 'has no papers; write papers = ("short-name",), of `foretell list paper`')
    unknown = [name for name in cls.papers if name not in papers() and not name.lstrip().startswith("@")]
    demand(not unknown, cls, f"has papers={cls.papers!r}, of which {unknown} are neither known short names nor BibTeX entries")


def check_file(cls: type[Part]) -> None:
    """One method, one file, named alike, and short."""
    path = Path(inspect.getsourcefile(cls) or "")
    demand(path.stem == name_of(cls).replace("-", "_"), cls, f"lives in {path.name}")
    lines = len(path.read_text(encoding="utf-8").splitlines())
    demand(lines <= MOST_LINES, cls, f"has a file of {lines} lines; at most {MOST_LINES}")


def recipe_with(part: Part) -> Recipe:
    """A recipe that has the part in its place."""
    places = ((Drafter, "drafter"), (Verifier, "verifier"), (Pace, "pace"))
    for contract, place in places:
        if isinstance(part, contract):
            return Recipe(**{place: part})  # type: ignore[arg-type]
    demand(isinstance(part, SamplerStep), part, "is no drafter, verifier, pace, sampler step, router, search, constraint or chooser")
    return Recipe(sampler=Sampler((part,)))  # type: ignore[arg-type]


def check_recipe(part: Part) -> None:
    """Recipes with the part come back from their short text and from TOML; of a part that no recipe holds, its own text does."""
    for contract, kind in ((Router, "router"), (Search, "search"), (Constraint, "constraint"), (OnlineChooser, "chooser")):
        if isinstance(part, contract):
            back = parse_part(describe(part), kind)
            demand(alike(back, part), part, f"comes back from {describe(part)!r} as {back!r}")
            return
    recipe = recipe_with(part)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "recipe.toml")
        recipe.write(path, comment="written by a check")
        for back in (Recipe.parse(str(recipe)), Recipe.read(path)):
            demand(alike(back, recipe), part, f"comes back from {str(recipe)!r} as {back!r}")
            demand(back == recipe or list(models_in(part)), part, f"does not equal what {str(recipe)!r} says")
