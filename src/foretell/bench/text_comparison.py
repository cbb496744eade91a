"""Comparing an arm's texts with plain decoding's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.bench.runner import Measurement


@dataclass(frozen=True)
class TextDifference:
    """The first place where a text differs from plain decoding's.

    group, text: numbers of the group and of the text in it. place: index of the token. at_tie: whether either trace marks it as a tie.
    """

    group: int
    text: int
    place: int
    at_tie: bool


@dataclass
class TextComparison:
    """compared: number of texts. differences: one for each text that differs."""

    compared: int = 0
    differences: list[TextDifference] = field(default_factory=list)

    @property
    def unmarked(self) -> int:
        """Differences that are not at a tie."""
        return sum(not difference.at_tie for difference in self.differences)

    @property
    def same(self) -> int:
        """Texts that are equal."""
        return self.compared - len(self.differences)


def first_difference(a: Sequence[int], b: Sequence[int]) -> int | None:
    """The first index where two texts differ; None for equal texts.

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
