"""Recipes worth trying: each train-free drafter, found by discovery, and those that were named; then compositions of the best."""

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

#: Fixed numbers of drafted tokens tried beside the pace that chooses by the cost curve.
FIXED = (4, 10)
#: How many of the best drafters are composed with each other.
COMPOSED = 3


def singles(allow_lossy: bool = False, named: Sequence[Recipe] = ()) -> list[Recipe]:
    """Each train-free drafter in all its variants at each pace, with lossy verifiers too where allowed; and the `named` recipes in
    theirs, at their own pace."""
    drafters, paces = [variant for drafter in train_free_drafters() for variant in drafter.variants()], _paces()
    verifiers = [verifier for verifier in _verifiers() if verifier.guarantee.kind == "exact" or allow_lossy]
    found = [Recipe(drafter, verifier, pace) for drafter in drafters for verifier in verifiers for pace in paces]
    return list(dict.fromkeys([*found, *variants(named)]))


def variants(named: Sequence[Recipe]) -> list[Recipe]:
    """Each recipe with every setting that its drafter finds worth trying."""
    return list(dict.fromkeys(recipe.replace(drafter=variant) for recipe in named for variant in recipe.drafter.variants()))


def compositions(best: Sequence[Recipe]) -> list[Recipe]:
    """Fallbacks in both orders, unions and, of drafters with tables, interpolations of the drafters of `best` (fastest first), with
    the best one's verifier; at the pace that chooses, and at the best one's own."""
    drafters: list[Drafter] = []
    for recipe in best:  # of each kind of drafter its best setting
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
    """`exact`, and every verifier that is not: the other exact ones differ from it for sampled drafts only."""
    found: list[Verifier] = [Exact()]
    for cls in parts("verifier").values():
        assert issubclass(cls, Verifier)
        if cls.guarantee.kind == "exact":
            continue
        try:
            found.append(cls())
        except (TypeError, ValueError):
            continue  # it needs something said that nobody has said
    return found
