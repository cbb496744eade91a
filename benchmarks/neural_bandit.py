"""Claims (Deb et al., "Contextual Bandits with Online Neural Regression", ICLR 2024): regret of NeuSquareCB and NeuFastCB grows like the
square root of the rounds, both lose less than other neural bandits, and NeuFastCB loses less where good arms cost next to nothing.

1. Classification as a bandit: ten digits and a made-up table; the row stands in the block of its arm, the loss is 0 for the right
   class and 1 for others. Rivals: uniform, epsilon-greedy with the same network, LinUCB, LinTS; MABWiser's LinUCB and LinTS and
   VowpalWabbit's squarecb where installed. Ablation: no perturbation, ridge, ten random sign vectors.
2. Ten arms without much context whose best costs 0.02: NeuFastCB against NeuSquareCB.
3. Online regression: cumulative squared loss less that of the best network fitted afterwards, at T and at 4T.

    python benchmarks/neural_bandit.py                                     # about 20 minutes on one core
    python benchmarks/neural_bandit.py --seeds 1 --only digits --arms NeuFastCB,uniform --results part.json

With --results, cumulative losses are kept in that file and parts add up. The last line is JSON; the exit status is 1 if a target is
missed.

Takes: 20 minutes of one core.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, make_classification

from foretell.decoding.chooser import OnlineChooser
from foretell.decoding.choosers.epsilon_greedy import EpsilonGreedy
from foretell.decoding.choosers.lin_ts import LinTS
from foretell.decoding.choosers.lin_ucb import LinUCB
from foretell.decoding.choosers.neural_fast_cb import NeuralFastCB
from foretell.decoding.choosers.neural_square_cb import NeuralSquareCB
from foretell.decoding.choosing.linear_chooser import LinearChooser

ROUNDS = 10_000
CHOOSERS: dict[str, OnlineChooser] = {
    "NeuSquareCB": NeuralSquareCB(width=100),
    "NeuFastCB": NeuralFastCB(width=100),
    "uniform": EpsilonGreedy(width=2, epsilon=1.0),
    "epsilon-greedy 0.02": EpsilonGreedy(width=100, epsilon=0.02),
    "epsilon-greedy 0.05": EpsilonGreedy(width=100, epsilon=0.05),
    "epsilon-greedy 0.1": EpsilonGreedy(width=100, epsilon=0.1),
    "LinUCB": LinUCB(),
    "LinTS": LinTS(),
    "NeuSquareCB none": NeuralSquareCB(width=100, perturb="none"),
    "NeuSquareCB random": NeuralSquareCB(width=100, perturb="random"),
    "NeuFastCB none": NeuralFastCB(width=100, perturb="none"),
    "NeuFastCB random": NeuralFastCB(width=100, perturb="random"),
}
#: The epsilon that targets are about: our default, and VowpalWabbit's. The others stand beside it.
USUAL = "epsilon-greedy 0.05"
OTHERS = ("MABWiser LinUCB", "MABWiser LinTS", "VowpalWabbit squarecb")
DELTA = ("NeuSquareCB", "NeuFastCB")
#: pick(row) gives an arm and the call that takes its loss.
Pick = Callable[[np.ndarray], tuple[int, Callable[[float], None]]]


def tables(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of length 1 about the mean row, and their classes."""
    if name == "digits":
        rows, classes = load_digits(return_X_y=True)
    else:  # seven classes as in covertype, of several lumps each
        rows, classes = make_classification(
            4000, 20, n_informative=12, n_redundant=4, n_classes=7, n_clusters_per_class=2, class_sep=2.0, flip_y=0.02, random_state=0
        )
    rows = rows - rows.mean(0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), classes


def ours(chooser: OnlineChooser, num_arms: int, width: int, seed: int) -> Pick:
    """A chooser over blocks: arm k sees the row in block k of a vector of num_arms * width."""
    width += isinstance(chooser, LinearChooser)  # a constant, which networks have of their own
    state, blocks, places = chooser.begin(num_arms * width, seed), np.zeros((num_arms, num_arms, width)), np.arange(num_arms)
    blocks[places, places] = 1.0

    def pick(row: np.ndarray) -> tuple[int, Callable[[float], None]]:
        blocks[places, places, : len(row)] = row
        contexts = blocks.reshape(num_arms, -1)
        arm = chooser.choose(state, contexts).arm
        return arm, lambda loss: chooser.update(state, contexts, arm, loss)

    return pick


