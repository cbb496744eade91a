"""Whether an arm wrote what plain decoding wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.bench.runner import Sample


@dataclass(frozen=True)
class Difference:
    """The first place where a text differs from plain's, and whether that place is a tie that either trace marked."""

    group: int
    text: int
    place: int
    at_tie: bool


@dataclass
class Identity:
    """compared: texts; differences: of those that differ."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)

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


def compare(samples: Sequence[Sample], plain: Sequence[Sample]) -> Identity | None:
    """Texts of the first repeat against plain's; None where there is nothing to compare."""
    reference = {sample.group: sample.output for sample in plain if sample.repeat == 0}
    found = Identity()
    for sample in samples:
        expected = reference.get(sample.group)
        if sample.repeat or expected is None:
            continue
        for number, (tokens, wanted) in enumerate(zip(sample.output.tokens, expected.tokens, strict=True)):
            found.compared += 1
            place = first_difference(tokens, wanted)
            if place is not None:
                traces = [output.traces[number] for output in (sample.output, expected) if output.traces]
                found.differences.append(Difference(sample.group, number, place, any(place in trace.ties for trace in traces)))
    return found if found.compared else None
