"""The recipes that a bench compares where none are named. They are found by discovery, so a new drafter takes part at once."""

from __future__ import annotations

from foretell.bench.named_recipe import PLAIN
from foretell.catalog import parts
from foretell.decoding.drafter import Drafter
from foretell.decoding.drafters.composite import Composite
from foretell.models.base import Model


def train_free_drafters() -> list[Drafter]:
    """Drafters that need neither a second model nor training: those that can be made without options, without `plain`, composites,
    drafters that need a tuned model and those that draft under a rule only."""
    drafters = []
    for cls in parts("drafter").values():
        if issubclass(cls, Composite):
            continue
        try:
            drafter = cls()
        except (TypeError, ValueError):
            continue  # it needs an option: a model, a table, a file
        assert isinstance(drafter, Drafter)
        if drafter.traits.proposes and drafter.traits.freely and not drafter.needs.tuned:
            drafters.append(drafter)
    return drafters


def default_recipes(model: Model) -> list[str]:
    """Plain decoding, each train-free drafter alone, the default recipe, and the model's own default where it has one."""
    from foretell.catalog.part_text import describe
    from foretell.prepare import DEFAULT_RECIPE, default_recipe

    singles = [drafter.name for drafter in train_free_drafters()]
    return [PLAIN, *singles, *dict.fromkeys([DEFAULT_RECIPE, describe(default_recipe(model).drafter)])]
