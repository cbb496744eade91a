"""Interleaving, rotation, budgets, interruption: on a simulated clock."""

import pytest

from foretell.bench.arms import BenchSetting
from foretell.bench.duration import parse_seconds
from foretell.bench.remarks import remarks_on
from foretell.bench.runner import run, schedule
from foretell.bench.summary import summarise
from foretell.bench.tasks import Group, Task
from foretell.bench.warm_up import longest
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
    assert [arm.begun for arm in arms] == [5, 5]  # two rounds of warm-up, two repeats, and the first round once more
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
    result = run(arms, fake_groups(8), BenchSetting(16), budget=95.0, clock=clock)
    # The warm-up takes 40 seconds, each round 20: two rounds fit into 95, a third would end at 100.
    assert {sample.group for sample in result.measurements} == {0, 1}
    assert result.ended == "time budget spent"
    assert clock.now <= 95.0


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
    arms = [FakeArm("a", clock, 1.0), FakeArm("b", clock, 3.0)]
    run(arms, fake_groups(5), BenchSetting(16), 1, None, told.append, clock, warm_rounds=0, check_first_round=False)
    assert told[2].seconds_left == pytest.approx(16.0)  # after one round of 4 seconds, four are to go
    assert told[2].share == pytest.approx(0.2)
    assert [progress.share for progress in told] == sorted(progress.share for progress in told)


def test_every_arm_is_warmed_up_on_the_longest_prompt_at_full_length_until_it_settles():
    clock, ran = Clock(), []

    class Watched(FakeArm):
        def run(self, group, setting):
            ran.append((self.name, len(group.tasks[0].tokens), setting.num_tokens))
            return super().run(group, setting)

    groups = [*fake_groups(2), Group((Task("long", "kind 0", (1,) * 90),)), *fake_groups(1)]
    arms = [Watched("a", clock), Watched("slow to start", clock, 1.0, cold=[9.0, 3.0, 1.05])]
    result = run(arms, groups, BenchSetting(70), clock=clock)
    assert ran[:6] == [(name, 90, 70) for name in ("a", "slow to start", "slow to start", "a", "slow to start", "slow to start")]
    assert ran[6] == ("a", 3, 70)
    assert all(sample.output.seconds == 1.0 for sample in result.measurements)
    assert (result.unsettled, result.slow_starts) == ([], {})


def test_what_does_not_settle_is_named():
    clock = Clock()
    arms = [FakeArm("a", clock), FakeArm("b", clock, 1.0, cold=[2.0**i for i in range(9, 3, -1)])]
    assert run(arms, fake_groups(2), BenchSetting(16), clock=clock).unsettled == ["b"]


def test_a_first_round_that_is_off_is_replaced_by_the_same_round_at_the_end():
    """As measured once: 0.66 s for the first texts, then 0.2 s, so that whatever came after them looked fast."""
    clock = Clock()
    plain, other = FakeArm("plain", clock, 0.2, cold=[0.2, 0.2, 0.66]), FakeArm("other", clock, 0.2)
    result = run([plain, other], fake_groups(8), BenchSetting(16), clock=clock)
    assert result.slow_starts == {"plain": pytest.approx(1.53, abs=0.01), "other": pytest.approx(0.47, abs=0.01)}
    assert all(sample.output.seconds == 0.2 for sample in result.measurements)
    assert len(result.measurements) == 16
    [other_summary] = [each for each in summarise(result, [plain, other], None) if each.name == "other"]
    assert other_summary.speedup.mean == pytest.approx(1.0)
    assert any("In the first round" in remark for remark in remarks_on(result, [plain, other], [other_summary], {"cores": 2}))


def test_batches_are_warmed_up_on_the_longest_prompt_and_on_the_fullest_batch():
    tall = Group((Task("0", "", (1,) * 50), Task("1", "", (1,) * 5)))
    full = Group((Task("2", "", (1,) * 40), Task("3", "", (1,) * 40)))
    assert longest([tall, full]) == [tall, full]
    assert longest([full]) == [full]


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0.5 min", 30), ("2H", 7200)])
def test_durations(text, seconds):
    assert parse_seconds(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5m", "0", "5 weeks", "m"])
def test_bad_durations_are_refused_by_name(text):
    with pytest.raises(ValueError, match=r"--budget '.*' is not a duration; write for example 90s"):
        parse_seconds(text, "--budget")
