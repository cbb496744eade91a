"""A limit in time: what ends requests early, between two steps."""

from __future__ import annotations

import time


class Limit:
    """Ends the requests that have it early: at a point in time, or when somebody cancels them. Requests of one call share one.

    It is looked at before each step, so a request lasts a step longer at most. Thread-safe.

    >>> limit = Limit()
    >>> limit.reason
    ''
    >>> limit.start(0.0)
    >>> limit.reason
    'timeout'
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._end: float | None = None
        self._is_cancelled = False
        self.start(seconds)

    def start(self, seconds: float | None) -> None:
        """Let the time begin: it is over in so many seconds; None is never."""
        self._end = None if seconds is None else time.monotonic() + seconds

    def cancel(self) -> None:
        """End the requests at their next step, with what they have."""
        self._is_cancelled = True

    @property
    def reason(self) -> str:
        """The finish reason of a request that has to end now: "cancelled" or "timeout"; "" where it may go on."""
        if self._is_cancelled:
            return "cancelled"
        return "timeout" if self._end is not None and time.monotonic() >= self._end else ""
