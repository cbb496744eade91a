"""Claim: `foretell tune` does not take noise for a gain. Where no recipe is faster than plain decoding, it writes nothing, or plain.

Tunings on the real clock with `stdlib-nested`, a small model whose steps take about a millisecond, so that noise is large beside any
difference. None of the recipes can gain: ten do the same as plain decoding, the others draft nothing, or what the model does not write.
Every tuning has prompts of its own, made up from its seed. Each chooses the best of the recipes on one half of the prompts, where one of
many looks faster by chance, and measures it again on the other half. Beside the verdicts stands how often the trial's interval alone would
have claimed a gain: about once in 200 is expected, and tokens a step rule it out. Then the other error: with a recipe that gains (its
drafter knows the text), the same tuning must find it.

    python benchmarks/tune_noise.py                  # 20 tunings of 6 seconds, and 5 of 18 with a recipe that gains
    python benchmarks/tune_noise.py --runs 5 --budget 2s

The last line is JSON; the exit status is 1 if a tuning wrote a recipe that gains nothing, or missed the one that gains.

Takes: 4 minutes. Holds: yes.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from claims import Claims, report

import foretell as ft
from foretell.bench.arms import Arm, BenchSetting, recipe_arms
from foretell.bench.conclusion import FASTER
from foretell.bench.duration import parse_seconds
from foretell.bench.named_recipe import PLAIN
from foretell.bench.report import Provenance, make_report
from foretell.bench.tasks import Group, Task
from foretell.bench.tuning.trial import choose
from foretell.bench.tuning.verdict import Verdict, judge
from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.decoding.recipe import Recipe
from foretell.decoding.tree import Tree

NUM_PROMPTS, NUM_TOKENS = 32, 24


@dataclass(frozen=True)
class Oracle(Drafter[None, None]):
    """Drafts what the model will write, or with an `offset` what it will not. length: of a draft, 0 for none."""

    offset: int = 0
    length: int = 3
    #: Plain decoding's texts by their prompts, for all oracles.
    texts: ClassVar[dict[tuple[int, ...], list[int]]] = {}

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [self._chain(ask) for ask in asks]

    def _chain(self, ask: Ask) -> Tree:
        begin = len(ask.tokens) - ask.prompt_length
        length = min(self.length, ask.num_nodes, ask.depth)
        coming = self.texts[tuple(ask.tokens[: ask.prompt_length])][begin : begin + length]
        return Tree.chain([token + self.offset if token > 9 else token + 10 + self.offset for token in coming], self.name)


def useless() -> list[Recipe]:
    """Recipes that gain nothing; the more there are, the better the best one looks by chance."""
    same = [Recipe(Plain(), pace=Fixed(num)) for num in range(1, 11)]
    wrong = [Recipe(Oracle(-1, 1)), Recipe(Oracle(-1, 1), pace=Fixed(1)), Recipe(Oracle(-1, 0))]
    return [*same, *wrong]


def made_up(model: ft.Model, seed: int) -> list[Group]:
    """Prompts of random tokens, whose texts the oracles are told."""
    coins = random.Random(seed)
    prompts = [tuple(coins.randrange(10, model.vocab_size) for _ in range(coins.randrange(8, 64))) for _ in range(NUM_PROMPTS)]
    groups = [Group((Task(str(number), f"kind {number % 4}", prompt),)) for number, prompt in enumerate(prompts)]
    [plain] = recipe_arms([PLAIN], model)
    Oracle.texts.update({prompts[i]: plain.run(groups[i], BenchSetting(NUM_TOKENS)).tokens[0] for i in range(NUM_PROMPTS)})
    return groups


def tuned(model: ft.Model, recipes: Sequence[Recipe], seed: int, budget: float) -> tuple[Verdict, float]:
    """The verdict of one tuning, and how fast the best recipe looked while it was chosen."""
    groups = made_up(model, seed)
    arms: dict[Recipe, Arm] = {}

    def arms_of(wanted: Sequence[Recipe]) -> list[Arm]:
        every = [Recipe.parse(PLAIN), *wanted]
        new = [recipe for recipe in every if recipe not in arms]
        arms.update(zip(new, recipe_arms(new, model), strict=True))
        return [arms[recipe] for recipe in every]

    rungs, trial = choose(recipes, lambda best: [], arms_of, groups, BenchSetting(NUM_TOKENS), budget)
    found = make_report(trial.run, trial.arms, None, Provenance("stdlib-nested", "made up", {"max_new_tokens": NUM_TOKENS}))
    return judge(trial.recipe, found), max(rungs[0].scores.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="tunings where nothing gains")
    parser.add_argument("--gaining", type=int, default=5, help="tunings with a recipe that gains")
    parser.add_argument("--budget", default="6s", help="time of each")
    args = parser.parse_args()
    budget = parse_seconds(args.budget, "--budget")
    model = ft.load("stdlib-nested")
    curve_of(model, remeasure=True)

    looked, wrong, by_interval = [], 0, 0
    for seed in range(args.runs):
        verdict, best = tuned(model, useless(), seed, budget)
        looked.append(best)
        wrong += verdict.summary is not None and verdict.summary.conclusion == FASTER
        ratio = verdict.summary.ratios[PLAIN] if verdict.summary else None
        by_interval += ratio is not None and ratio.is_enough and (ratio.claim_low or 0.0) > 1
        print(f"seed {seed}: the best looked {best:.2f} times as fast while it was chosen; {verdict.why}", flush=True)
    missed = 0
    for seed in range(args.gaining):
        verdict, _ = tuned(model, [*useless(), Recipe(Oracle(0, 7), pace=Fixed(7))], seed, 3 * budget)
        missed += verdict.is_plain
        print(f"seed {seed}, with a recipe that gains: {verdict.why}", flush=True)
    claims: Claims = [
        (f"of {args.runs} tunings where nothing gains, those that write a recipe", wrong, "<=", 0),
        (f"of {args.gaining} tunings with a recipe that gains, those that miss it", missed, "<=", 0),
    ]
    return report(claims, {"looked": [round(each, 3) for each in looked], "by_interval": by_interval})


if __name__ == "__main__":
    sys.exit(main())
