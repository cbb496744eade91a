"""The large model gives each token whose entropy reaches a threshold, without a window or a minimum duration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from foretell.decoding.router import Router
from foretell.decoding.routers.entropy_adaptive import EntropyAdaptive
from foretell.parts import Guarantee


@dataclass(frozen=True)
class TokenEntropy(Router):
    """Entropy adaptive decoding with a window of one row and a minimum duration of one token: the baseline for longer windows.

    threshold: in bits, as in `EntropyAdaptive`; a tie selects the large model.

    Guarantee: lossy; the text follows neither model alone. Needs: as `EntropyAdaptive`. Cost: as `EntropyAdaptive`, with more switches.
    State: as `EntropyAdaptive`.
    Errors: UserError for a threshold that is NaN or negative (other than -inf), and for NaN logits.

    Tufa Labs, "Entropy Adaptive Decoding: Dynamic Model Switching for Efficient Inference", section 3, with a window of one row.

    >>> TokenEntropy(0.5).rule
    EntropyAdaptive(threshold=0.5, window=1, min_duration=1, lower=None, signal='active', decide='before', start='small')
    """

    papers = ("entropy-adaptive",)

    threshold: float

    guarantee = Guarantee("lossy", "a small and a large model take turns token by token, and the text is neither's own")

    def __post_init__(self) -> None:
        _ = self.rule  # checks the threshold

    @classmethod
    def examples(cls) -> list[TokenEntropy]:
        return [cls(1.2)]

    @property
    def rule(self) -> EntropyAdaptive:
        """The equivalent `EntropyAdaptive` router."""
        return EntropyAdaptive(self.threshold, window=1, min_duration=1)

    def begin(self, prompt: Sequence[int]) -> Any:
        return self.rule.begin(prompt)

    def listener(self, state: Any) -> int | None:
        return self.rule.listener(state)

    def choose(self, state: Any, row: Tensor | None) -> tuple[int, Any]:
        return self.rule.choose(state, row)
