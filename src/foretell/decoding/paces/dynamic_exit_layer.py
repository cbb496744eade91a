"""DEL: the exit layer and the stop that promise most tokens a second, chosen anew every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foretell.decoding.draft_order import NOTHING, Choice, ConfidenceStop, DraftCosts, DraftOrder, ExitLayer
from foretell.decoding.drafting.exits import Shadow
from foretell.decoding.pace import Pace
from foretell.decoding.tree import ROOT, Tree
from foretell.parts import Needs, require

#: The drafter's own way, for drafters that measure no exits: its tokens are counted as they are accepted.
_OWN = None


@dataclass
class _Counts:
    """Faded counts of right and wrong guesses, the sums of their confidence, and how many of them the threshold let go on."""

    right: float = 0.0
    wrong: float = 0.0
    sure_right: float = 0.0
    sure_wrong: float = 0.0
    on_right: float = 0.0
    on_wrong: float = 0.0

    def fade(self, keep: float) -> None:
        for name in vars(self):
            setattr(self, name, keep * getattr(self, name))

    def add(self, hit: bool, sure: float = 0.0) -> None:
        goes_on = sure >= self.threshold  # as it was when the guess was made
        if hit:
            self.right, self.sure_right, self.on_right = self.right + 1, self.sure_right + sure, self.on_right + goes_on
        else:
            self.wrong, self.sure_wrong, self.on_wrong = self.wrong + 1, self.sure_wrong + sure, self.on_wrong + goes_on

    @property
    def alpha(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def hopeful_alpha(self) -> float:
        """As if one guess more had been right and one wrong: as counts fade, what failed is tried again."""
        return (self.right + 1) / (self.right + self.wrong + 2)

    @property
    def on(self) -> tuple[float, float]:
        """Share of guesses after which the threshold lets the draft go on, and share of those that also were right."""
        total = self.right + self.wrong
        return (self.on_right + self.on_wrong) / total, self.on_right / total

    @property
    def threshold(self) -> float:
        """Between the mean confidence of right and of wrong guesses. Where one kind is missing: 1 and 0, the ends of the scale."""
        right = self.sure_right / self.right if self.right else 1.0
        wrong = self.sure_wrong / self.wrong if self.wrong else 0.0
        return (right + wrong) / 2


@dataclass
class _State:
    counts: dict[int | None, _Counts] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    measured: bool = False


@dataclass(frozen=True)
class DynamicExitLayer(Pace[None, _State]):
    """Every step: of all exit layers and draft lengths g from 0 on, those that make (1 + a + ... + a^g) / (g * draft + t(1 + g))
    largest, where a is the share of right guesses of the layer's exit. Zero is an answer: then nothing is drafted.

    The drafter measures each exit at every accepted position ("shadow tokens"), so all are judged, whichever drafts. A draft
    ends at its length, or before, where the exit's confidence falls below the middle between its mean confidence when right
    and when wrong: by whichever of the two more tokens a second are expected, since a threshold also ends drafts that were
    right. The first step drafts one token at the drafter's own exit. With a drafter that measures no exits, the acceptance
    of its own tokens is counted and only the length is chosen.

    max_nodes: longest draft (gamma_max). keep: counts are multiplied by it each step (omega).

    Guarantee: none of its own; exact verifiers stay exact, because what is drafted follows from positions that are past. Needs: the
    cost curve, and a drafter with candidates, such as `early-exit(layer=2, num_tokens=18, candidates=(2, 4, 6))`. Cost: a tenth
    of a millisecond a step; the drafter pays for the shadow. State: counts of each exit, for each request alone. Statistics are
    of greedy matches, also where tokens are drawn.

    Zarch et al., "DEL: Context-Aware Dynamic Exit Layer for Efficient Self-Speculative Decoding", sections 3.2 and 3.3.
    Departures: the cost of a draft and of a step is measured seconds, not layers, since the head of a small model costs as much
    as several layers; g = 0 is honoured (the paper's code always drafts one token); the threshold has to pay, and g bounds the
    draft (the paper's always ends it, whatever g was); where an exit has never been right, or wrong, it is defined. Errors:
    UserError for max_nodes below 1, for keep outside (0, 1].

    >>> from foretell.decoding.pacing.cost_curve import CostCurve
    >>> pace = DynamicExitLayer()
    >>> state = pace.begin(pace.remember())
    >>> pace.learn(state, Shadow({2: [True, False], 4: [True, True]}, {2: [0.9, 0.5], 4: [0.9, 0.9]}, {2: 0.3, 4: 0.5}))
    >>> pace.limit(state, DraftCosts(CostCurve.flat(1.0)))
    DraftOrder(num_nodes=18, depth=18, choices=(ExitLayer(layer=4), ConfidenceStop(threshold=0.45)))
    """

    max_nodes: int = 18
    keep: float = 0.95

    aliases = ("del",)

    def __post_init__(self) -> None:
        require(isinstance(self.max_nodes, int) and self.max_nodes >= 1, self, "max_nodes", self.max_nodes, "must be at least 1")
        require(0 < self.keep <= 1, self, "keep", self.keep, "must be above 0 and at most 1")

    @classmethod
    def examples(cls) -> list[DynamicExitLayer]:  # type: ignore[override]
        return [cls(max_nodes=2)]

    @property
    def needs(self) -> Needs:
        return Needs(curve=True)

    def begin(self, memory: None, alone: bool = False) -> _State:
        return _State()

    def limit(self, state: _State, costs: DraftCosts) -> DraftOrder:
        if not state.counts:
            return DraftOrder(1, 1)
        choices, ways, curve = list[tuple[Choice, ...]](), list[tuple[float, float, float, float]](), costs.curve
        for layer, counts in state.counts.items():
            if layer is _OWN:
                choices.append(())
                ways.append((counts.hopeful_alpha, 1.0, counts.hopeful_alpha, costs.draft(1)))
            else:
                choices += [(ExitLayer(layer), ConfidenceStop(threshold)) for threshold in (counts.threshold, 0.0)]
                ways.append((counts.alpha, *counts.on, state.seconds[layer]))
                ways.append((counts.alpha, 1.0, counts.alpha, state.seconds[layer]))
        rates = tokens_per_second(ways, curve.table(1 + self.max_nodes))
        way, length = divmod(int(rates.argmax()), self.max_nodes)
        if rates[way, length] * curve(1) <= 1:
            return NOTHING
        return DraftOrder(length + 1, length + 1, choices[way])

    def observe(self, state: _State, tree: Tree, path: Sequence[int]) -> None:
        if state.measured:
            return
        counts = state.counts.get(_OWN) or _Counts()
        counts.fade(self.keep)
        on_path, accepted = {ROOT, *path}, set(path)
        for depth in {depth for depth, parent in zip(tree.depths(), tree.parents, strict=True) if parent in on_path}:
            nodes = [node for node, at in enumerate(tree.depths()) if at == depth]
            counts.add(bool(accepted.intersection(nodes)))
        if counts.right + counts.wrong > 0:
            state.counts[_OWN] = counts

    def learn(self, state: _State, measured: Any) -> None:
        if not isinstance(measured, Shadow):
            return
        if not state.measured:
            state.counts, state.measured = {}, True
        state.seconds = measured.seconds
        for layer, hits in measured.hits.items():
            counts = state.counts.setdefault(layer, _Counts())
            counts.fade(self.keep)
            for hit, sure in zip(hits, measured.confidence[layer], strict=True):
                counts.add(hit, sure)


def tokens_per_second(ways: Sequence[tuple[float, float, float, float]], steps: Sequence[float] | np.ndarray) -> np.ndarray:
    """Expected tokens a second of steps that draft 1, 2, ... tokens at most, (number of ways, longest).

    ways: of each way to draft the chance that a token is right, that the draft goes on after it, that it goes on and the token
    is right, and the seconds that drafting a token takes. steps: seconds of the step over 1, 2, ... 1 + longest rows.

    >>> tokens_per_second([(0.5, 1.0, 0.5, 0.25), (0.5, 0.5, 0.5, 0.25)], [1.0, 1.0, 1.0]).round(3).tolist()  # 1.5 drafted in the last
    [[1.2, 1.167], [1.2, 1.273]]
    """
    alpha, goes_on, rightly, draft = np.array(ways).T[..., None]
    before = np.arange(len(steps) - 1)
    drafted = (goes_on**before).cumsum(1)
    tokens = 1 + alpha * (rightly**before).cumsum(1)
    return tokens / (drafted * draft + np.interp(drafted, np.arange(len(steps)), steps))
