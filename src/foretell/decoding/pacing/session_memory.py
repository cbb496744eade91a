"""What the never-slower pace keeps across the requests of a session."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from foretell.decoding.draft_order import DraftCosts
from foretell.decoding.pacing.account import Account
from foretell.decoding.pacing.rates import Rates

#: Largest share that a request may lose beyond its allowance.
_EARNED = 0.05


@dataclass
class SessionMemory:
    """rates: of all requests. account: of all requests together. poorest: the least that a request of the batch could lose in
    the step before. costs, so_far: of the present step, and the least so far."""

    rates: Rates
    account: Account = field(default_factory=Account)
    poorest: float = math.inf
    costs: DraftCosts | None = None
    so_far: float = math.inf

    @property
    def earned(self) -> float:
        """The share of plain decoding's time that a new request may lose because the earlier ones gained."""
        return min(max(self.account.gain / 2, 0.0), _EARNED)

    def note(self, room: float, costs: DraftCosts) -> float:
        """Note what a request may lose in this step, and return what all of them may lose, as far as known."""
        if costs is not self.costs:
            self.poorest, self.so_far, self.costs = self.so_far, math.inf, costs
        self.so_far = min(self.so_far, room)
        return min(room, self.poorest)
