"""Figures of a real run of the loop on a tiny model, and of arms whose figures are known."""

import numpy as np
import pytest

from foretell.bench.arms import BenchSetting, RecipeArm, recipe_arms, short_name
from foretell.bench.defaults import default_recipes, train_free_drafters
from foretell.bench.prompts import read_prompts, spread
from foretell.bench.runner import run
from foretell.bench.summary import summarise
from foretell.bench.tasks import make_groups, make_tasks
from foretell.decoding.recipe import Recipe
from foretell.models.tiny import TinyModel
from tests.bench.conftest import CURVE
from tests.bench.fakes import Clock, FakeArm, fake_groups


def test_ratios_are_paired_by_prompt():
    clock = Clock()
    plain, fast = FakeArm("plain", clock, 2.0), FakeArm("fast", clock, 0.5)
    result = run([plain, fast], fake_groups(6), BenchSetting(10), clock=clock)
    for sample in result.measurements:
        if sample.group == 5:
            sample.output.seconds *= 10  # a neighbour slowed both down: ratios do not mind
    found = {arm.name: arm for arm in summarise(result, [plain, fast], None)}
    ratio = found["fast"].speedup
    assert (ratio.mean, ratio.low, ratio.high) == pytest.approx((4.0, 4.0, 4.0))
    assert ratio.num == 6
    assert found["plain"].tokens_per_second == pytest.approx(60 / 30)
    assert found["fast"].by_kind["kind 1"].speedup.mean == pytest.approx(4.0)
    assert found["fast"].decode_tokens_per_second == pytest.approx(9 * 6 / (0.9 * 0.5 * 5 + 5.0 - 0.05))


def test_repeats_count_by_their_median():
    clock = Clock()
    plain, fast = FakeArm("plain", clock, 2.0), FakeArm("fast", clock, 1.0)
    result = run([plain, fast], fake_groups(1), BenchSetting(10), repeats=3, clock=clock)
    result.of("fast")[1].output.seconds = 40.0
    assert summarise(result, [plain, fast], None)[1].speedup.mean == pytest.approx(2.0)


@pytest.fixture
def measured(model):
    groups = make_groups(make_tasks(spread(read_prompts(), 4), model, 40))
    arms = recipe_arms(["plain", "prompt-lookup", "token-recycling, pace=4", "prompt-lookup | token-recycling"], model)
    result = run(arms, groups, BenchSetting(40))
    return result, arms, {arm.name: arm for arm in summarise(result, arms, CURVE)}


def test_figures_of_the_loop(measured):
    result, _, found = measured
    assert len(result.measurements) == 16
    assert all(len(tokens) == 40 for sample in result.measurements for tokens in sample.output.tokens)
    assert found["plain"].tokens_per_step == 1.0
    assert found["plain"].rows == {1: 4 * 39}
    assert found["plain"].hindsight.bound == pytest.approx(1.0)
    lookup = found["prompt-lookup"]
    assert lookup.tokens_per_step > 1.2
    assert 0 < lookup.acceptance[0] <= 1
    assert sum(lookup.time_split.values()) == pytest.approx(1.0)
    assert set(lookup.drafted) == {"prompt-lookup"}
    assert sum(lookup.sources.values()) == pytest.approx(1.0)
    assert lookup.hindsight.bound >= lookup.hindsight.reached > 1.0
    assert set(found["prompt-lookup | token-recycling"].drafted) == {"prompt-lookup", "token-recycling"}
    assert max(found["token-recycling, pace=4"].rows) <= 5
    assert len(lookup.by_kind) == 4


def test_the_most_that_can_be_gained_is_the_mean_over_prompts_of_tokens_a_step(measured):
    """One prompt that copies and three that do not: their mean ratio may lie above all tokens over all steps."""
    result, _, found = measured
    steps = [sum(len(trace.decode_steps) for trace in sample.output.traces) for sample in result.of("prompt-lookup")]
    assert found["prompt-lookup"].most_gain == pytest.approx(np.exp(np.mean(np.log([40 / num for num in steps]))))
    assert found["prompt-lookup"].most_gain > found["prompt-lookup"].tokens_per_step
    assert found["plain"].most_gain == pytest.approx(1.0)


def test_exact_recipes_write_plains_text_and_a_changed_text_is_found(measured):
    result, arms, found = measured
    for name, arm in found.items():
        if name != "plain":
            assert (arm.identity.compared, arm.identity.same) == (4, 4)
    result.of("prompt-lookup")[2].output.tokens[0][7] += 1
    identity = summarise(result, arms, CURVE)[1].identity
    [difference] = identity.differences
    assert (difference.group, difference.place, difference.at_tie, identity.unmarked) == (2, 7, False, 1)
    result.of("plain")[2].output.traces[0].decode_steps[7].ties = [0]
    assert summarise(result, arms, CURVE)[1].identity.unmarked == 0


def test_batches_are_timed_as_one(model):
    groups = make_groups(make_tasks(spread(read_prompts(), 6), model, 12), 3)
    arm = RecipeArm("plain", Recipe(), model)
    result = run([arm], groups, BenchSetting(12))
    assert [len(sample.output.tokens) for sample in result.measurements] == [3, 3]
    [summary] = summarise(result, [arm], CURVE)
    assert summary.num_tokens == 72
    assert summary.tokens_per_step == 1.0
    assert summary.hindsight is None


def test_texts_end_at_stop_tokens_when_asked(model):
    groups = make_groups(make_tasks(spread(read_prompts(), 2), model, 60))
    free = run(recipe_arms(["plain"], model), groups, BenchSetting(60)).measurements[0].output.tokens[0]
    stop = free[20]
    [sample, *_] = run(recipe_arms(["plain"], model), groups, BenchSetting(60, stop_tokens=frozenset({stop}))).measurements
    assert sample.output.tokens[0] == free[: free.index(stop)]


def test_default_recipes_come_from_discovery():
    names = [drafter.name for drafter in train_free_drafters()]
    assert {"prompt-lookup", "token-recycling"} <= set(names)
    assert not {"plain", "draft-model", "fallback", "union"} & set(names)
    recipes = default_recipes(TinyModel(8))
    assert recipes[0] == "plain"
    assert set(names) < set(recipes)
    assert len({Recipe.parse(text) for text in recipes}) == len(recipes)


def test_short_names_read_back():
    for text in ("prompt-lookup", "prompt-lookup > token-recycling, pace=4", "token-recycling(k=9), temperature(0.5)"):
        recipe = Recipe.parse(text)
        assert Recipe.parse(short_name(recipe)) == recipe
