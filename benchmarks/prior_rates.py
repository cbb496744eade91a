"""Makes a table, and claims nothing: the acceptance rates that the never-slower pace begins with, as JSON.

    python benchmarks/prior_rates.py --prompts question.jsonl > src/foretell/data/acceptance.json

Every second prompt is used, so that the others can be reported on. Each answer is greedy, in a new session, and all drafted nodes are
verified.

Takes: some minutes. Holds: no claim; docs/speed.md says what the pace does with the table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import foretell as ft
from foretell.bench.prompts import read_prompts
from foretell.decoding.draft_order import DraftCosts, DraftOrder
from foretell.decoding.draws import SampledDraws
from foretell.decoding.pace import Pace
from foretell.decoding.pacing.rates import keys
from foretell.decoding.sampler import Sampler
from foretell.decoding.tree import ROOT, Tree
from foretell.prepare import DEFAULT_RECIPE, WITH_PHRASES

#: Nodes below which a rate is left out, and depths and ranks that share one.
LEAST, DEEPEST, LAST = 15, 3, 4
Kind = tuple[str, int, int, int]


@dataclass(frozen=True)
class Counting(Pace[None, None]):
    """Verifies all nodes and counts those whose parent was accepted, and of these the accepted ones."""

    tried: Counter[Kind] = field(default_factory=Counter)
    right: Counter[Kind] = field(default_factory=Counter)

    def limit(self, state: None, costs: DraftCosts) -> DraftOrder:
        return DraftOrder(12, 12)

    def observe(self, state: None, tree: Tree, path: Sequence[int]) -> None:
        for node, (source, grade, depth, rank) in enumerate(keys(tree)):
            if tree.parents[node] in {ROOT, *path}:
                kind = source, grade, min(depth, DEEPEST), min(rank, LAST)
                self.tried[kind] += 1
                self.right[kind] += node in path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", required=True, help="a file as Spec-Bench's")
    parser.add_argument("--limit", type=int, default=24, help="number of prompts, spread over the file")
    parser.add_argument("--tokens", type=int, default=64, help="length of an answer")
    args = parser.parse_args()
    model, pace = ft.load(), Counting()
    prompts = read_prompts(args.prompts)[::2]
    chosen = [prompts[i * len(prompts) // args.limit] for i in range(min(args.limit, len(prompts)))]
    for recipe in (WITH_PHRASES, DEFAULT_RECIPE):
        drafter = ft.Recipe.parse(recipe).drafter
        for number, prompt in enumerate(chosen, 1):
            session = ft.Session(model, ft.Recipe(drafter, pace=pace))
            request = ft.Request(model.tokenizer.chat(prompt.turns[0]), args.tokens, Sampler(greedy=True), SampledDraws(0))
            for _ in session.run([request]):
                pass
            print(f"{recipe}: {number} of {len(chosen)}", file=sys.stderr, flush=True)
    rates: dict[str, dict[str, float]] = {}
    for (source, *place), tried in sorted(pace.tried.items()):
        if tried >= LEAST:
            rates.setdefault(source, {})[" ".join(map(str, place))] = round(pace.right[source, *place] / tried, 3)
    print("{\n" + ",\n".join(f"  {json.dumps(source)}: {json.dumps(found)}" for source, found in rates.items()) + "\n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
