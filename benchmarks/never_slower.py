"""Claims: the never-slower pace loses at most 3 % against plain decoding with a drafter that is always wrong, and comes within
5 % of the best fixed draft length known only in hindsight.

Recipes run prompt by prompt in turn, `--repeats` rounds, after one round to warm up; the figure is the median over rounds and
prompts of the paired ratio of seconds, with quartiles.

    python benchmarks/never_slower.py --limit 8 --repeats 5

The last line is JSON; the exit status is 1 if a target is missed.

Takes: 4 minutes with --limit 6 --repeats 4. Holds: yes: 0.998 of plain decoding with a drafter that is always wrong, at least 0.981 of
the best fixed length.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from timed_answer import seconds

import foretell as ft
from foretell.bench.prompts import read_prompts
from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.tree import Tree

LENGTHS = (0, 1, 2, 3, 4, 6, 7, 10, 15)


@dataclass(frozen=True)
class AlwaysWrong(Drafter):
    """Proposes a control token that the model never writes inside an answer."""

    token: int = 0
    num_tokens: int = 8

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [Tree.chain([self.token] * min(self.num_tokens, ask.num_nodes, ask.depth), "always-wrong") for ask in asks]


def race(arms: dict[str, ft.Session], texts: list[list[int]], length: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of every (round, prompt) by arm, rounds interleaved and rotated; round 0 is dropped."""
    times: dict[str, list[float]] = {name: [] for name in arms}
    names = list(arms)
    for repeat in range(repeats + 1):
        for number, text in enumerate(texts):
            turn = (repeat + number) % len(names)
            for name in names[turn:] + names[:turn]:
                elapsed, _ = seconds(arms[name], text, length)
                if repeat:
                    times[name].append(elapsed)
        print(f"round {repeat} of {repeats}", file=sys.stderr, flush=True)
    return times


def ratio(times: dict[str, list[float]], arm: str, base: str) -> dict[str, float]:
    """Speed of `arm` over `base`: quartiles of the paired ratios, and the ratio of total times."""
    paired = [b / a for a, b in zip(times[arm], times[base], strict=True)]
    low, middle, high = statistics.quantiles(paired, n=4)
    return {"median": round(middle, 3), "q1": round(low, 3), "q3": round(high, 3), "total": round(sum(times[base]) / sum(times[arm]), 3)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", default="builtin")
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    model = ft.load()
    prompts = list(read_prompts(args.prompts))
    chosen = [prompts[i * len(prompts) // args.limit] for i in range(min(args.limit, len(prompts)))]
    texts = [model.tokenizer.chat(prompt.turns[0]) for prompt in chosen]

    def session(recipe: str | ft.Recipe) -> ft.Session:
        return ft.Session(model, ft.Recipe.parse(recipe))

    wrong = race({"plain": session("plain"), "always-wrong": session(ft.Recipe(AlwaysWrong()))}, texts, args.tokens, args.repeats)
    lost = ratio(wrong, "always-wrong", "plain")
    print(f"always wrong: {lost['median']:.3f}x of plain (quartiles {lost['q1']:.3f} to {lost['q3']:.3f}); target 0.97", flush=True)
    good = lost["median"] >= 0.97
    summary: dict[str, object] = {"always_wrong": lost}
    for drafter in ("prompt-lookup(num_tokens=15)", "token-recycling"):
        arms = {f"fixed {n}": session(f"{drafter}, pace={n}") for n in LENGTHS} | {"never-slower": session(drafter)}
        times = race(arms, texts, args.tokens, max(args.repeats - 2, 1))
        best = min((f"fixed {n}" for n in LENGTHS), key=lambda arm: sum(times[arm]))
        against = ratio(times, "never-slower", best)
        plain = {arm: round(sum(times["fixed 0"]) / sum(times[arm]), 3) for arm in arms}
        print(f"{drafter}: never-slower is {against['total']:.3f}x of the best fixed length in hindsight ({best}); target 0.95")
        print(f"  speed against plain: {plain}", flush=True)
        summary[drafter] = {"best": best, "against_best": against, "against_plain": plain}
        good &= against["total"] >= 0.95
    print(json.dumps(summary))
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
