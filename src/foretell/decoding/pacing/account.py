"""The account of one request: what drafting gained and cost it against plain decoding, by the cost curve and never by the clock."""

from __future__ import annotations

from dataclasses import dataclass

#: A request is trusted to take at least as long as so many plain steps, or nothing could be tried at first.
_AT_LEAST = 40
#: Most steps that a rest is foreseen for, since a batch changes.
_LONGEST = 16.0


@dataclass
class Account:
    """plain: seconds that plain decoding would have taken for the text so far. balance: seconds that accepted tokens saved, minus those
    that drafting took. step: seconds of a plain step in the present batch. spent: what this step's drafts take, if nothing is accepted.

    >>> account = Account()
    >>> account.open_step(plain=1.0)
    >>> account.room(allowance=0.02)  # two hundredths of 40 steps
    0.8
    >>> account.spent = 0.25
    >>> account.close_step(num_accepted=0)
    >>> round(account.room(allowance=0.02), 6)
    0.55
    """

    plain: float = 0.0
    balance: float = 0.0
    step: float = 0.0
    spent: float = 0.0

    def open_step(self, plain: float) -> None:
        """Begin a step in which plain decoding takes `plain` seconds a token."""
        self.step, self.spent = plain, 0.0

    def read(self, seconds: float) -> None:
        """Note the time of reading the prompt, once."""
        if not self.plain:
            self.plain = seconds

    def room(self, allowance: float) -> float:
        """Seconds that this step may lose: then all drafts together have cost at most the share `allowance` of plain decoding's time."""
        return self.balance + allowance * max(self.plain, _AT_LEAST * self.step)

    def steps_until(self, seconds: float, room: float, allowance: float) -> int:
        """Plain steps until `room` has grown to `seconds`: 1 at least, and 16 at most."""
        if not self.step or not allowance:
            return 1
        waiting = max(_AT_LEAST - self.plain / self.step, 0.0)  # so long the room does not grow
        return int(min(max(waiting + (seconds - room) / (allowance * self.step), 1.0), _LONGEST))

    def close_step(self, num_accepted: int) -> None:
        """Book what the step's drafts took and saved."""
        self.balance += num_accepted * self.step - self.spent
        self.plain += (1 + num_accepted) * self.step
        self.spent = 0.0