def theirs(name: str, num_arms: int, seed: int) -> Pick:
    """MABWiser learns from rewards, one model an arm; VowpalWabbit from costs, actions as features."""
    if name.startswith("MABWiser"):
        from mabwiser.mab import MAB, LearningPolicy

        policy = LearningPolicy.LinUCB(alpha=0.5) if name.endswith("UCB") else LearningPolicy.LinTS(alpha=0.2)
        bandit, begun = MAB(list(range(num_arms)), policy, seed=seed), [False]
        coins = np.random.default_rng(seed)

        def pick(row: np.ndarray) -> tuple[int, Callable[[float], None]]:
            arm = int(bandit.predict(row[None])) if begun[0] else int(coins.integers(num_arms))

            def learn(loss: float) -> None:
                (bandit.partial_fit if begun[0] else bandit.fit)([arm], [1.0 - loss], row[None])
                begun[0] = True

            return arm, learn

        return pick
    from vowpalwabbit import Workspace

    space = Workspace(f"--cb_explore_adf --squarecb --gamma_scale 100 --interactions SA --quiet --random_seed {seed + 1}")
    coins = np.random.default_rng(seed)

    def choose(row: np.ndarray) -> tuple[int, Callable[[float], None]]:
        shared = "shared |S " + " ".join(f"{i}:{value:.5f}" for i, value in enumerate(row) if value)
        plain = [shared, *(f"|A a{arm}" for arm in range(num_arms))]
        chances = np.array(space.predict(plain))
        arm = int(coins.choice(num_arms, p=chances / chances.sum()))

        def learn(loss: float) -> None:
            space.learn([shared, *(f"{f'0:{loss}:{chances[each]} ' if each == arm else ''}|A a{each}" for each in range(num_arms))])

        return arm, learn

    return choose


