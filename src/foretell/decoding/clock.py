"""Where a step's time went."""

from __future__ import annotations

import time


class Clock:
    """Splits a step's time by phase; `stop(phase)` books the time since the last call."""

    def __init__(self) -> None:
        self.seconds = {"draft": 0.0, "forward": 0.0, "decide": 0.0, "other": 0.0}
        self._last = time.perf_counter()

    def stop(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def share(self, num: int) -> dict[str, float]:
        return {phase: seconds / num for phase, seconds in self.seconds.items()}
