"""What drafting costs beside the forward pass is measured for every drafter that declares no cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.loop import Loop
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.tree import Tree
from foretell.models.tiny import TinyModel


@dataclass(frozen=True)
class Slow(Drafter):
    """Takes two milliseconds of processor time for a proposal, and cannot rest."""

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        end = time.thread_time() + 0.002
        while time.thread_time() < end:
            pass
        return [Tree.chain([0], "slow") for _ in asks]


def test_a_slow_drafter_that_cannot_rest_is_charged(cache):
    costs = Loop(TinyModel(seed=94), Recipe(Slow(), pace=NeverSlower())).costs
    assert costs.ask > 0.001
