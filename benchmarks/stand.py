"""Claim (Song et al., "Accelerated Test-Time Scaling with Model-Free Speculative Sampling", 2025): when one question is answered many
times, later answers come faster, because n-grams with their probabilities are learnt from earlier ones; drawn siblings beat the
most probable ones; a shape made from data beats a heuristic one; and more tokens a step than Token Recycling.

    python benchmarks/stand.py                                  # about 8 minutes
    python benchmarks/stand.py --problems 4 --tokens 48
    python benchmarks/stand.py --plot docs/images/stand_answers.svg

Eight answers to each question at temperature 0.7, the same budget of nodes in every arm, one request at a time. Tokens a step are
reported by answer number. The data-driven shape is made on one half of the questions and tried on the other, both ways. The last
line is JSON; the exit status is 1 if a target is missed.

Paper: 60 to 65 % less time than plain with many answers, 48 to 58 % with one. Here, 8 drafted tokens a step: 1.13 tokens a step in
the first answer and 1.94 in answers 5 to 8; a table cleared for each answer stays at 1.14. Drawn siblings 1.68 over all answers, the
most probable ones 1.63; the data-driven shape 1.683, the heuristic 1.677. Token Recycling has 1.73: more than the paper's orders 4 to 2
(MISSED by 0.06), as its single tokens are known from the first answer on, and less than orders 4 to 1 (1.97).

Takes: 8 minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.stats import chisquare

import foretell as ft
from foretell.decoding.drafter import Drafter
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.drafters.stand import Stand
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.drafting.templates import Template
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampler import Sampler
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.trace import Trace
from foretell.files import write_text
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from foretell.reports.lines import line_plot
from foretell.reports.page import standalone
from foretell.testing.stored_rows import StoredRows

PAPER = (4, 3, 2)  # orders; ours have 1 as well
#: The arms that are drawn, and what they are called there.
DRAWN = {
    "plain": "plain",
    "token-recycling": "token recycling",
    "stand, gumbel, cleared": "STAND, table cleared",
    "stand, gumbel": "STAND, orders 4 to 2 (paper)",
    "stand, gumbel, orders 4-1": "STAND, orders 4 to 1",
}
PROBLEMS = (
    "Tom has 24 apples. He gives 7 to Ann and buys 3 bags of 6 apples. How many apples has he now? Think step by step.",
    "Write a Python function that returns the second largest number of a list, and explain it.",
    "A train goes 180 km in 2.5 hours and then 90 km in 1 hour. What is its mean speed? Think step by step.",
    "Write a Python function that counts the words in a text file, and explain it.",
    "A rectangle is 12 cm long and a third as wide. What are its area and perimeter? Think step by step.",
    "Write a Python function that checks whether a word is a palindrome, and explain it.",
    "Lisa saves 15 dollars a week. She wants a bike for 240 dollars and has 60. How many weeks must she save? Think step by step.",
    "Write a Python class for a bank account with deposit and withdraw, and explain it.",
)


def answers(
    model, drafter: Drafter, prompts: dict[int, list[int]], budget: int, num: int, length: int, sampler: Sampler
) -> tuple[list[list[Trace]], float, list]:
    """Traces [problem][answer], seconds of all, and the session's tables. Answer j of problem i draws as seed 100 i + j in every arm."""
    session = ft.Session(model, Recipe(drafter, pace=Fixed(budget)))
    traces, begin = [], time.perf_counter()
    for i, prompt in prompts.items():
        traces.append([])
        for j in range(num):
            request = ft.Request(prompt, length, sampler, SampledDraws(100 * i + j))
            for _ in session.run([request]):
                pass
            traces[-1].append(request.trace)
    memory = session.draft_memory
    return traces, time.perf_counter() - begin, list(getattr(memory, "tables", {}).values())


