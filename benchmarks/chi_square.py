"""Claim: with an exact recipe, sampled text follows the real model's own distribution.

The distribution of the first two tokens under a top-8 sampler at temperature 1 is known exactly from the real model's rows (64 texts);
20,000 draws of each recipe are counted against it. A right recipe is rejected at 0.001 once in a thousand runs; the seeds
are fixed, so this run is the same again.

    python benchmarks/chi_square.py --draws 20000

The last line is JSON; the exit status is 1 if a recipe is rejected, or if the deliberately broken verifier is not.

Takes: 5 minutes or more. Holds: yes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass

from scipy.stats import chisquare

import foretell as ft
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.stochastic_beam import StochasticBeam
from foretell.decoding.draws import SampledDraws
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.verifier import Guarantee, Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.decoding.verifiers.k_seq import KSeq
from foretell.testing.stored_rows import StoredRows

PROMPT = "Once upon a time there was a fox who"
TOP_K = 8


@dataclass(frozen=True)
class AcceptsTooMuch(Verifier):
    """Broken on purpose: accepts the first drafted token always. The test must see it."""

    guarantee = Guarantee("lossy", "never")
    kinds = Exact.kinds

    def choose(self, p, siblings, tree, draws):
        return (siblings[0], p) if siblings else (None, p)


def exact_law(model: StoredRows, prompt: list[int], sampler) -> dict[tuple[int, int], float]:
    """Probability of each of the first two tokens, straight from the rows."""
    law = {}
    first = sampler.distribution(model.row(prompt))
    for token, p in zip(first.ids.tolist(), first.probs.tolist(), strict=True):
        second = sampler.distribution(model.row([*prompt, token]))
        law |= {(token, after): p * q for after, q in zip(second.ids.tolist(), second.probs.tolist(), strict=True)}
    return law


def draw(session: ft.Session, prompt: list[int], sampler, draws: int) -> Counter:
    """Counts of the first two tokens over `draws` requests with seeds 0, 1, 2, ..."""
    counts: Counter = Counter()
    for seed in range(draws):
        request = ft.Request(prompt, 3, sampler, SampledDraws(seed))
        for _ in session.run([request]):
            if len(request.generated) >= 2:
                break
        counts[tuple(request.generated[:2])] += 1
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20000)
    args = parser.parse_args()
    real = ft.load()
    prompt = real.tokenizer.encode(PROMPT)
    model = StoredRows(real)
    draft = StoredRows(real, warp=lambda row: 0.6 * row + 0.4 * row.roll(1))  # related to the target, and wrong
    sampler = make_sampler(temperature=1.0, top_k=TOP_K)
    law = exact_law(model, prompt, sampler)
    recipes = {
        "plain": ft.Recipe.parse("plain"),
        "token-recycling": ft.Recipe.parse("token-recycling(learn_prompt=False), pace=8"),
        "draft-model, chain": ft.Recipe(DraftModel(draft, (1, 1)), pace=ft.Recipe.parse("plain, pace=2").pace),
        "draft-model, 3 sampled siblings": ft.Recipe(DraftModel(draft, (3, 1)), pace=ft.Recipe.parse("plain, pace=6").pace),
        "draft-model, 3 without replacement": ft.Recipe(
            DraftModel(draft, (3, 1), "without-replacement"), pace=ft.Recipe.parse("plain, pace=6").pace
        ),
        "draft-model, 3 sampled, k-seq": ft.Recipe(DraftModel(draft, (3, 1)), KSeq(), ft.Recipe.parse("plain, pace=6").pace),
        "stochastic-beam, 3 by 2": ft.Recipe(StochasticBeam(draft, 3, 2), pace=ft.Recipe.parse("plain, pace=6").pace),
    }
    recipes["broken on purpose"] = recipes["draft-model, chain"].replace(verifier=AcceptsTooMuch())
    rows, good = [], True
    for name, recipe in recipes.items():
        counts = draw(ft.Session(model, recipe, ft.CostCurve.flat()), prompt, sampler, args.draws)
        cells = sorted(law, key=law.get)
        rare = [cell for cell in cells if law[cell] * args.draws < 5]  # pooled, so that chi-square's approximation holds
        observed = [counts[cell] for cell in cells if cell not in rare] + [sum(counts[cell] for cell in rare)] * bool(rare)
        expected = [law[cell] * args.draws for cell in cells if cell not in rare]
        expected += [sum(law[cell] for cell in rare) * args.draws] * bool(rare)
        outside = args.draws - sum(observed)
        p_value = float(chisquare(observed, expected).pvalue) if not outside else 0.0
        passed = (p_value < 0.001) if name == "broken on purpose" else (p_value >= 0.001)
        good &= passed
        rows.append({"recipe": name, "p_value": p_value, "cells": len(observed), "as_expected": passed})
        print(f"{name:36} p = {p_value:.4f} over {len(observed)} cells  {'as expected' if passed else 'NOT AS EXPECTED'}", flush=True)
    print(json.dumps({"draws": args.draws, "top_k": TOP_K, "arms": rows}))
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
