"""Reading durations such as "5m"."""

from __future__ import annotations

import re

from foretell.errors import UserError

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "": 1}


def parse_seconds(text: str, name: str) -> float:
    """Seconds of "90", "90s", "5m", "1h" or "1h30m". name: of the option, for the message. Raises UserError for any other text.

    >>> parse_seconds("1m30s", "--budget")
    90.0
    """
    pieces = re.findall(r"(\d+(?:\.\d+)?)\s*(h|min|m|s|)", text.strip().lower())
    total = sum(float(number) * _UNITS[unit] for number, unit in pieces)
    if not re.fullmatch(r"(?:\d+(?:\.\d+)?\s*(?:h|min|m|s|)\s*)+", text.strip().lower()) or total <= 0:
        raise UserError(f"{name} {text!r} is not a duration; write for example 90s, 5m or 1h30m")
    return total
