"""`a ^ b`: in each step one of the drafters drafts, chosen by expected tokens per second."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import Choice, Member
from foretell.decoding.drafter import Ask, Drafter, Seen, Traits
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.tree import Tree
from foretell.models.base import Model

#: Steps after which an observation has decayed to 1/e.
MEMORY = 200.0
#: Exploration bonus: a drafter's estimate is multiplied by 1 + DOUBT * sqrt(ln(all steps) / its steps).
DOUBT = 0.2


@dataclass
class _Arm:
    """The record of one drafter: exponentially decaying sums of steps, tokens gained and rows verified."""

    steps: float = 0.0
    tokens: float = 0.0
    rows: float = 0.0

    def note(self, tokens: int, rows: int) -> None:
        keep = math.exp(-1 / MEMORY)
        self.steps, self.tokens, self.rows = keep * self.steps + 1, keep * self.tokens + tokens, keep * self.rows + rows


@dataclass
class _Record:
    arms: list[_Arm]
    steps: int = 0


@dataclass
class _Memory:
    model: Model
    parts: tuple[Any, ...]
    record: _Record

    def curve(self) -> CostCurve:
        from foretell.decoding.pacing.measured_curve import curve_of

        return curve_of(self.model)


@dataclass
class _State:
    memory: _Memory
    record: _Record
    parts: tuple[Any, ...]
    chosen: int | None = None


@dataclass(frozen=True)
class Chooser(Composite):
    """In each step the drafter with the best recent tokens per second drafts: (1 + accepted tokens) divided by t(1 + verified nodes) plus
    its drafting time, with an exploration bonus for drafters that were rarely used. All drafters observe the result. Where the pace names a
    member (`bandit` does), that member drafts. Useful for drafters with a cost, because a union pays for all of them. Written `a ^ b`.

    drafters: two or more.

    Guarantee: exact under a verifier that takes all the parts' kinds: the choice depends on earlier steps only. Needs: the cost
    curve, and what the parts need. Cost: one proposal. State: those of the parts, and a record of each, across requests; where parts
    sample their drafts, the record is kept per request, so that the same seed gives the same text whatever else is decoded.

    Upper confidence bounds: Auer et al., "Finite-time Analysis of the Multiarmed Bandit Problem", section 2; over drafters as in Liu
    et al., "Speculative Decoding via Early-exiting for Faster LLM Inference with Thompson Sampling Control Mechanism", section 3.

    >>> from foretell.decoding.drafters.plain import Plain
    >>> len(Chooser((Plain(), Plain())).drafters)
    2
    """

    papers = ("ucb", "eesd")

    drafters: tuple[Drafter, ...] = ()

    symbol = "^"

    @property
    def traits(self) -> Traits:
        traits = super().traits
        return dataclasses.replace(traits, learns=traits.learns or not traits.samples)

    def _new_record(self) -> _Record:
        return _Record([_Arm() for _ in self.drafters])

    def remember(self, model: Model) -> Any:
        return _Memory(model, super().remember(model), self._new_record())

    def begin(self, memory: Any, text: Sequence[int], cached: int = 0) -> Any:
        return _State(memory, self._new_record() if self.traits.samples else memory.record, super().begin(memory.parts, text, cached))

    def rewind(self, memory: Any, state: Any, text: Sequence[int]) -> Any:
        return dataclasses.replace(state, parts=super().rewind(memory.parts, state.parts, text), chosen=None)

    def resume(self, memory: Any, state: Any, text: Sequence[int]) -> Any:
        return dataclasses.replace(state, parts=super().resume(memory.parts, state.parts, text), chosen=None)

    def asks_of(self, number: int, asks: Sequence[Ask]) -> list[Ask]:
        inner = [dataclasses.replace(ask, state=ask.state.parts, choices=_without_member(ask.choices)) for ask in asks]
        return super().asks_of(number, inner)

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = [Tree() for _ in asks]
        for ask in asks:
            named = ask.choice(Member)
            if named is not None and not 0 <= named.number < len(self.drafters):
                raise ValueError(f"Member: number={named.number!r} must be from 0 to {len(self.drafters) - 1}")
            ask.state.chosen = self._best(ask.state.memory, ask.state.record, ask.depth) if named is None else named.number
        for number, drafter in enumerate(self.drafters):
            own = [i for i, ask in enumerate(asks) if ask.state.chosen == number]
            if own:
                for i, tree in zip(own, drafter.propose(self.asks_of(number, [asks[i] for i in own])), strict=True):
                    trees[i] = tree
        return trees

    def _best(self, memory: _Memory, record: _Record, depth: int) -> int:
        curve = memory.curve()

        def gain(number: int) -> float:
            arm = record.arms[number]
            if not arm.steps:
                return math.inf
            cost = curve(1 + math.ceil(arm.rows / arm.steps)) + self.drafters[number].draft_cost(memory.parts[number], depth)
            return arm.tokens / arm.steps / cost * (1 + DOUBT * math.sqrt(math.log(record.steps + 1) / arm.steps))

        return max(range(len(self.drafters)), key=gain)

    def queries(self, state: Any, tree: Tree) -> Any:
        return super().queries(state.parts, tree)

    def observe(self, states: Sequence[Any], seens: Sequence[Seen]) -> list[Any]:
        for state, seen in zip(states, seens, strict=True):
            if state.chosen is not None:
                state.record.steps += 1
                state.record.arms[state.chosen].note(1 + len(seen.path), len(seen.tree))
                state.chosen = None
        return super().observe([state.parts for state in states], seens)

    def draft_cost(self, memory: Any, depth: int) -> float:
        best = self._best(memory, memory.record, depth)
        return self.drafters[best].draft_cost(memory.parts[best], depth)

    def members(self, memory: Any) -> list[tuple[Drafter, Any]]:
        return list(zip(self.drafters, memory.parts, strict=True))


def _without_member(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """The choices without those for this drafter, as the parts get them."""
    return tuple(choice for choice in choices if not isinstance(choice, Member))
