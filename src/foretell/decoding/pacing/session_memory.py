"""What the never-slower pace keeps across the requests of a session."""

from __future__ import annotations

import math
from dataclasses import dataclass

from foretell.decoding.pacing.rates import Rates


@dataclass
class SessionMemory:
    """rates: of all requests. poorest: the least that a request of the batch may lose in this step, as
    far as known. committed: seconds that the drafts of this step take, as far as decided. num_texts: requests of the last step that was
    decided about. num_observed: of these, how many were observed. deciding: whether a step has begun and no request of it was observed."""

    rates: Rates
    poorest: float = math.inf
    committed: float = 0.0
    num_texts: int = 0
    num_observed: int = 0
    deciding: bool = False

    def left(self, room: float, fresh: float, num_texts: int) -> float:
        """What this step's further drafts may cost. room: what the next request may lose. fresh: what a new request may lose. num_texts: of
        the batch; where they are more than before, one of them is new."""
        if not self.deciding:
            self.deciding, self.committed = True, 0.0
            if num_texts > self.num_texts:
                self.poorest = min(self.poorest, fresh)
            self.num_texts = num_texts
        self.poorest = min(self.poorest, room)
        return self.poorest - self.committed

    def observe(self, room: float) -> None:
        """Note what a request may lose after its step."""
        if self.deciding or self.num_observed >= self.num_texts:
            self.deciding, self.poorest, self.num_observed = False, math.inf, 0
        self.poorest = min(self.poorest, room)
        self.num_observed += 1