def tokens_per_step(traces: list[Trace]) -> float:
    """Of all these answers together, the first step aside, which comes with the prompt."""
    return sum(trace.num_tokens - 1 for trace in traces) / sum(len(trace.decode_steps) - 1 for trace in traces)


def by_number(traces: list[list[Trace]]) -> list[float]:
    """Tokens a step of answer 1, 2, ... over all problems."""
    return [tokens_per_step([problem[j] for problem in traces]) for j in range(len(traces[0]))]


def shape_from(traces: list[list[Trace]], num: int) -> Template:
    """The `num` rank paths whose nodes were accepted most often, each after its parent and its elder sibling."""
    taken: Counter[tuple[int, ...]] = Counter()
    for step in (step for problem in traces for trace in problem for step in trace.decode_steps):
        paths: dict[int, tuple[int, ...]] = {-1: ()}
        ranks: Counter[int] = Counter()
        for node, parent in enumerate(step.parents):
            paths[node] = (*paths[parent], ranks[parent])
            ranks[parent] += 1
        taken.update(paths[node] for node in step.accepted)
    chosen: list[tuple[int, ...]] = []
    while len(chosen) < num:
        known = {(), *chosen}
        open_ = {(*path, 0) for path in known} | {(*path[:-1], path[-1] + 1) for path in chosen}
        chosen.append(min(open_ - known, key=lambda path: (-taken[path], len(path), path)))
    return tuple(chosen)


def chi_square(num: int) -> float:
    """p-value of `num` draws of the first two tokens of a tiny model, by STAND with one table for all, against its exact law."""
    model = StoredRows(TinyModel(vocab_size=6, order=2, seed=4))
    prompt, sampler = [0, 1, 2], make_sampler(temperature=0.7)
    session = ft.Session(model, Recipe(Stand((2, 1), 4, ((0,), (1,), (0, 0))), pace=Fixed(3)), ft.CostCurve.flat())
    counts: Counter = Counter()
    for seed in range(num):
        request = ft.Request(prompt, 2, sampler, SampledDraws(seed))
        for _ in session.run([request]):
            pass
        counts[tuple(request.generated)] += 1
    law = {}
    for a in range(6):
        first = sampler.distribution(model.forward([Feed(None, prompt)])[0].logits[-1])
        after = sampler.distribution(model.forward([Feed(None, [*prompt, a])])[0].logits[-1])
        law |= {(a, b): first[a] * after[b] for b in range(6)}
    cells = [cell for cell in law if law[cell] * num >= 5]
    rest = 1 - sum(law[cell] for cell in cells)
    observed = [counts[cell] for cell in cells] + [num - sum(counts[cell] for cell in cells)]
    return float(chisquare(observed, [law[cell] * num for cell in cells] + [rest * num]).pvalue)


