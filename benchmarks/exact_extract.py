"""Claim (Castel et al., "How Optimal is Greedy Decoding for Extractive Question Answering?", AKBC 2022): the most probable span of a
passage answers a question far better than greedy decoding does where the model was not trained for it, and with some hundred
examples the two hardly differ. Ours: best-first search finds that span, with proof, having read few of all beginnings of spans.

    python benchmarks/exact_extract.py                                 # 60 generated questions
    python benchmarks/exact_extract.py --squad train-128.jsonl         # and a few-shot file in MRQA's format, SQuAD's
    python benchmarks/exact_extract.py --training                      # and small networks, trained on 0 to 2048 examples

Modes: greedy decoding; greedy decoding that copies a span (`Substrings`); exact. Full evaluation is the paper's: a row for every
suffix of the passage that begins a word, cut at the longest span, each read for itself behind the shared prompt. The last line is
JSON; the exit status is 1 if a target is missed.

Here, SmolLM2-135M-Instruct without training, 60 generated questions on passages of 65 to 79 tokens: F1 16.3 greedy, 17.3 greedy over
spans, 36.3 exact (EM 8.3, 8.3, 33.3): the rule alone gains little. Exact scores above greedy over spans on 70 % of the questions, by
5.0 nats on average, and below it on none. 2.2 % of all beginnings are read; 28 times faster than full evaluation (62 without the
prompt's reading), 14 times faster than the trie in whole, which shares beginnings. Timed on a busy machine, 10 questions. SQuAD's 128
passages: F1 12.8, 14.1, 23.7 (EM 3.9, 8.6, 19.5); above greedy over spans on 76 %, below on none; 0.9 % read.

With training the gap closes (`--training`, 3 seeds, 3 minutes): F1 of greedy and exact 5.8 and 15.7 after 0 examples, 12.3 and 22.0
after 32, 29.3 and 33.4 after 256, 45.0 and 45.0 after 2048, the same span on 1, 50, 61 and 80 % of the questions; after recurring span
selection 67.8 and 65.9, 68.0 and 68.2, 74.1 and 74.6, 82.2 and 82.2, the same on 66, 93, 95 and 99 %. Missed: 95 % without pretraining.

Takes: 3 minutes, 3 more with --training.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import random
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from exact_extract_data import Item, exact_match, f1, generated, squad

import foretell as ft
from foretell.decoding.search import Goal, SearchRun
from foretell.decoding.searches.best_first_search import BestFirstSearch
from foretell.decoding.searches.exhaustive_search import ExhaustiveSearch
from foretell.decoding.searching.greedy_path import greedy_path
from foretell.extraction import PROMPT, extract, stop_tokens
from foretell.models.base import Feed
from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.span_trie import BREAK
from foretell.rules.constraints.substrings import Substrings

LONGEST = 32
MODES = ("greedy", "constrained", "exact")
SIZES = (0, 32, 256, 2048)


def full_evaluation(model, goal: Goal, chunk: int = 16) -> tuple[float, float]:
    """The best span's score by teacher forcing, one row a suffix, `chunk` rows a pass; and the seconds of reading the prompt."""
    run = SearchRun(model, goal)
    first = run.read_prompt()
    spans = run.state.node.trie.spans
    tokens, starts, ends = run.state.node.trie.tokens, sorted(spans.starts), spans.ends
    stops = sorted(goal.stop_tokens)
    opening = first.double().log_softmax(-1)
    best = -np.inf
    for i in range(0, len(starts), chunk):
        rows = []
        for start in starts[i : i + chunk]:
            reach = next((j for j in range(start, start + LONGEST) if tokens[j] == BREAK), start + LONGEST)
            rows.append((start, tokens[start:reach]))
        rows = [(start, row) for start, row in rows if row]
        feeds = [Feed(run.cache.fork(), row) for _, row in rows]
        for (start, row), out in zip(rows, model.forward(feeds), strict=True):
            totals = out.logits.logsumexp(-1)  # in float32, which is twice as fast
            going = [float(opening[row[0]]), *(out.logits[range(len(row) - 1), row[1:]] - totals[:-1]).tolist()]
            scores = np.cumsum(going) + (out.logits[:, stops].logsumexp(-1) - totals).tolist()
            best = max([best, *(score for place, score in enumerate(scores, start + 1) if place in ends)])
    return float(best), run.found([]).seconds["prompt"]