def classify(name: str, arm_name: str, seed: int, rounds: int) -> tuple[list[int], float]:
    """Wrong picks after each hundredth of the rounds, and milliseconds a round."""
    rows, classes = tables(name)
    coins, num_arms = np.random.default_rng(seed), int(classes.max()) + 1
    order = np.concatenate([coins.permutation(len(rows)) for _ in range(rounds // len(rows) + 1)])[:rounds]
    known = CHOOSERS.get(arm_name)
    pick = theirs(arm_name, num_arms, seed) if known is None else ours(known, num_arms, rows.shape[1], seed)
    losses, begin = np.zeros(rounds), time.perf_counter()
    for number, place in enumerate(order):
        arm, learn = pick(rows[place])
        losses[number] = loss = float(arm != classes[place])
        learn(loss)
    took = 1e3 * (time.perf_counter() - begin) / rounds
    return losses.cumsum()[rounds // 100 - 1 :: rounds // 100].astype(int).tolist(), round(took, 3)


def small_losses(seed: int, rounds: int) -> dict[str, float]:
    """Expected regret of both forms with one arm of loss 0.02 and nine from 0.1 to 0.5."""
    means = np.array([0.1, 0.15, 0.2, 0.02, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5])
    found = {}
    for name in DELTA:
        chooser, coins = CHOOSERS[name], np.random.default_rng(seed)
        state, regret = chooser.begin(10, seed), 0.0
        for _ in range(rounds):
            arm = chooser.choose(state, np.eye(10)).arm
            chooser.update(state, np.eye(10), arm, float(coins.random() < means[arm]))
            regret += means[arm] - 0.02
        found[name] = round(regret, 1)
    return found


def regression(seed: int, rounds: int) -> float:
    """Cumulative squared loss of predicting each loss before it is told, arms in turn at random, less that of the best network fitted to
    all of them afterwards (the same network, ten passes with a falling rate)."""
    rows, classes = tables("digits")
    coins, network = np.random.default_rng(seed), CHOOSERS["NeuSquareCB"].network(640)  # type: ignore[attr-defined]
    examples = []
    for place in np.concatenate([coins.permutation(len(rows)) for _ in range(rounds // len(rows) + 1)])[:rounds]:
        arm = int(coins.integers(10)) if coins.random() < 0.5 else int(classes[place])
        context = np.zeros((10, 64))
        context[arm] = rows[place]
        examples.append((context.ravel(), float(arm != classes[place])))
    arrays, online = network.start(seed), 0.0
    for context, loss in examples:
        online += (float(network.predict(arrays, context[None])[0]) - loss) ** 2
        network.step(arrays, context, loss)
    best = np.inf
    for sweep in range(10):
        slower = dataclasses.replace(network, perturb="none", learning_rate=network.learning_rate / (1 + sweep))
        for place in coins.permutation(len(examples)):
            slower.step(arrays, *examples[place])
        contexts, losses = np.array([c for c, _ in examples]), np.array([loss for _, loss in examples])
        best = min(best, float(np.square(network.predict(arrays, contexts) - losses).sum()))
    return online - best


def slope(cumulative: list[float]) -> float:
    """Of log regret against log T, from a tenth of the rounds on."""
    times = np.arange(1, 101)[9:]
    return float(np.polyfit(np.log(times), np.log(np.array(cumulative)[9:]), 1)[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--only", default="digits,table,small,regression")
    parser.add_argument("--arms", default=",".join([*CHOOSERS, *OTHERS]))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--results", type=Path, help="parts add up in this file")
    args = parser.parse_args()
    seeds, only = [int(seed) for seed in args.seeds.split(",") if seed], args.only.split(",")
    kept: dict[str, Any] = json.loads(args.results.read_text()) if args.results and args.results.is_file() else {}

    def once(key: str, work: Callable[[], Any]) -> None:
        if key not in kept:
            kept[key] = work()
            print(f"{key}: {kept[key] if not isinstance(kept[key], list | tuple) else (kept[key][0][-1], kept[key][1])}", file=sys.stderr)
            if args.results:
                args.results.write_text(json.dumps(kept))

    for seed in seeds:
        for name in {"digits", "table"} & set(only):
            for arm in args.arms.split(","):
                try:
                    once(f"{name}|{arm}|{seed}", lambda n=name, a=arm, s=seed: classify(n, a, s, args.rounds))
                except ImportError as error:
                    print(f"{arm} is left out: {error}", file=sys.stderr)
        if "small" in only:
            once(f"small|{seed}", lambda s=seed: small_losses(s, args.rounds))
        if "regression" in only:
            once(f"regression|{seed}", lambda s=seed: [[regression(s, args.rounds // 4), regression(s, args.rounds)], 0.0])
    return judge(kept)


def judge(kept: dict[str, Any]) -> int:
    """Prints what there is, with targets."""
    lines: list[tuple[str, float, float, bool]] = []
    summary: dict[str, Any] = {}
    for name in ("digits", "table"):
        curves: dict[str, list[Any]] = {}
        for key, value in kept.items():
            table, _, rest = key.partition("|")
            if table == name:
                curves.setdefault(rest.rpartition("|")[0], []).append(value)
        if not curves:
            continue
        mean = {arm: np.mean([curve for curve, _ in found], 0) for arm, found in curves.items()}
        print(f"\n{name}: wrong picks, mean over shuffles; milliseconds a round; slope of log regret; each shuffle")
        for arm, curve in sorted(mean.items(), key=lambda pair: pair[1][-1]):
            last = [round(float(each[0][-1])) for each in curves[arm]]
            took = np.mean([ms for _, ms in curves[arm]])
            print(f"  {arm:24} {curve[-1]:7.0f}  {took:6.2f} ms  {slope(curve.tolist()):.2f}   {last}")
            summary[f"{name}|{arm}"] = float(curve[-1])
        greedy = {arm: curve[-1] for arm, curve in mean.items() if arm.startswith("epsilon")}
        for arm in DELTA:
            if arm not in mean:
                continue
            curve = mean[arm]
            for rival, loss in greedy.items():
                lines.append((f"{name}: {arm}'s regret over that of {rival}", curve[-1] / loss, 0.70, rival == USUAL))
            if "uniform" in mean:
                lines.append((f"{name}: {arm}'s regret over uniform's", curve[-1] / mean["uniform"][-1], 0.35, True))
            late = (curve[-1] - curve[79]) / max(curve[19], 1)
            lines.append((f"{name}: {arm}'s regret in the last fifth over that in the first", late, 1 / 3, name == "digits"))
            lines.append((f"{name}: {arm}'s slope of log regret", slope(curve.tolist()), 0.75, True))
    small = [value for key, value in kept.items() if key.startswith("small|")]
    if small:
        print(f"\nsmall losses: {small}")
        lost = sum(each["NeuFastCB"] > each["NeuSquareCB"] for each in small)
        lines.append(("small losses: seeds in which NeuFastCB loses more", lost, len(small) // 5, True))
    pairs = [value[0] for key, value in kept.items() if key.startswith("regression|")]
    if pairs:
        ratio = float(np.mean([late for _, late in pairs]) / np.mean([early for early, _ in pairs]))
        print(f"\nonline regression regret at T and 4T: {[[round(x, 1) for x in pair] for pair in pairs]}")
        lines.append(("online regression regret at 4T over that at T", ratio, 3.0, True))
    print()
    good = True
    for text, figure, target, counts in lines:
        met = figure <= target
        good &= met or not counts
        print(
            f"{text}: {figure:.3f}, target at most {target:.3f}: {'met' if met else 'MISSED' if counts else 'not met (beside the target)'}"
        )
    print(json.dumps({**summary, **{text: round(float(figure), 4) for text, figure, _, _ in lines}}))
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
