"""DEL: in each step, the exit layer, draft length and threshold with the most expected tokens per second."""

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

#: The key for drafters that measure no exits: their tokens are counted as they are accepted.
_OWN = None


@dataclass
class _Counts:
    """Decaying counts of right and wrong tokens, sums of their confidence, and counts of those above the threshold."""

    right: float = 0.0
    wrong: float = 0.0
    sum_right: float = 0.0
    sum_wrong: float = 0.0
    on_right: float = 0.0
    on_wrong: float = 0.0

    def fade(self, keep: float) -> None:
        for name in vars(self):
            setattr(self, name, keep * getattr(self, name))

    def add(self, hit: bool, confidence: float = 0.0) -> None:
        goes_on = confidence >= self.threshold  # as it was when the token was drafted
        if hit:
            self.right, self.sum_right, self.on_right = self.right + 1, self.sum_right + confidence, self.on_right + goes_on
        else:
            self.wrong, self.sum_wrong, self.on_wrong = self.wrong + 1, self.sum_wrong + confidence, self.on_wrong + goes_on

    @property
    def alpha(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def hopeful_alpha(self) -> float:
        """The share of right tokens with one extra right and one extra wrong token, so that a failed exit is tried again as counts
        decay."""
        return (self.right + 1) / (self.right + self.wrong + 2)

    @property
    def on(self) -> tuple[float, float]:
        """(share of tokens above the threshold, share of tokens that are above it and right)."""
        total = self.right + self.wrong
        return (self.on_right + self.on_wrong) / total, self.on_right / total

    @property
    def threshold(self) -> float:
        """The middle between the mean confidence of right and of wrong tokens; where there are none, 1 and 0."""
        right = self.sum_right / self.right if self.right else 1.0
        wrong = self.sum_wrong / self.wrong if self.wrong else 0.0
        return (right + wrong) / 2


@dataclass
class _State:
    counts: dict[int | None, _Counts] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    measured: bool = False


@dataclass(frozen=True)
class DynamicExitLayer(Pace[None, _State]):
    """In each step, the exit layer and draft length g, from 0 on, that maximise (1 + a + ... + a^g) / (g * draft + t(1 + g)), where a is
    the share of right tokens of the layer's exit. With g = 0 nothing is drafted.

    The drafter measures each exit at every accepted position ("shadow tokens"), so all exits are evaluated, whichever drafts. A draft ends
    at length g, or earlier where the exit's confidence falls below the middle between its mean confidence on right and on wrong tokens. The
    threshold is used only where it gives more expected tokens per second, because it also ends drafts that were right. The first step
    drafts one token at the drafter's own exit. With a drafter that measures no exits, the acceptance of its tokens is counted and only the
    length is chosen.

    max_nodes: longest draft (gamma_max). keep: decay factor of counts per step (omega).

    Guarantee: none of its own; exact verifiers stay exact, because the draft depends on earlier positions only. Needs: the cost curve, and
    a drafter with candidates, such as `early-exit(layer=2, num_tokens=18, candidates=(2, 4, 6))`. Cost: 0.1 ms per step; shadow tokens are
    a cost of the drafter. State: counts of each exit, per request. They count greedy matches, also where tokens are sampled.

    Zarch et al., "DEL: Context-Aware Dynamic Exit Layer for Efficient Self-Speculative Decoding", sections 3.2 and 3.3.
    Departures: costs are measured seconds, not layers, because the head of a small model costs as much as several layers; g = 0
    drafts nothing (the paper's code always drafts one token); the threshold is optional, and g bounds the draft (in the paper the
    threshold alone ends it); the threshold is defined also where an exit was never right, or never wrong. Errors:
    UserError for max_nodes below 1, for keep outside (0, 1].

    >>> from foretell.decoding.cost_curve import CostCurve
    >>> pace = DynamicExitLayer()
    >>> state = pace.begin(pace.remember())
    >>> pace.learn(state, Shadow({2: [True, False], 4: [True, True]}, {2: [0.9, 0.5], 4: [0.9, 0.9]}, {2: 0.3, 4: 0.5}))
    >>> pace.limit(state, DraftCosts(CostCurve.flat(1.0)))
    DraftOrder(num_nodes=18, depth=18, choices=(ExitLayer(layer=4), ConfidenceStop(threshold=0.45)))
    """

    papers = ("del",)

    max_nodes: int = 18
    keep: float = 0.95

    aliases = ("del",)

    def __post_init__(self) -> None:
        require(isinstance(self.max_nodes, int) and self.max_nodes >= 1, self, "max_nodes", self.max_nodes, "must be at least 1")
        require(0 < self.keep <= 1, self, "keep", self.keep, "must be above 0 and at most 1")

    @classmethod
    def examples(cls) -> list[DynamicExitLayer]:
        return [cls(max_nodes=2)]

    @property
    def needs(self) -> Needs:
        return Needs(curve=True)

    def begin(self, memory: None, alone: bool = False) -> _State:
        return _State()

    def limit(self, state: _State, costs: DraftCosts) -> DraftOrder:
        if not state.counts:
            return DraftOrder(1, 1)
        choices, options, curve = list[tuple[Choice, ...]](), list[tuple[float, float, float, float]](), costs.curve
        for layer, counts in state.counts.items():
            if layer is _OWN:
                choices.append(())
                options.append((counts.hopeful_alpha, 1.0, counts.hopeful_alpha, costs.draft(1)))
            else:
                choices += [(ExitLayer(layer), ConfidenceStop(threshold)) for threshold in (counts.threshold, 0.0)]
                options.append((counts.alpha, *counts.on, state.seconds[layer]))
                options.append((counts.alpha, 1.0, counts.alpha, state.seconds[layer]))
        rates = tokens_per_second(options, curve.table(1 + self.max_nodes))
        best, length = divmod(int(rates.argmax()), self.max_nodes)
        if rates[best, length] * curve(1) <= 1:
            return NOTHING
        return DraftOrder(length + 1, length + 1, choices[best])

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
            for hit, confidence in zip(hits, measured.confidence[layer], strict=True):
                counts.add(hit, confidence)


def tokens_per_second(options: Sequence[tuple[float, float, float, float]], steps: Sequence[float] | np.ndarray) -> np.ndarray:
    """Expected tokens per second of steps that draft at most 1, 2, ... tokens, (number of options, longest).

    options: for each way to draft, the probability that a token is right, that the draft continues after it, that both hold, and the
    seconds of drafting a token. steps: seconds of the step over 1, 2, ... 1 + longest rows.

    >>> tokens_per_second([(0.5, 1.0, 0.5, 0.25), (0.5, 0.5, 0.5, 0.25)], [1.0, 1.0, 1.0]).round(3).tolist()  # 1.5 drafted in the last
    [[1.2, 1.167], [1.2, 1.273]]
    """
    alpha, goes_on, rightly, draft = np.array(options).T[..., None]
    before = np.arange(len(steps) - 1)
    drafted = (goes_on**before).cumsum(1)
    tokens = 1 + alpha * (rightly**before).cumsum(1)
    return tokens / (drafted * draft + np.interp(drafted, np.arange(len(steps)), steps))
