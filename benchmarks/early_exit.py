"""Claims: a model whose exits were not trained says little early, so that self-speculation at a fixed exit is slower than plain
decoding (the LayerSkip authors say so of public checkpoints); under the never-slower pace it keeps 0.9 of plain decoding's speed.

Acceptance of an exit is the share of answer positions where its arg-max is the model's, on the model's own greedy answers. From
it and the measured curves follows the best speed that any chain length could give at that exit. Then arms run prompt by prompt
in turn, after one round to warm up; the figure is the ratio of total seconds, with quartiles of the paired ratios.

    python benchmarks/early_exit.py --limit 4 --repeats 2

The last line is JSON; the exit status is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys

from timed_answer import seconds

import foretell as ft
from foretell.bench.prompts import read_prompts
from foretell.decoding.cost_curve import CostCurve, measure
from foretell.decoding.stored_curve import use_curve
from foretell.models.base import Feed

LONGEST = 16
ROWS = (1, 2, 3, 5, 9, 17)
TARGET = 0.9


def acceptance(model, answers: list[ft.Request], layer: int) -> float:
    """Share of positions where the exit's arg-max is the token that the whole model wrote."""
    same = total = 0
    for request in answers:
        logits = model.forward([Feed(model.new_cache(), request.tokens[:-1], num_logits=request.num_generated)], stop=layer)[0].logits
        same += sum(a == b for a, b in zip(logits.argmax(-1).tolist(), request.generated, strict=True))
        total += request.num_generated
    return same / total


def best_speed(alpha: float, full: CostCurve, early: CostCurve) -> tuple[float, int]:
    """Tokens a second over plain decoding's, and the chain length that gives it, where each token is accepted with `alpha`."""
    speeds = []
    for length in range(LONGEST + 1):
        tokens = sum(alpha**i for i in range(length + 1))
        speeds.append(tokens * full(1) / (full(1 + length) + length * early(1)))
    return max(speeds), speeds.index(max(speeds))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None, help="a trained folder, say; the default model by default")
    parser.add_argument("--prompts", default="builtin")
    parser.add_argument("--limit", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--every", type=int, default=5, help="exits measured: every so many layers, and the last two")
    args = parser.parse_args()
    model = ft.load(args.model) if args.model else ft.load()
    prompts = list(read_prompts(args.prompts))
    chosen = [prompts[i * len(prompts) // args.limit] for i in range(min(args.limit, len(prompts)))]
    texts = [model.tokenizer.chat(prompt.turns[0]) for prompt in chosen]
    plain = ft.Session(model, ft.Recipe.parse("plain"))
    answers = [seconds(plain, text, args.tokens)[1] for text in texts]

    # Measured here, side by side, and kept in this process only: all figures then rest on the machine as it is now.
    last = model.num_layers - 1
    layers = sorted({*range(args.every, last, args.every), *(max(1, last - 1), last)})
    full, rows = measure(model, ROWS), []
    use_curve(model, full)
    for layer in layers:
        early, alpha = measure(model, (1, 2), stop=layer), acceptance(model, answers, layer)
        use_curve(model, early, stop=layer)
        speed, length = best_speed(alpha, full, early)
        rows.append({"layer": layer, "cost": early(1) / full(1), "acceptance": alpha, "best_speed": speed, "best_length": length})
        print(
            f"exit {layer:3d} of {last + 1}: a drafted token costs {early(1) / full(1):.2f} of a step, {alpha:.3f} accepted, "
            f"best possible {speed:.3f}x of plain at chains of {length}",
            flush=True,
        )

    promising = max(rows, key=lambda row: (row["best_speed"], row["acceptance"] / row["cost"]))["layer"]
    middle = min(rows, key=lambda row: abs(row["layer"] - (last + 1) / 2))["layer"]
    arms = {"plain": plain}
    for layer in dict.fromkeys((promising, middle)):
        arms[f"exit {layer}, never-slower"] = ft.Session(model, ft.Recipe.parse(f"early-exit(layer={layer})"))
    arms[f"exit {middle}, fixed"] = ft.Session(model, ft.Recipe.parse(f"early-exit(layer={middle}), pace=4"))
    times: dict[str, list[float]] = {name: [] for name in arms}
    drafted = dict.fromkeys(arms, 0)
    differ = dict.fromkeys(arms, 0)
    names = list(arms)
    for repeat in range(args.repeats + 1):
        for number, text in enumerate(texts):
            turn = (repeat + number) % len(names)
            for name in names[turn:] + names[:turn]:
                elapsed, request = seconds(arms[name], text, args.tokens)
                if repeat:
                    times[name].append(elapsed)
                    drafted[name] += sum(len(step.drafted) for step in request.trace.steps)
                    same = request.generated == answers[number].generated
                    differ[name] += not same and not request.trace.ties  # a tie may fall either way
    speeds = {}
    for name in names[1:]:
        paired = [a / b for a, b in zip(times["plain"], times[name], strict=True)]
        low, middle_ratio, high = statistics.quantiles(paired, n=4)
        speeds[name] = sum(times["plain"]) / sum(times[name])
        print(
            f"{name}: {speeds[name]:.3f}x of plain (paired median {middle_ratio:.3f}, quartiles {low:.3f} to {high:.3f}), "
            f"{drafted[name]} tokens drafted, {differ[name]} texts other than plain's"
        )
    good = all(speed >= TARGET for name, speed in speeds.items() if name.endswith("never-slower")) and not any(differ.values())
    print(f"target: never-slower at least {TARGET}x of plain and the same text: {'met' if good else 'MISSED'}")
    print(json.dumps({"exits": rows, "speeds": speeds, "drafted": drafted, "differ": differ}))
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
