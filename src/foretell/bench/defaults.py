"""The recipes compared where none are named: found by discovery, so a new drafter takes part without an edit."""

from __future__ import annotations

from foretell.bench.summary import PLAIN
from foretell.decoding.drafters.base import Drafter
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.drafters.union import Union
from foretell.decoding.recipe import Recipe
from foretell.decoding.registry import parts


def train_free_drafters() -> list[Drafter]:
    """Drafters that need neither a second model nor training: those that can be made without an option, plain and composites
    aside, and whose proposals are not all empty."""
    found = []
    for cls in parts("drafter").values():
        if issubclass(cls, Composite):
            continue
        try:
            drafter = cls()
        except (TypeError, ValueError):
            continue  # it needs something said: a model, a table, a file
        assert isinstance(drafter, Drafter)
        if not drafter.is_plain and not drafter.needs_tuned_model:
            found.append(drafter)
    return found


def default_recipes() -> list[str]:
    """Plain, each train-free drafter alone, `generate`'s default, and the union of the default's drafters."""
    from foretell.api import DEFAULT_RECIPE

    recipes = [PLAIN, *(drafter.name for drafter in train_free_drafters()), DEFAULT_RECIPE]
    drafter = Recipe.parse(DEFAULT_RECIPE).drafter
    if isinstance(drafter, Composite) and not isinstance(drafter, Union):
        recipes.append(" | ".join(part.name for part in drafter.drafters))
    return recipes
