"""What measurements add up to: tokens, time, and one trace of all steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.bench.runner import Measurement
from foretell.decoding.trace import Step, Trace

#: Depths of drafts whose acceptance is reported; deeper ones are rare, and their shares noisy.
_MAX_DEPTH = 12
#: Steps that must have drafted to a depth for its acceptance to be reported.
_MIN_STEPS = 5


@dataclass
class Totals:
    """Sums over measurements of one arm.

    groups: numbers of the groups that were measured. num_tokens, seconds: of all texts. later_tokens, later_seconds: after the first token
    of each text. is_timed: whether the time of the first token is known everywhere. is_single: whether all texts were decoded one at a
    time. trace: all steps of all requests. later_steps: the steps that added tokens, without the first of each text, whose rows are mostly
    the prompt's.
    """

    groups: set[int] = field(default_factory=set)
    num_tokens: int = 0
    seconds: float = 0.0
    later_tokens: int = 0
    later_seconds: float = 0.0
    is_timed: bool = True
    is_single: bool = True
    trace: Trace = field(default_factory=lambda: Trace(0))
    later_steps: list[Step] = field(default_factory=list)

    @classmethod
    def of(cls, measurements: Sequence[Measurement]) -> Totals:
        """Add up measurements."""
        total = cls()
        for measurement in measurements:
            output = measurement.output
            decode_steps = [trace.decode_steps for trace in output.traces]
            total.groups.add(measurement.group)
            total.num_tokens += output.num_tokens
            total.seconds += output.seconds
            total.is_timed &= output.first_seconds is not None
            total.is_single &= len(output.traces) == 1
            total.trace.steps += [step for trace in output.traces for step in trace.steps]
            total.later_steps += [step for steps in decode_steps for step in steps[1:]]
            num_first = sum(len(steps[0].tokens) for steps in decode_steps if steps) or len(output.tokens)
            total.later_tokens += output.num_tokens - num_first
            total.later_seconds += output.seconds - (output.first_seconds or 0.0)
        return total

    @property
    def tokens_per_second(self) -> float:
        """All tokens over all time, prompts included."""
        return self.num_tokens / self.seconds if self.seconds else 0.0

    @property
    def decode_tokens_per_second(self) -> float | None:
        """Tokens after the first step of each text, over the time after it; None where the first token was not timed."""
        return self.later_tokens / self.later_seconds if self.is_timed and self.later_seconds > 0 else None

    def acceptance(self) -> list[float]:
        """Share of the steps that drafted to depth 1, 2, ... whose accepted path reached it, as far as enough steps drafted so deep."""
        num_steps: Counter[int] = Counter()
        for step in self.trace.decode_steps:
            depths: list[int] = []
            for parent in step.parents:
                depths.append(1 if parent < 0 else depths[parent] + 1)
            num_steps.update(range(1, max(depths, default=0) + 1))
        enough = sum(num >= _MIN_STEPS for num in num_steps.values())
        return self.trace.acceptance()[: min(enough, _MAX_DEPTH)]
