"""Tuning on a simulated clock, where the best recipe is known; and its recipe file on a tiny model."""

import json
from pathlib import Path

import pytest

from foretell.bench.arms import BenchSetting, short_name
from foretell.bench.report import Provenance, make_report
from foretell.bench.tuning.by_kind import best_by_kind
from foretell.bench.tuning.candidates import compositions, singles, variants
from foretell.bench.tuning.command import TuneOptions, run_tune
from foretell.bench.tuning.halving import FINALISTS, halve
from foretell.bench.tuning.tuned_recipe import tuned_recipe
from foretell.bench.tuning.verdict import judge
from foretell.bench.workload import Workload
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.sorted_draft import SortedDraft
from foretell.decoding.paces.fsm import Fsm
from foretell.decoding.recipe import Recipe
from foretell.errors import UserError
from foretell.models.tiny import TinyModel
from tests.bench.conftest import CURVE
from tests.bench.fakes import Clock, FakeArm, fake_groups


def _halve(seconds, budget=1000.0, num=12, **options):
    """Halving over all candidates, where a recipe takes `seconds(recipe)` a prompt and plain takes 2."""
    clock = Clock()

    def arms_of(recipes):
        return [FakeArm("plain", clock, 2.0), *(FakeArm(short_name(recipe), clock, seconds(recipe), **options) for recipe in recipes)]

    rungs = halve(singles(), compositions, arms_of, fake_groups(num), BenchSetting(16), budget, clock=clock)
    last = rungs[-1]
    report = make_report(last.run, last.arms, CURVE, Provenance("model", "prompts", {"max_new_tokens": 16}))
    return rungs, judge(rungs, report), clock


def test_the_known_best_recipe_wins():
    best = Recipe.parse("token-recycling > prompt-lookup")

    def seconds(recipe):
        parts = getattr(recipe.drafter, "drafters", (recipe.drafter,))
        others = any(part.name not in ("token-recycling", "prompt-lookup") for part in parts)  # whatever else is there is slower
        return 0.8 if recipe == best else 1.0 + 0.3 * ("pace" in short_name(recipe)) + 0.1 * ("|" in short_name(recipe)) + 0.2 * others

    rungs, verdict, _ = _halve(seconds)
    assert verdict.recipe == best
    assert verdict.summary.speedup.median == pytest.approx(2.5)
    assert verdict.runner_up is not None
    assert [len(rung.recipes) for rung in rungs[1:]] == sorted((len(rung.recipes) for rung in rungs[1:]), reverse=True)
    assert len(rungs[-1].recipes) <= FINALISTS
    assert all(arm.name == "plain" for arm in (rung.arms[0] for rung in rungs))


def test_plain_wins_where_nothing_beats_it():
    _, verdict, _ = _halve(lambda recipe: 2.1)
    assert verdict.is_plain
    assert "nothing is significantly faster than plain decoding" in verdict.why


def test_plain_wins_where_the_gain_may_be_chance():
    clock = Clock()

    class Noisy(FakeArm):
        def run(self, group, setting):
            self.seconds = 1.0 if group.tasks[0].name == "0" else 2.05
            return super().run(group, setting)

    def arms_of(recipes):
        return [FakeArm("plain", clock, 2.0), *(Noisy(short_name(recipe), clock) for recipe in recipes)]

    rungs = halve(singles(), compositions, arms_of, fake_groups(4), BenchSetting(16), 1e6, clock=clock)
    last = rungs[-1]
    report = make_report(last.run, last.arms, CURVE, Provenance("model", "prompts", {"max_new_tokens": 16}))
    assert last.scores[report.best.name] > 1.0
    assert judge(rungs, report).is_plain


@pytest.mark.parametrize("budget", [60.0, 150.0, 400.0])
def test_the_budget_holds_but_for_one_round(budget):
    rungs, _, clock = _halve(lambda recipe: 1.0, budget=budget)
    first = len(rungs[0].arms)
    assert clock.now <= budget + first + 2  # a rung runs one round whatever is left


def test_ctrl_c_judges_what_was_finished():
    rungs, verdict, _ = _halve(lambda recipe: 1.0, 1e4, interrupts_at="5")
    assert len(rungs) == 1
    assert rungs[0].run.ended == "interrupted"
    assert verdict.summary.speedup.median == pytest.approx(2.0)


