"""How drafters behave in the loop: within the limits asked for, and each request for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.draft_order import DraftCosts, DraftOrder
from foretell.decoding.drafter import Drafter
from foretell.decoding.draws import SampledDraws
from foretell.decoding.pace import Pace
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.decoding.tree import Tree
from foretell.testing.contracts import demand
from foretell.testing.laws import LawCase
from foretell.testing.models import use_small_curves


@dataclass(frozen=True)
class LimitCheckingPace(Pace):
    """Asks for `num_nodes` and `depth`, and raises `ContractError` where a tree is larger or deeper."""

    num_nodes: int
    depth: int

    def limit(self, state: Any, costs: DraftCosts) -> DraftOrder:
        return DraftOrder(self.num_nodes, self.depth)

    def trim(self, states: Sequence[Any], trees: Sequence[Tree], costs: DraftCosts) -> list[Tree]:
        for tree in trees:
            good = len(tree) <= self.num_nodes and max(tree.depths(), default=0) <= self.depth
            demand(good, tree, f"is a tree beyond num_nodes={self.num_nodes}, depth={self.depth}")
        return list(trees)


def requests(batch: int = 3, max_new_tokens: int = 12, sampler: Sampler | None = None) -> list[Request]:
    """Ragged requests over the law kit's small vocabulary; request i draws as seed i."""
    case = LawCase.small(batch)
    prompts = [case.prompt, *(prompt for prompt, _ in case.companions)]
    return [Request(prompt, max_new_tokens - i, sampler or Sampler(), SampledDraws(i)) for i, prompt in enumerate(prompts)]


def finish(recipe: Recipe, asked: list[Request], session: Session | None = None) -> list[Request]:
    """Run the requests to their end, in a session of their own unless one is given."""
    case = LawCase.small()
    use_small_curves(recipe, target=case.model)
    for _ in (session or Session(case.model, recipe, case.curve)).run(asked):
        pass
    return asked


def check_limits(drafter: Drafter) -> None:
    """Trees are never larger nor deeper than asked for."""
    for num_nodes, depth in ((1, 1), (2, 1), (2, 2), (3, 2), (5, 1), (8, 3)):
        finish(Recipe(drafter, pace=LimitCheckingPace(num_nodes, depth)), requests())


def check_independence(drafter: Drafter) -> None:
    """Requests that share batches, or follow each other in a session, are proposed what each would be alone. Drafters that
    learn across requests (`Traits.learns`) are the exception they say they are."""
    if drafter.traits.learns:
        return
    recipe = Recipe(drafter, pace=LimitCheckingPace(8, 3))
    alone = [finish(recipe, [request])[0] for request in requests()]
    together = finish(recipe, requests())
    case = LawCase.small()
    session = Session(case.model, recipe, case.curve)
    in_turn = [finish(recipe, [request], session)[0] for request in requests()]
    for one, *others in zip(alone, together, in_turn, strict=True):
        for other in others:
            same = [(s.drafted, s.parents, s.tokens) for s in one.trace.steps] == [
                (s.drafted, s.parents, s.tokens) for s in other.trace.steps
            ]
            demand(same, drafter, "proposes to one request what depends on another")


def check_drafter(drafter: Drafter) -> None:
    """Every check of this file."""
    check_limits(drafter)
    check_independence(drafter)