def goal_of(model, item: Item) -> Goal:
    text = PROMPT.replace("{question}", item.question).replace("{passage}", item.passage)
    return Goal(model.tokenizer.encode(text), LONGEST + 1, stop_tokens(model, "\n"), constraint=Substrings(item.passage, LONGEST))


def compare(model, items: list[Item], num_full: int = 0) -> dict:
    """Figures of the three modes over the items; every span is evaluated too for the first `num_full`."""
    rows = []
    for number, item in enumerate(items):
        found = extract(item.question, item.passage, model, max_tokens=LONGEST, greedy_gap=True)
        goal, gap, best = goal_of(model, item), found.greedy_gap, found.spans[0]
        state = goal.constraint.start(Vocabulary.of(model, goal.stop_tokens), goal.prompt)
        row = {
            "greedy": gap.text, "constrained": gap.constrained, "exact": found.text, "gap": gap.gap, "is_span": gap.is_span,
            "is_best": gap.is_best, "optimal": found.optimal, "share": found.proof.num_expanded / state.node.num_nodes,
            "substring": best.text in item.passage, "seconds": found.seconds,
            "search_seconds": found.seconds - found.found.seconds["prompt"],
        }  # fmt: skip
        if number < num_full:
            began = time.perf_counter()
            score, prompt_seconds = full_evaluation(model, goal)
            row["full_seconds"] = time.perf_counter() - began
            row["full_search_seconds"] = row["full_seconds"] - prompt_seconds
            trie = ExhaustiveSearch().run(model, goal, None)
            row["trie_seconds"] = sum(trie.seconds.values())
            row["error"] = max(abs(score - best.score), abs(trie.hypotheses[0].score - best.score))
        rows.append(row)
    result = {
        mode: {
            "f1": 100 * float(np.mean([f1(row[mode], item.answers) for row, item in zip(rows, items, strict=True)])),
            "em": 100 * float(np.mean([exact_match(row[mode], item.answers) for row, item in zip(rows, items, strict=True)])),
        }
        for mode in MODES
    }
    for name in ("is_span", "is_best", "optimal", "share", "substring"):
        result[name] = float(np.mean([row[name] for row in rows]))
    result["better"] = float(np.mean([row["gap"] > 1e-6 for row in rows]))
    result["worst_gap"], result["mean_gap"] = min(row["gap"] for row in rows), float(np.mean([row["gap"] for row in rows]))
    for name in ("seconds", "search_seconds"):
        result[name] = median(row[name] for row in rows)
    if num_full:
        rows = rows[:num_full]
        for name in ("full_seconds", "trie_seconds"):
            result[name] = median(row[name] for row in rows)
        result["search_speedup"] = median(row["full_search_seconds"] / row["search_seconds"] for row in rows)
        result["speedup"] = median(row["full_seconds"] / row["seconds"] for row in rows)
        result["speedup_over_trie"] = median(row["trie_seconds"] / row["seconds"] for row in rows)
        result["error"] = max(row["error"] for row in rows)
    return result


def show(name: str, row: dict) -> None:
    millis = {key: 1000 * value for key, value in row.items() if "seconds" in key}
    print(f"{name}: " + "  ".join(f"{mode} F1 {row[mode]['f1']:.1f} EM {row[mode]['em']:.1f}" for mode in MODES))
    print(f"  greedy is a span {row['is_span']:.0%}, the best one {row['is_best']:.0%}; proven {row['optimal']:.0%}")
    print(
        f"  exact above constrained greedy on {row['better']:.0%}, by {row['mean_gap']:.2f} nats on average, least {row['worst_gap']:.2g}"
    )
    print(f"  {row['share']:.1%} of beginnings read, {millis['seconds']:.0f} ms, {millis['search_seconds']:.0f} without the prompt")
    if "speedup" in row:
        print(
            f"  full evaluation {millis['full_seconds']:.0f} ms: {row['speedup']:.1f} x, or {row['search_speedup']:.1f} without the prompt"
        )
        print(f"  whole trie {millis['trie_seconds']:.0f} ms: {row['speedup_over_trie']:.1f} x; scores differ by {row['error']:.1e}")


