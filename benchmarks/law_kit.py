"""Claim: every exact recipe has plain decoding's output distribution, and under every constraint the restricted one.

The full products of the installed parts, plug-ins too, found by discovery and enumerated on a tiny model: every exact Drafter x
Verifier x Pace x Sampler, alone and in a ragged batch of three; and every exact Drafter x Verifier x Constraint. Then the texts of every
exact Drafter x Verifier x Pace, greedy and with a seed, must be the same in every batch, and plain decoding's where they have to be.
Then every verifier that is broken on purpose must be caught. The test suite runs covering arrays of the same combinations.

    python benchmarks/law_kit.py                 # three tokens in both batches; the test suite runs two in the larger

The last line is JSON; the exit status is 1 if a distribution or a text is missed, or a broken verifier is not caught.

Takes: 10 minutes or more. Holds: yes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from foretell.testing.combinations import PartCombination, combinations, constrained_combinations, covering_combinations, samplers
from foretell.testing.identity import IdentityError, check_identity
from foretell.testing.laws import TOLERANCE, law_report
from foretell.testing.mutants import mutants, worst_error

#: Samplers that texts are compared with: nothing, everything, and no draws at all.
COMPARED = ("softmax", "mix", "greedy")


class Totals:
    """What was run so far. failures: the combinations that failed, each with the reason."""

    def __init__(self) -> None:
        self.num_runs = self.num_outcomes = 0
        self.worst = 0.0
        self.failures: list[str] = []

    def enumerate(self, name: str, chosen: Sequence[PartCombination]) -> None:
        """The law kit on each of `chosen`."""
        for number, each in enumerate(chosen, 1):
            report = law_report(each.recipe, each.sampler, each.case)
            self.num_runs += 1
            self.num_outcomes += report.num_outcomes
            self.worst = max(self.worst, report.error, report.mass_error)
            if not report.lawful:
                self.failures.append(f"not the plain distribution, off by {report.error:.1e}: {each}")
            if number % 200 == 0:
                print(f"{name}: {number} of {len(chosen)}, worst error {self.worst:.1e}", file=sys.stderr, flush=True)

    def compare_texts(self, chosen: Sequence[PartCombination]) -> int:
        """The identity check on each of `chosen`; returns how many."""
        for number, each in enumerate(chosen, 1):
            try:
                check_identity(each.recipe, each.sampler)
            except IdentityError as error:
                self.failures.append(str(error))
            if number % 200 == 0:
                print(f"texts: {number} of {len(chosen)}", file=sys.stderr, flush=True)
        return len(chosen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs=2, default=(3, 3), help="tokens, for batches of 1 and 3")
    parser.add_argument("--only-constrained", action="store_true", help="leave out the combinations without a constraint")
    args = parser.parse_args()
    begin, totals = time.time(), Totals()
    num_combinations = num_texts = 0
    if not args.only_constrained:
        for batch, length in zip((1, 3), args.lengths, strict=True):
            product = list(combinations(batch, length))
            num_combinations = len(product)
            totals.enumerate(f"batch of {batch}", product)
        assert set(COMPARED) <= set(samplers())
        num_texts = totals.compare_texts([each for each in combinations() if each.sampler_name in COMPARED])
    constrained = list(constrained_combinations())
    totals.enumerate("constrained", constrained)
    caught = {type(mutant).__name__: worst_error(mutant, covering_combinations(), enough=1e-3) for mutant in mutants()}
    for failure in totals.failures:
        print(f"FAILED: {failure}")
    for name, error in caught.items():
        print(f"broken on purpose: {name:40} error {error:.3f}  {'caught' if error > 1e-3 else 'NOT CAUGHT'}")
    print(
        f"{num_combinations} combinations, batches of 1 and 3, {len(constrained)} under constraints, {num_texts} texts compared"
        f"; {totals.num_outcomes} outcomes, worst error {totals.worst:.1e} (allowed {TOLERANCE:.0e})"
    )
    summary = {
        "combinations": num_combinations,
        "runs": totals.num_runs,
        "constrained": len(constrained),
        "texts": num_texts,
        "outcomes": totals.num_outcomes,
        "worst_error": totals.worst,
        "failures": totals.failures,
        "mutants": caught,
        "seconds": round(time.time() - begin),
    }
    print(json.dumps(summary))
    return int(bool(totals.failures) or min(caught.values()) <= 1e-3)


if __name__ == "__main__":
    sys.exit(main())