def plot(curves: dict[str, list[float]], setting: str) -> str:
    """Tokens a step by answer number, a line an arm; the axis begins at plain decoding's 1. SVG."""
    lines = {words: curves[name] for name, words in DRAWN.items()}
    answers = range(1, 1 + len(next(iter(lines.values()))))
    alt, xlabel = "Tokens a step by the number of the answer to the same question", "number of the answer to the same question"
    settings = {"title": f"tokens a step; {setting}", "ylim": (1, None), "xticks": answers}
    return standalone(line_plot(alt, answers, lines, xlabel, "", has_legend=True, **settings))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("--answers", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=80)
    parser.add_argument("--budget", type=int, default=8, help="drafted nodes a step")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--draws", type=int, default=20_000, help="of the chi-square test")
    parser.add_argument("--plot", type=Path, default=None, help="write a picture (SVG)")
    args = parser.parse_args()
    if not 2 <= args.problems <= len(PROBLEMS):
        parser.error(f"--problems {args.problems}: give 2 to {len(PROBLEMS)}; the shape of one half is tried on the other")
    model = ft.load()
    prompts = {i: model.tokenizer.chat(problem) for i, problem in enumerate(PROBLEMS[: args.problems])}
    sampler = make_sampler(temperature=args.temperature)
    arms: dict[str, Drafter] = {
        "plain": Plain(),
        "token-recycling": TokenRecycling(),
        "stand, top-k": Stand(PAPER, siblings="top-k"),
        "stand, gumbel": Stand(PAPER),
        "stand, gumbel, cleared": Stand(PAPER, scope="request"),
        "stand, gumbel, orders 4-1": Stand(),
        "stand, best-first, orders 4-1": Stand(siblings="best-first"),
        "stand, gumbel, orders 4-1, one table": Stand(scope="global"),
    }
    curves, overall, seconds = {}, {}, {}
    setting = f"{len(prompts)} questions, {args.tokens} tokens an answer, {args.budget} drafted tokens a step"
    setting += f", temperature {args.temperature:g}"
    print(f"tokens a step by answer number: {setting}")
    for name, drafter in arms.items():
        traces, seconds[name], tables = answers(model, drafter, prompts, args.budget, args.answers, args.tokens, sampler)
        curves[name] = by_number(traces)
        overall[name] = tokens_per_step([trace for problem in traces for trace in problem])
        shown = " ".join(f"{value:.2f}" for value in curves[name])
        about = f"  {sum(map(len, tables)) // len(tables)} contexts a table" if tables else ""
        print(f"  {name:38} {shown}   all {overall[name]:.2f}   {seconds['plain'] / seconds[name]:.2f} times plain{about}", flush=True)

    halves = [{i: prompt for i, prompt in prompts.items() if (i < len(prompts) // 2) == first} for first in (True, False)]
    shaped: list[Trace] = []
    for here, there in (halves, halves[::-1]):
        wide, _, _ = answers(model, Stand(PAPER), here, 3 * args.budget, args.answers, args.tokens, sampler)
        shape = shape_from(wide, args.budget)
        traces, _, _ = answers(model, Stand(PAPER, shape=shape), there, args.budget, args.answers, args.tokens, sampler)
        shaped += [trace for problem in traces for trace in problem]
        print(f"shape of {len(shape)} nodes from problems {[i + 1 for i in here]}: {shape}", flush=True)
    shapes = {"heuristic": overall["stand, gumbel"], "data-driven": tokens_per_step(shaped)}
    print(f"tokens a step, each shape on the problems it was not made from: { ({k: round(v, 3) for k, v in shapes.items()}) }")
    p_value = chi_square(args.draws)

    def later(name: str) -> float:
        return float(np.mean(curves[name][len(curves[name]) // 2 :])) - curves[name][0]

    claims = [
        ("answers 5 to 8 minus answer 1, tokens a step", later("stand, gumbel"), 0.2),
        ("gain that clearing the table removes", later("stand, gumbel") - later("stand, gumbel, cleared"), 0.2),
        ("gumbel minus top-k siblings, tokens a step", overall["stand, gumbel"] - overall["stand, top-k"], 0.0),
        ("data-driven minus heuristic shape, tokens a step", shapes["data-driven"] - shapes["heuristic"], 0.0),
        ("stand minus token recycling, tokens a step", overall["stand, gumbel"] - overall["token-recycling"], 0.0),
        ("the same with order 1 as well", overall["stand, gumbel, orders 4-1"] - overall["token-recycling"], 0.0),
        ("and one table for all problems", overall["stand, gumbel, orders 4-1, one table"] - overall["token-recycling"], 0.0),
        (f"chi-square p of {args.draws} draws (tiny model)", p_value, 0.001),
    ]
    print()
    missed = 0
    for name, reached, target in claims:
        missed += reached < target
        print(f"{name:52} {reached:8.3f}   target {target:g}{'' if reached >= target else '   MISSED'}")
    if args.plot:
        write_text(args.plot, plot(curves, setting))
    print(json.dumps({"by_answer": curves, "all": overall, "seconds": seconds, "shapes": shapes, "claims": claims}))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
