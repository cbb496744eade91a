"""Whether an arm wrote what plain decoding wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.bench.runner import Measurement


@dataclass(frozen=True)
class TextDifference:
    """The first place where a text differs from plain's, and whether that place is a tie that either trace marked."""

    group: int
    text: int
    place: int
    at_tie: bool


@dataclass
class TextComparison:
    """compared: texts; differences: of those that differ."""

    compared: int = 0
    differences: list[TextDifference] = field(default_factory=list)

    @property
    def unmarked(self) -> int:
        """Differences that no tie excuses."""
        return sum(not difference.at_tie for difference in self.differences)

    @property
    def same(self) -> int:
        return self.compared - len(self.differences)


def first_difference(a: Sequence[int], b: Sequence[int]) -> int | None:
    """
    >>> first_difference([1, 2, 3], [1, 2, 4]), first_difference([1], [1, 2]), first_difference([1], [1])
    (2, 1, None)
    """
    for place, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return place
    return None if len(a) == len(b) else min(len(a), len(b))


def compare(measurements: Sequence[Measurement], plain: Sequence[Measurement]) -> TextComparison | None:
    """Compare the texts of the first repeat with plain decoding's; None where no group was measured by both."""
    reference = {measurement.group: measurement.output for measurement in plain if measurement.repeat == 0}
    comparison = TextComparison()
    for measurement in measurements:
        output, expected = measurement.output, reference.get(measurement.group)
        if measurement.repeat or expected is None:
            continue
        for number, (tokens, wanted) in enumerate(zip(output.tokens, expected.tokens, strict=True)):
            comparison.compared += 1
            place = first_difference(tokens, wanted)
            if place is not None:
                traces = [each.traces[number] for each in (output, expected) if each.traces]
                at_tie = any(place in trace.ties for trace in traces)
                comparison.differences.append(TextDifference(measurement.group, number, place, at_tie))
    return comparison if comparison.compared else None
