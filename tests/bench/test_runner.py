"""Interleaving, rotation, budgets, interruption: on a simulated clock."""

import pytest

from foretell.bench.arms import BenchSetting
from foretell.bench.duration import parse_seconds
from foretell.bench.runner import run, schedule
from tests.bench.fakes import Clock, FakeArm, fake_groups


def _arms(clock, *names, **options):
    return [FakeArm(name, clock, **options) for name in names]


def test_arms_take_turns_on_each_prompt_and_the_order_rotates():
    clock = Clock()
    arms = _arms(clock, "a", "b", "c")
    result = run(arms, fake_groups(4), BenchSetting(16), clock=clock)
    ran = [(sample.group, sample.arm) for sample in result.measurements]
    assert ran == [(0, "a"), (0, "b"), (0, "c"), (1, "b"), (1, "c"), (1, "a"), (2, "c"), (2, "a"), (2, "b"), (3, "a"), (3, "b"), (3, "c")]
    assert result.ended == ""


def test_each_repeat_begins_with_fresh_memories_and_another_order():
    clock = Clock()
    arms = _arms(clock, "a", "b")
    result = run(arms, fake_groups(2), BenchSetting(16), repeats=2, clock=clock)
    assert [arm.begun for arm in arms] == [2, 2]
    first, second = ([s.arm for s in result.measurements if s.repeat == repeat and s.group == 0] for repeat in (0, 1))
    assert first == ["a", "b"]
    assert second == ["b", "a"]


def test_slow_arms_can_be_kept_to_the_first_prompts():
    arms = [*_arms(Clock(), "a"), FakeArm("slow", Clock(), limit=2)]
    rounds = [[arm.name for arm in order] for _, _, order in schedule(arms, 4)]
    assert rounds == [["a", "slow"], ["slow", "a"], ["a"], ["a"]]


def test_no_round_begins_that_would_not_end_within_the_budget():
    clock = Clock()
    arms = _arms(clock, "a", "b", seconds=10.0)
    result = run(arms, fake_groups(8), BenchSetting(16), budget=75.0, clock=clock)
    # The warm-up takes 20 seconds, each round 20: two rounds fit into 75, a third would end at 80.
    assert {sample.group for sample in result.measurements} == {0, 1}
    assert result.ended == "time budget spent"
    assert clock.now <= 75.0


def test_at_least_one_round_runs_whatever_the_budget():
    clock = Clock()
    result = run(_arms(clock, "a", seconds=10.0), fake_groups(3), BenchSetting(16), budget=0.1, clock=clock)
    assert len(result.measurements) == 1


def test_ctrl_c_keeps_what_was_finished():
    clock = Clock()
    arms = [FakeArm("a", clock), FakeArm("b", clock, interrupts_at="1")]
    result = run(arms, fake_groups(4), BenchSetting(16), clock=clock)
    assert result.ended == "interrupted"
    assert [(sample.group, sample.arm) for sample in result.measurements] == [(0, "a"), (0, "b")]


def test_a_peer_that_fails_is_left_out_but_our_own_faults_are_raised():
    clock = Clock()
    peer = FakeArm("peer", clock, is_peer=True, fails=RuntimeError("no such kernel"))
    result = run([FakeArm("a", clock), peer], fake_groups(2), BenchSetting(16), clock=clock)
    assert result.failed == {"peer": "RuntimeError: no such kernel"}
    assert len(result.measurements) == 2
    with pytest.raises(RuntimeError, match="no such kernel"):
        run([FakeArm("a", clock, fails=RuntimeError("no such kernel"))], fake_groups(2), BenchSetting(16), clock=clock)


def test_progress_foretells_the_time_to_go():
    clock, told = Clock(), []
    run([FakeArm("a", clock, 1.0), FakeArm("b", clock, 3.0)], fake_groups(5), BenchSetting(16), report=told.append, clock=clock, warm=False)
    assert told[2].seconds_left == pytest.approx(16.0)  # after one round of 4 seconds, four are to go
    assert told[2].share == pytest.approx(0.2)
    assert [progress.share for progress in told] == sorted(progress.share for progress in told)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0.5 min", 30), ("2H", 7200)])
def test_durations(text, seconds):
    assert parse_seconds(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5m", "0", "5 weeks", "m"])
def test_bad_durations_are_refused_by_name(text):
    with pytest.raises(ValueError, match=r"--budget '.*' is not a duration; write for example 90s"):
        parse_seconds(text, "--budget")
