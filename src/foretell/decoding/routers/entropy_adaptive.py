"""Entropy adaptive decoding: the small model gives tokens of low entropy, the large model those of high entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from foretell.decoding.router import LARGE, SMALL, Router
from foretell.errors import UserError
from foretell.models.one_thread import one_thread
from foretell.parts import Guarantee, require

STARTS = ("small", "large")
SIGNALS = ("active", "small")
DECISIONS = ("before", "after")


class Turn(NamedTuple):
    """The router's state. speaker: the current member. spoken: tokens since it was chosen. entropies: the last ones, in bits, oldest
    first."""

    speaker: int
    spoken: int
    entropies: tuple[float, ...]


@dataclass(frozen=True)
class EntropyAdaptive(Router):
    """Switch between a small and a large model when the mean entropy of the last rows crosses a threshold, after a minimum duration.

    threshold: in bits; a mean at or above it selects the large model, one below it the small model. inf always selects the small model,
    -inf the large one. window: rows in the mean (fewer at the beginning). min_duration: least number of tokens between two switches, also
    before the first. lower: the small model is selected at or below this value only (hysteresis); None is `threshold`. signal: whose
    entropy is used, the "active" member's or always the "small" one's, whose cache then never lags. decide: "before" the token (a switch
    takes effect at once and costs a second row) or "after" it. start: the first member.

    Guarantee: lossy; the text follows neither model alone. Needs: two models that share vocabulary, stop tokens and chat template.
    Cost: the entropy of a row of logits per token; a switch costs one pass over the text that the other model has not read.
    State: `Turn`, a value for each position of a text, kept in the group's cache.
    Departures: the paper does not specify which model starts, whether the first duration counts, whose entropy is used while the large
    model is active, and whether a switch takes effect before the token; these are options here. A tie selects the large model.
    Errors: UserError for a threshold that is NaN or negative (other than -inf), a window or duration below 1, NaN logits.

    Tufa Labs, "Entropy Adaptive Decoding: Dynamic Model Switching for Efficient Inference", section 3.

    >>> import torch
    >>> router = EntropyAdaptive(threshold=1.0, min_duration=1)
    >>> speaker, turn = router.choose(router.begin([5]), torch.zeros(4))
    >>> speaker, router.choose(turn, torch.zeros(4))[0]
    (0, 1)
    """

    papers = ("entropy-adaptive",)

    threshold: float
    window: int = 5
    min_duration: int = 10
    lower: float | None = None
    signal: str = "active"
    decide: str = "before"
    start: str = "small"

    guarantee = Guarantee("lossy", "a small and a large model take turns by entropy, and the text is neither's own")

    def __post_init__(self) -> None:
        good = self.threshold >= 0 or self.threshold == -math.inf
        require(good, self, "threshold", self.threshold, "must be 0 bits or above, or -inf for the large model alone")
        for name in ("window", "min_duration"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 1, self, name, value, "must be at least 1 token")
        if self.lower is not None:
            require(0 <= self.lower <= self.threshold, self, "lower", self.lower, "must lie between 0 and the threshold")
        for name, known in (("signal", SIGNALS), ("decide", DECISIONS), ("start", STARTS)):
            require(getattr(self, name) in known, self, name, getattr(self, name), f"must be one of {', '.join(known)}")

    @classmethod
    def examples(cls) -> list[EntropyAdaptive]:
        return [cls(1.0, 2, 1), cls(1.2, 1, 2, lower=0.9, signal="small", decide="after", start="large")]

    def begin(self, prompt: Sequence[int]) -> Turn:
        return Turn(STARTS.index(self.start), 0, ())

    def listener(self, state: Turn) -> int:
        return state.speaker if self.signal == "active" else SMALL

    def choose(self, state: Turn, row: Tensor | None) -> tuple[int, Turn]:
        assert row is not None  # the group asked `listener`
        entropies = (*state.entropies, entropy_bits(row))[-self.window :]
        mean = sum(entropies) / len(entropies)
        if self.decide == "before":
            speaker = self._next(state.speaker, state.spoken, mean)
            return speaker, Turn(speaker, 1 if speaker != state.speaker else state.spoken + 1, entropies)
        following = self._next(state.speaker, state.spoken + 1, mean)
        return state.speaker, Turn(following, 0 if following != state.speaker else state.spoken + 1, entropies)

    def _next(self, speaker: int, spoken: int, mean: float) -> int:
        if spoken < self.min_duration:
            return speaker
        if mean >= self.threshold:
            return LARGE
        return SMALL if mean <= (self.threshold if self.lower is None else self.lower) else speaker


@one_thread()
def entropy_bits(logits: Tensor) -> float:
    """Entropy of softmax(`logits`) (vocab_size,) in bits, from 0 to log2 of the vocabulary. UserError for rows that hold NaN.

    >>> import torch
    >>> entropy_bits(torch.zeros(8))
    3.0
    """
    gaps = logits.double() - logits.double().max()
    weights = gaps.exp()
    total = float(weights.sum())
    # log2 of the sum comes first, so that uniform and one-hot rows have no rounding error and can equal a threshold.
    bits = math.log2(total) - float((weights * gaps.clamp(min=-1e30)).sum()) / total / math.log(2) if total == total else math.nan
    if math.isnan(bits):
        raise UserError("entropy: the logits hold NaN or no finite value; the model that computed them is broken, check its weights")
    return max(0.0, bits)