def trained(seeds: int, pretrain_steps: int, steps: int, questions: int) -> dict:
    """Small networks by (pretrained, number of examples): mean F1 of greedy and exact, and how often they agree, over seeds."""
    import exact_extract_training as small

    torch.set_num_threads(1)  # many small operations
    rng = random.Random(12345)
    tests = [small.key_value(rng) for _ in range(questions)]
    table: dict[str, list] = {}
    for seed in range(seeds):
        plain = small.new_network(seed)
        pretrained = copy.deepcopy(plain)
        small.fit(pretrained, None, pretrain_steps, seed, 3e-3)
        for name, begin in (("none", plain), ("rss", pretrained)):
            for size in SIZES:
                network, drawn = copy.deepcopy(begin), random.Random(1000 + seed)
                if size:
                    small.fit(network, [small.key_value(drawn) for _ in range(size)], steps, seed, 1e-3)
                table.setdefault(f"{name}-{size}", []).append(small_figures(small.as_model(network), tests))
                print(f"  seed {seed}, pretrained {name}, {size} examples: {table[f'{name}-{size}'][-1]}", flush=True)
    return {key: np.mean(rows, axis=0).tolist() for key, rows in table.items()}


def small_figures(model, tests) -> list[float]:
    """F1 of greedy decoding and of the best span, share of questions on which they agree, mean gap of constrained greedy in nats."""
    import exact_extract_training as small

    vocabulary = Vocabulary.of(model, {small.END})
    rows = []
    for each in tests:
        [(question, answer)] = each.asked
        rule = Substrings(vocabulary.text(each.passage).decode())
        goal = Goal([*each.passage, *question], 5, frozenset({small.END}), constraint=rule)
        best = BestFirstSearch().run(model, goal, None).hypotheses[0]
        copied = greedy_path(model, goal)
        goal.constraint = None
        free = greedy_path(model, goal)
        said = [vocabulary.text(text.tokens).decode() for text in (free, best)]
        right = (vocabulary.text(answer).decode(),)
        rows.append([100 * f1(said[0], right), 100 * f1(said[1], right), said[0] == said[1], best.score - copied.score])
    return np.mean(rows, axis=0).tolist()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--full", type=int, default=15, help="questions for which every span is evaluated too")
    parser.add_argument("--squad", type=Path)
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pretrain-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    result, targets = {}, {}
    if args.limit:
        model = ft.load()
        items = generated(args.limit + 1)
        compare(model, items[-1:], 1)  # kernels are compiled here
        row = result["generated"] = compare(model, items[:-1], args.full)
        show("generated", row)
        targets |= {
            "exact scores >= constrained greedy's on every question": row["worst_gap"] >= 0,
            "every answer is a substring": row["substring"] == 1,
            "three ways of scoring agree to 1e-4": row["error"] <= 1e-4,
            "at most 25 % of beginnings read": row["share"] <= 0.25,
            "at least 3 x faster than full evaluation": row["speedup"] >= 3,
            "F1 at least 5 points above greedy": row["exact"]["f1"] >= row["greedy"]["f1"] + 5,
        }
    if args.squad:
        row = result["squad"] = compare(ft.load(), squad(args.squad))
        show(args.squad.name, row)
        targets["squad: exact scores >= constrained greedy's on every question"] = row["worst_gap"] >= 0
    if args.training:
        began = time.perf_counter()
        table = result["training"] = trained(args.seeds, args.pretrain_steps, args.steps, 100)
        for name in ("none", "rss"):
            rows = [table[f"{name}-{size}"] for size in SIZES]
            for size, (greedy, exact, same, nats) in zip(SIZES, rows, strict=True):
                print(f"pretrained {name:4} {size:5} examples: F1 {greedy:5.1f}, exact {exact:5.1f}, same {same:4.0%}, {nats:.3f} nats")
            gaps = [exact - greedy for greedy, exact, *_ in rows]
            targets |= {
                f"{name}: the gap falls with examples (1 point of noise)": all(a >= b - 1 for a, b in itertools.pairwise(gaps)),
                f"{name}: gap at most 1 point after {SIZES[-1]} examples": abs(gaps[-1]) <= 1,
                f"{name}: the same on 95 % after {SIZES[-1]} examples": rows[-1][2] >= 0.95,
            }
        targets["rss raises greedy's F1 with no examples"] = table["rss-0"][0] > table["none-0"][0]
        print(f"{time.perf_counter() - began:.0f} s of training")
    for name, met in targets.items():
        print(f"{'met   ' if met else 'MISSED'} {name}")
    print(json.dumps({**result, "targets": {name: bool(met) for name, met in targets.items()}}))
    return int(not all(targets.values()))


if __name__ == "__main__":
    sys.exit(main())
