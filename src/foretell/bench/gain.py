"""The speed-up of a run over plain decoding, estimated from its trace and the cost curve, without a second run."""

from __future__ import annotations

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.trace import Step, Trace


def steps_after_first(trace: Trace) -> list[Step]:
    """The decode steps after the first one, which holds the prompt's rows and costs the same for every recipe."""
    return trace.decode_steps[1:]


def gain(trace: Trace, curve: CostCurve) -> float | None:
    """Plain decoding's time for the same tokens after the first step, over this run's; None for runs without a second step.

    Plain decoding takes one step of one row a token (those of an ending take none), `tokens * t(1)`, plus the time spent on masks and
    decisions, which it spends as well. The curve was measured at another time and on a text of another length, so t(1) is scaled by this
    run's forward time over the time that the curve predicts for it. Only the shape of the curve enters, so a busy machine does not look
    like a slow recipe. All other times, drafting included, are this run's own.

    >>> step = Step(3, [4, 5], [-1, 0], ["a"] * 2, [0, 1], [4, 5, 6], ["a", "a", ""], [], {"forward": 1.5, "draft": 0.5})
    >>> gain(Trace(1, steps=[step, step]), CostCurve((1, 3), (1.0, 1.5)))
    1.5
    """
    steps = steps_after_first(trace)
    seconds = {phase: sum(step.seconds.get(phase, 0.0) for step in steps) for phase in ("draft", "forward", "mask", "decide", "other")}
    by_curve = sum(curve(step.num_rows) for step in steps)
    if not steps or not by_curve or not sum(seconds.values()):
        return None
    num_tokens = sum(step.num_decoded for step in steps)
    plain = num_tokens * curve(1) * seconds["forward"] / by_curve + seconds["mask"] + seconds["decide"]
    return plain / sum(seconds.values())
