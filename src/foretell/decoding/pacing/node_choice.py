"""How many drafted tokens of a batch are worth verifying, and can be afforded by all of its requests."""

from __future__ import annotations

from collections.abc import Sequence


def sure(reach: float) -> float:
    """The share of a node of this reach that is thought to be accepted in any case."""
    return max(1.0 - 4.0 * (1.0 - reach), 0.0)


def most_worth(nodes: Sequence[tuple[float, int]], losses: Sequence[float], plain: float, rooms: Sequence[float]) -> int:
    """The number of nodes, in descending order of reach, that makes expected tokens / time largest, and whose failure all can afford.

    nodes: (reach, text). losses[m]: seconds that m nodes add to a step of `plain` seconds; losses[0] are spent already. rooms:
    seconds that each text may lose.
    """
    expected, num, rooms = float(len(rooms)), 0, list(rooms)
    best = expected / (plain + losses[0])
    for count, (reach, text) in enumerate(nodes, 1):
        expected += reach
        rooms[text] += sure(reach) * plain
        rate = expected / (plain + losses[count])
        if rate > best and losses[count] <= min(rooms):
            best, num = rate, count
    return num