def test_every_kind_gets_its_own_best():
    clock, recipes = Clock(), [Recipe.parse(text) for text in ("prompt-lookup", "token-recycling", "adaptive-ngram", "aded")]
    best = {"kind 0": "prompt-lookup", "kind 1": "aded"}

    class Suited(FakeArm):
        def run(self, group, setting):
            self.seconds = 1.0 if self.name == best.get(group.kind) else 1.9
            return super().run(group, setting)

    groups = fake_groups(12, kinds=3)

    def arms_of(chosen):
        return [FakeArm("plain", clock, 2.0), *(Suited(short_name(recipe), clock) for recipe in chosen)]

    found = {each.kind: each for each in best_by_kind(recipes, arms_of, groups, BenchSetting(16), 1e4, clock=clock)}
    assert {kind: short_name(found[kind].recipe) for kind in best} == best
    assert found["kind 0"].times_plain == pytest.approx(2.0)
    assert found["kind 2"].times_plain == pytest.approx(2.0 / 1.9)


def test_only_exact_candidates_unless_asked():
    recipes = singles()
    assert len(set(recipes)) == len(recipes) >= 6
    assert all(recipe.verifier.guarantee.kind == "exact" for recipe in recipes)
    assert set(recipes) <= set(singles(allow_lossy=True))
    pairs = compositions([recipe for recipe in recipes if recipe.drafter.name in ("prompt-lookup", "token-recycling")])
    assert {"prompt-lookup > token-recycling", "token-recycling > prompt-lookup"} <= {short_name(recipe) for recipe in pairs}
    assert any("|" in short_name(recipe) for recipe in pairs)
    assert compositions(recipes[:1]) == []


def test_the_winner_is_written_with_its_reasons_and_found_again(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = TuneOptions(Workload(limit=8, max_new_tokens=24), budget="3s", report=tmp_path / "tune.html")
    options.check()
    assert run_tune(options, lambda: model, as_json=False) == 0
    out = capsys.readouterr().out
    last = json.loads(out.strip().splitlines()[-1])
    recipe, path = tuned_recipe(model)
    assert Recipe.parse(last["winner"]) == recipe
    assert last["written"] == str(path)
    text = path.read_text()
    assert text.startswith("# Chosen by `foretell tune`")
    for words in ("# Why: ", "# Tried: ", "# Model: "):
        assert words in text
    assert "Successive halving" in (tmp_path / "tune.html").read_text()
    assert "recipes on" in out


def test_a_dry_run_writes_nothing(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_tune(TuneOptions(Workload(limit=4, max_new_tokens=16), budget="1s", dry_run=True), lambda: model, as_json=True) == 0
    assert tuned_recipe(model) is None
    [line] = capsys.readouterr().out.strip().splitlines()
    assert json.loads(line)["written"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (TuneOptions(budget="never"), "--budget 'never' is not a duration"),
        (TuneOptions(Workload(max_new_tokens=0)), "--max-new-tokens 0 must be at least 1"),
        (TuneOptions(Workload(prompts="nowhere.txt")), "nowhere.txt: there is no such prompt file"),
        (TuneOptions(output=Path("recipe.json")), "--output 'recipe.json' must end in .toml"),
    ],
)
def test_options_are_checked_before_anything_is_loaded(options, message):
    with pytest.raises(UserError, match=message):
        options.check()


def test_named_recipes_are_tried_with_what_their_drafter_finds_worth_trying():
    model = TinyModel(12, num_layers=3)
    recipe = Recipe(Fallback((PromptLookup(), SortedDraft(model, (1, 2, 3), (0.4, 0.6)))), pace=Fsm())
    found = singles(named=[recipe])
    added = [each for each in found if each not in singles()]
    assert added[0] == recipe
    assert all(each.pace == Fsm() for each in added)
    thresholds = [each.drafter.drafters[1].thresholds for each in added]
    assert {(0.4, 0.6, 0.0), (0.5, 0.5, 0.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0)} <= set(thresholds)
    assert SortedDraft(model, (3,)).variants() == [SortedDraft(model, (3,))]
    assert len(set(found)) == len(found)


def test_a_nested_drafts_thresholds_are_tuned_by_measured_time():
    """On a clock where the time of a recipe is how far its thresholds are from the best."""
    recipe = Recipe(SortedDraft(TinyModel(12, num_layers=3), (1, 2, 3)), pace=Fsm())
    clock = Clock()

    def arms_of(recipes):
        return [FakeArm("plain", clock, 2.0), *(FakeArm(short_name(r), clock, 1.0 + abs(r.drafter.thresholds[0] - 0.7)) for r in recipes)]

    rungs = halve(variants([recipe]), lambda best: [], arms_of, fake_groups(12), BenchSetting(16), 1000.0, clock=clock)
    assert rungs[-1].ranked()[0].drafter.thresholds == (0.7, 0.7, 0.0)
