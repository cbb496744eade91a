"""The recipes that `foretell tune` tries: train-free drafters, found by discovery, named recipes, and compositions of the best."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

from foretell.bench.defaults import train_free_drafters
from foretell.catalog import parts
from foretell.decoding.drafter import Drafter
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.interpolation import Interpolation
from foretell.decoding.drafters.union import Union
from foretell.decoding.drafting.table_drafter import TableDrafter
from foretell.decoding.pace import Pace
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.verifier import Verifier
from foretell.decoding.verifiers.exact import Exact

#: Fixed numbers of drafted tokens, tried beside the pace that chooses by the cost curve.
FIXED = (4, 10)
#: Number of the best drafters that are composed with each other.
COMPOSED = 3


def singles(allow_lossy: bool = False, named: Sequence[Recipe] = ()) -> list[Recipe]:
    """Each train-free drafter in all its variants at each pace, and the `named` recipes in theirs, at their own pace. allow_lossy: try
    verifiers that are not exact as well."""
    drafters, paces = [variant for drafter in train_free_drafters() for variant in drafter.variants()], _paces()
    verifiers = [verifier for verifier in _verifiers() if verifier.guarantee.kind == "exact" or allow_lossy]
    recipes = [Recipe(drafter, verifier, pace) for drafter in drafters for verifier in verifiers for pace in paces]
    return list(dict.fromkeys([*recipes, *variants(named)]))


def variants(named: Sequence[Recipe]) -> list[Recipe]:
    """Each recipe with every variant of its drafter (`Drafter.variants`)."""
    return list(dict.fromkeys(recipe.replace(drafter=variant) for recipe in named for variant in recipe.drafter.variants()))


def compositions(best: Sequence[Recipe]) -> list[Recipe]:
    """Compositions of the drafters of `best`, which is in order of speed: fallbacks in both orders, unions and, of drafters with tables,
    interpolations. They have the best one's verifier, and are tried at `never-slower` and at the best one's pace."""
    drafters: list[Drafter] = []
    for recipe in best:  # the best setting of each class of drafter
        if all(type(recipe.drafter) is not type(other) for other in drafters):
            drafters.append(recipe.drafter)
    drafters = drafters[:COMPOSED]
    if len(drafters) < 2:
        return []
    made: list[Drafter] = [Fallback(pair) for pair in permutations(drafters, 2)] + [Union(pair) for pair in combinations(drafters, 2)]
    made += [Interpolation(pair) for pair in combinations([each for each in drafters if isinstance(each, TableDrafter)], 2)]
    if len(drafters) > 2:
        made.append(Union(tuple(drafters)))
    paces = dict.fromkeys([NeverSlower(), best[0].pace])
    return [Recipe(drafter, best[0].verifier, pace) for drafter in made for pace in paces]


def _paces() -> list[Pace]:
    return [NeverSlower(), *(Fixed(num) for num in FIXED)]


def _verifiers() -> list[Verifier]:
    """`exact`, and every verifier that is not exact. Other exact verifiers differ from it for sampled drafts only."""
    verifiers: list[Verifier] = [Exact()]
    for cls in parts("verifier").values():
        assert issubclass(cls, Verifier)
        if cls.guarantee.kind == "exact":
            continue
        try:
            verifiers.append(cls())
        except (TypeError, ValueError):
            continue  # it needs an option
    return verifiers
