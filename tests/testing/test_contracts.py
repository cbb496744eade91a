"""Every part keeps the contract, found by discovery; and the checks see parts that do not."""

from __future__ import annotations

import dataclasses

import pytest

from foretell.catalog import DECODING
from foretell.catalog.part_text import describe
from foretell.decoding.draft_order import DraftCosts, DraftOrder
from foretell.decoding.drafter import Ask, Drafter, Seen
from foretell.decoding.pace import Pace
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.tree import Tree
from foretell.testing import contracts
from foretell.testing.behaviour import check_drafter, check_independence, check_limits
from foretell.testing.combinations import examples

PARTS = [part for kind in DECODING for part in examples(kind)]


@pytest.mark.parametrize("part", PARTS, ids=describe)
def test_every_part_keeps_the_contract(part):
    contracts.check_part(part)


@pytest.mark.parametrize("drafter", examples("drafter"), ids=describe)
def test_every_drafter_keeps_its_limits_and_requests_apart(drafter):
    check_drafter(drafter)


def test_drafters_that_learn_across_requests_are_a_visible_exception():
    learners = {type(drafter).__name__ for drafter in examples("drafter") if drafter.traits.learns}
    assert learners == {
        "TokenRecycling",
        "Aded",
        "Stand",
        "Chooser",
        "Fallback",
        "Interpolation",
        "Union",
    }  # the composites only where they hold one of the first; the chooser keeps a record of its parts


@dataclasses.dataclass
class Loose(Pace):
    """No distribution, no paper."""

    size: int = 1

    def limit(self, state, costs: DraftCosts) -> DraftOrder:
        return DraftOrder(self.size, self.size)


class Misspelt(Loose):
    pass


@dataclasses.dataclass(frozen=True, repr=False)
class Nameless(TopK):
    """A copy."""


@pytest.mark.parametrize(
    ("check", "part", "message"),
    [
        (contracts.check_value, Loose(), "not frozen"),
        (contracts.check_docstring, Loose, "has no Guarantee"),
        (contracts.check_papers, Loose, "has no papers; write papers"),
        (contracts.check_file, Loose, "lives in test_contracts.py"),
        (contracts.check_repr, Loose(), "does not rebuild"),
        (contracts.check_recipe, "text", "is no drafter"),
    ],
)
def test_a_part_without_the_contract_is_seen(check, part, message):
    with pytest.raises(contracts.ContractError, match=message):
        check(part)


@dataclasses.dataclass(frozen=True)
class Greedy(Drafter):
    """Proposes more than was asked for."""

    def propose(self, asks: list[Ask]) -> list[Tree]:
        return [Tree.chain([0] * (ask.num_nodes + 1)) for ask in asks]


@dataclasses.dataclass(frozen=True)
class Gossip(Drafter):
    """Proposes to everyone what the last request wrote, and does not say so."""

    def remember(self, model) -> list[int]:
        return [0]

    def propose(self, asks: list[Ask]) -> list[Tree]:
        return [Tree.chain(ask.state) for ask in asks]

    def observe_request(self, state: list[int], seen: Seen) -> None:
        state[:] = seen.tokens[-1:] or [0]


def test_drafters_that_misbehave_are_seen():
    with pytest.raises(contracts.ContractError, match="beyond num_nodes=1, depth=1"):
        check_limits(Greedy())
    with pytest.raises(contracts.ContractError, match="depends on another"):
        check_independence(Gossip())
