"""Claim: the default recipe is never slower than plain decoding from the first token of the first request on, alone and in batches.

Each answer is decoded in a new session, whose drafter and pace have learnt nothing yet, as by a call of `foretell generate`. Recipe
and plain decoding take turns on the same prompts, `--repeats` rounds after one to warm up. A ratio is plain's time to a request's last
token over the recipe's; of each prompt the median over rounds counts. The time holds the making of the session, but not the loading of
the model. The median over prompts is what a one-shot call gains.

    python benchmarks/one_shot.py --batch 1 4 8 16
    python benchmarks/one_shot.py --prompts question.jsonl --part odd --temperature 0.8

Settings of the pace were chosen on the even prompts; the odd ones are for the report. Target: 0.97 on every prompt. The last line is
JSON; the exit status is 1 if a prompt is below the target, or a greedy text differs from plain's.

Takes: ten minutes. Holds: the bound by steps does; the clock's is to be measured on a quiet machine (LOG.md).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import foretell as ft
from foretell.bench.machine import describe_machine
from foretell.bench.prompts import read_prompts
from foretell.decoding.draws import SampledDraws
from foretell.decoding.sampler import Sampler
from foretell.decoding.sampling_options import make_sampler
from foretell.prepare import default_recipe

TARGET = 0.97
PARTS = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}


def answers(
    model: ft.Model, recipe: ft.Recipe, texts: list[list[int]], length: int, sampler: Sampler
) -> tuple[list[float], list[ft.Request]]:
    """Seconds from the making of a new session to the end of each request of one batch, and the requests."""
    begin = time.perf_counter()
    session = ft.Session(model, recipe)
    requests = [ft.Request(text, length, sampler, SampledDraws(number)) for number, text in enumerate(texts)]
    ends: dict[int, float] = {}
    for request in session.run(requests, len(requests)):
        if request.finish_reason:
            ends[id(request)] = time.perf_counter() - begin
    return [ends[id(request)] for request in requests], requests


def race(model: ft.Model, recipe: ft.Recipe, texts: list[list[int]], args: argparse.Namespace, batch: int, sampler: Sampler) -> dict:
    """Ratios by prompt, in batches of `batch`, and the share of texts that differ."""
    plain = ft.Recipe.parse("plain")
    groups = [texts[i : i + batch] for i in range(0, len(texts), batch)]
    ratios: list[list[float]] = [[] for _ in texts]
    differ, per_step = 0, []
    for repeat in range(args.repeats + 1):
        for number, group in enumerate(groups):
            pair = {}
            for arm in (plain, recipe) if (repeat + number) % 2 else (recipe, plain):
                pair[arm] = answers(model, arm, group, args.tokens, sampler)
            if not repeat:
                differ += sum(a.tokens != b.tokens for a, b in zip(pair[plain][1], pair[recipe][1], strict=True))
                per_step += [request.trace.tokens_per_step for request in pair[recipe][1]]
                continue
            for i, (slow, fast) in enumerate(zip(pair[plain][0], pair[recipe][0], strict=True)):
                ratios[number * batch + i].append(slow / fast)
        print(f"batch {batch}: round {repeat} of {args.repeats}", file=sys.stderr, flush=True)
    return {
        "median": [statistics.median(values) for values in ratios],
        "low": [min(values) for values in ratios],
        "high": [max(values) for values in ratios],
        "tokens_a_step": per_step,
        "differ": differ,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", default="builtin", help="builtin, or a file as Spec-Bench's")
    parser.add_argument("--part", choices=PARTS, default="all", help="take all prompts, or every second one")
    parser.add_argument("--limit", type=int, default=32, help="number of prompts, spread over the file")
    parser.add_argument("--tokens", type=int, default=64, help="length of an answer")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--batch", type=int, nargs="+", default=[1], help="requests decoded at a time")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy")
    parser.add_argument("--recipe", default="", help="another recipe than the model's default")
    args = parser.parse_args()
    model = ft.load()
    recipe = ft.Recipe.parse(args.recipe) if args.recipe else default_recipe(model)
    prompts = read_prompts(args.prompts)[PARTS[args.part]]
    chosen = [prompts[i * len(prompts) // args.limit] for i in range(min(args.limit, len(prompts)))]
    texts = [model.tokenizer.chat(prompt.turns[0]) for prompt in chosen]
    sampler = make_sampler(temperature=args.temperature)
    ft.Session(model, recipe)  # measures the costs once
    machine = describe_machine()
    print(f"{machine['processor']} ({' '.join(machine['features'])}), {machine['cores']} cores, load {machine['load']}; {recipe}")
    summary, good = {}, True
    for batch in args.batch:
        result = race(model, recipe, texts, args, batch, sampler)
        middle, worst = result["median"], min(range(len(texts)), key=result["median"].__getitem__)
        below = sum(value < TARGET for value in middle)
        print(
            f"batch {batch:2}: median {statistics.median(middle):.3f}, worst {middle[worst]:.3f} (rounds {result['low'][worst]:.3f} to "
            f"{result['high'][worst]:.3f}, {chosen[worst].question_id}), {below} of {len(middle)} below {TARGET}, "
            f"{statistics.mean(result['tokens_a_step']):.2f} tokens a step, texts that differ {result['differ']}",
            flush=True,
        )
        good &= not below and not (result["differ"] and sampler.greedy)
        summary[batch] = result
    print(json.dumps({"machine": machine, "recipe": str(recipe), "target": TARGET, "batches": summary}))
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
