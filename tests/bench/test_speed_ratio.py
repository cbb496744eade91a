"""Ratios of speeds: Student's quantiles against scipy, coverage for few prompts, and what may be concluded."""

import math

import numpy as np
import pytest

from foretell.bench.arms import BenchSetting
from foretell.bench.conclusion import FASTER, SLOWER, UNDECIDED, conclude
from foretell.bench.report import Provenance, make_report
from foretell.bench.runner import run
from foretell.bench.speed_ratio import MIN_PROMPTS, SpeedRatio, repeated_ratios, student_quantile
from foretell.bench.tables import print_report
from tests.bench.fakes import Clock, FakeArm, fake_groups, printed


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 15, 31, 100])
@pytest.mark.parametrize("share", [0.6, 0.9, 0.975, 0.995, 0.99995])
def test_students_quantiles_agree_with_scipy(degrees, share):
    stats = pytest.importorskip("scipy.stats")
    assert student_quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), rel=1e-9)


@pytest.mark.parametrize("num", [2, 4, 8, 16])
def test_the_interval_covers_as_often_as_it_says_for_few_prompts_too(num):
    rng = np.random.default_rng(num)
    samples = rng.normal(math.log(1.3), 0.2, (500, num))
    ratios = [SpeedRatio.of({prompt: [math.exp(value)] for prompt, value in enumerate(sample)}) for sample in samples]
    assert 0.92 <= np.mean([ratio.low <= 1.3 <= ratio.high for ratio in ratios]) <= 0.98  # 95 % +- 3 standard errors
    assert np.mean([ratio.claim_low <= 1.3 <= ratio.claim_high for ratio in ratios]) >= 0.976


def test_few_prompts_give_wide_intervals_and_one_gives_none():
    two, eight = (SpeedRatio.of({prompt: [1.2 + 0.2 * (prompt % 2)] for prompt in range(num)}) for num in (2, 8))
    assert two.high / two.low > 2.5 > 1.2 > eight.high / eight.low
    one = SpeedRatio.of({0: [1.99, 1.98, 2.0]})
    assert (one.mean, one.low, one.high, one.num, one.num_repeats) == (pytest.approx(1.99), None, None, 1, 3)
    assert SpeedRatio.of({}) is None


def test_a_prompt_counts_once_however_often_it_is_repeated():
    once = SpeedRatio.of({0: [1.0], 1: [2.0]})
    often = SpeedRatio.of({0: [1.0] * 9, 1: [2.0] * 3})
    assert (once.low, once.high) == (often.low, often.high)


def test_repeats_are_paired():
    assert repeated_ratios({0: {0: 4.0, 1: 9.0}, 2: {0: 1.0}}, {0: {1: 3.0}, 1: {0: 1.0}}) == {0: [3.0]}


def test_the_best_of_many_needs_a_wider_interval():
    ratios = {prompt: [1.1 + 0.05 * (prompt % 3)] for prompt in range(9)}
    alone, best_of_ten = SpeedRatio.of(ratios), SpeedRatio.of(ratios, 10)
    assert best_of_ten.claim_low < alone.claim_low < alone.low
    assert (alone.low, alone.high) == (best_of_ten.low, best_of_ten.high)


def _of(mean, num=12, noise=0.01):
    return SpeedRatio.of({prompt: [mean * (1 + noise * (-1) ** prompt)] for prompt in range(num)})


def test_what_is_concluded():
    assert conclude(_of(1.3), 1.6) == FASTER
    assert conclude(_of(0.8), 1.2) == SLOWER
    assert conclude(_of(1.01, noise=0.1), 1.2) == UNDECIDED
    assert conclude(_of(1.3, MIN_PROMPTS - 1), 1.6) == "too few prompts to conclude: 7; 8 or more"
    assert conclude(None, 1.6) == ""
    assert conclude(_of(2.0), None) == FASTER  # another program


def test_no_recipe_gains_more_than_its_tokens_a_step():
    assert conclude(_of(5.34), 1.0) == "not possible at 1.00 tokens a step, so the measurement is wrong"
    assert conclude(_of(1.05), 1.0) == UNDECIDED  # within the noise, but no gain


def _report(seconds, num):
    clock = Clock()
    arms = [FakeArm("plain", clock, 2.0), FakeArm("fast", clock, seconds)]
    result = run(arms, fake_groups(num), BenchSetting(16), clock=clock)
    return make_report(result, arms, None, Provenance("model", "prompts", {"max_new_tokens": 16}))


def test_reports_refuse_to_conclude_from_few_prompts():
    few = _report(1.0, 4)
    assert few.sentence() == (
        "fast measured 2.00 times plain decoding (95 % interval 2.00 to 2.00, 4 prompts): too few prompts to conclude: 4; 8 or more."
    )
    assert few.winner is None
    found = few.to_dict()
    assert (found["winner"], found["recipes"][1]["conclusion"]) == (None, "too few prompts to conclude: 4; 8 or more")
    text = printed(lambda console: print_report(few, console))
    assert "Too few prompts to conclude: 4; 8 or more are needed." in text
    assert "2.00?" in text
    one = _report(1.0, 1)
    assert "(1 prompt)" in one.sentence()
    assert one.arms[1].ratios["plain"].low is None


def test_reports_claim_what_is_shown_only():
    enough = _report(1.0, 8)
    assert enough.winner.name == "fast"
    assert enough.sentence().startswith(
        "fast decodes 16 tokens a second, 2.00 times plain decoding (95 % interval 2.00 to 2.00, 8 prompts)"
    )
    slow = _report(2.5, 8)
    assert slow.winner is None
    assert slow.sentence() == (
        "No recipe is shown to be faster than plain decoding; the best, fast, measured 0.80 times plain decoding "
        "(95 % interval 0.80 to 0.80, 8 prompts)."
    )


def test_a_ratio_that_cannot_be_is_not_reported():
    report = _report(0.4, 8)
    report.arms[1].most_gain = 1.0
    assert report.best is None
    assert report.sentence() == "No measurement is possible as it is; see the remarks."
    assert "5.00" not in printed(lambda console: print_report(report, console))
