"""What may be concluded from a ratio of speeds."""

from __future__ import annotations

from foretell.bench.speed_ratio import MIN_PROMPTS, SpeedRatio

FASTER, SLOWER, UNDECIDED = "faster", "slower", "no difference shown"
#: How far above its tokens a step a measured ratio may lie by noise.
_NOISE = 1.1


def conclude(ratio: SpeedRatio | None, most_gain: float | None) -> str:
    """FASTER, SLOWER or UNDECIDED against plain decoding, or why nothing can be concluded; "" where there is no ratio.

    most_gain: the recipe's tokens a step, geometric mean over prompts like the ratio; None where they are not known. A step with drafts
    takes at least as long as one of plain decoding, which adds one token. So a recipe cannot gain more than its tokens a step; where it
    was measured to, the measurement is wrong.

    >>> enough = {prompt: [5.0 + prompt / 100] for prompt in range(8)}
    >>> conclude(SpeedRatio.of(enough), 6.0), conclude(SpeedRatio.of({0: [1.9], 1: [2.0]}), 2.5)
    ('faster', 'too few prompts to conclude: 2; 8 or more')
    >>> conclude(SpeedRatio.of(enough), 1.0)
    'not possible at 1.00 tokens a step, so the measurement is wrong'
    """
    if ratio is None:
        return ""
    if not is_possible(ratio, most_gain):
        return f"not possible at {most_gain:.2f} tokens a step, so the measurement is wrong"
    if ratio.claim_low is None or ratio.claim_high is None or not ratio.is_enough:
        return f"too few prompts to conclude: {ratio.num}; {MIN_PROMPTS} or more"
    if ratio.claim_low > 1 and (most_gain is None or most_gain >= ratio.claim_low):
        return FASTER
    return SLOWER if ratio.claim_high < 1 else UNDECIDED


def is_possible(ratio: SpeedRatio, most_gain: float | None) -> bool:
    """Whether a recipe with so many tokens a step can be so many times as fast as plain decoding."""
    return most_gain is None or ratio.mean <= _NOISE * most_gain
