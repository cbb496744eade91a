"""Recipes as users name them on the command line: NAME=RECIPE, a recipe alone, or a recipe file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from foretell import arguments
from foretell.decoding.recipe import FIELDS, Recipe
from foretell.errors import UserError

#: The name of the recipe that decodes without drafts, with which all others are compared.
PLAIN = "plain"
_NAMED = re.compile(r"\s*([A-Za-z0-9][\w .+-]*?)\s*=(?!=)(.*)", re.DOTALL)


@dataclass(frozen=True)
class NamedRecipe:
    """A recipe and its name in tables. is_given: whether the user chose the name, so that it is shown as it is."""

    name: str
    recipe: Recipe
    is_given: bool = True

    @classmethod
    def read(cls, text: str) -> NamedRecipe:
        """From "NAME=RECIPE", from a recipe, whose name is its own text, or from the path of a recipe file (.toml) in a recipe's place.

        >>> NamedRecipe.read("short=prompt-lookup(num_tokens=4), pace=4").name
        'short'
        >>> NamedRecipe.read("prompt-lookup, pace=4").name
        'prompt-lookup, pace=4'
        """
        match = _NAMED.fullmatch(text)
        if match is None or match[1] in FIELDS:  # "drafter=prompt-lookup" is a recipe
            return cls(text.strip(), read_recipe(text), is_given=False)
        name, written = match.groups()
        if not written.strip():
            raise UserError(f"--recipe {text!r} has no recipe after the name; write NAME=RECIPE, such as copy=prompt-lookup")
        return cls(name, read_recipe(written))


def read_recipe(text: str) -> Recipe:
    """A recipe from its short text, or from a file where `text` ends in .toml. Raises UserError for a file that is not there."""
    text = text.strip()
    if not text.endswith(".toml"):
        return Recipe.parse(text)
    path = arguments.path("--recipe", text)
    if not path.is_file():
        raise UserError(f"--recipe {text}: there is no such file; give the path of a recipe file, or a recipe such as prompt-lookup")
    return Recipe.read(path)


def read_named(texts: Sequence[str]) -> list[NamedRecipe]:
    """All recipes; UserError where two have one name, or a drafting one is called plain."""
    named = [NamedRecipe.read(text) for text in texts]
    seen: dict[str, Recipe] = {PLAIN: Recipe.parse(PLAIN)}
    for each in named:
        if seen.setdefault(each.name, each.recipe) != each.recipe:
            other = "plain decoding, which is always measured," if each.name == PLAIN else "another recipe"
            raise UserError(f"--recipe {each.name!r} names {other} already; choose another name")
    return named
