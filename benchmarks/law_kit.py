"""Claim: every exact recipe has plain decoding's output law, and under every constraint the restricted one.

All exact Drafter x Verifier x Pace x Sampler combinations of the installed parts, plug-ins too, are found by discovery and
enumerated on a tiny model, alone and in a ragged batch of three; so is every exact Drafter x Verifier x Constraint. Then every
deliberately broken verifier must be caught.

    python benchmarks/law_kit.py                 # three tokens in both batches; the test suite runs two in the larger

The last line is JSON; the exit status is 1 if a law is missed or a broken verifier is not caught.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from foretell.testing.combinations import combinations, constrained, constrained_pairs, examples
from foretell.testing.laws import TOLERANCE, LawCase, law_report
from foretell.testing.mutants import mutants, worst_error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs=2, default=(3, 3), help="tokens, for batches of 1 and 3")
    parser.add_argument("--only-constrained", action="store_true", help="leave out the combinations without a constraint")
    args = parser.parse_args()
    begin, worst, outcomes, broken = time.time(), 0.0, 0, []
    found = [] if args.only_constrained else list(combinations())
    for batch, length in zip((1, 3), args.lengths, strict=True):
        for number, each in enumerate(found, 1):
            report = law_report(each.recipe, each.sampler, LawCase.small(batch, length))
            worst, outcomes = max(worst, report.error, report.mass_error), outcomes + report.num_outcomes
            if not report.lawful:
                broken.append(str(each))
            if number % 100 == 0:
                print(f"batch {batch}: {number} of {len(found)}, worst error {worst:.1e}", file=sys.stderr, flush=True)
    ruled = len(constrained_pairs()) * len(examples("constraint"))
    for number in range(ruled):
        recipe, sampler, case = constrained(number)
        report = law_report(recipe, sampler, case)
        worst, outcomes = max(worst, report.error, report.mass_error), outcomes + report.num_outcomes
        if not report.lawful:
            broken.append(f"{recipe} under {case.constraint!r}")
        if (number + 1) % 100 == 0:
            print(f"constrained: {number + 1} of {ruled}, worst error {worst:.1e}", file=sys.stderr, flush=True)
    caught = {type(mutant).__name__: worst_error(mutant, enough=1e-3) for mutant in mutants()}
    for combination in broken:
        print(f"NOT THE PLAIN LAW: {combination}")
    for name, error in caught.items():
        print(f"broken on purpose: {name:40} error {error:.3f}  {'caught' if error > 1e-3 else 'NOT CAUGHT'}")
    print(
        f"{len(found)} combinations, batches of 1 and 3, and {ruled} under constraints"
        f"; {outcomes} outcomes, worst error {worst:.1e} (allowed {TOLERANCE:.0e})"
    )
    summary = {
        "combinations": len(found),
        "runs": 2 * len(found) + ruled,
        "constrained": ruled,
        "outcomes": outcomes,
        "worst_error": worst,
        "broken": broken,
    }
    print(json.dumps(summary | {"mutants": caught, "seconds": round(time.time() - begin)}))
    return int(bool(broken) or min(caught.values()) <= 1e-3)


if __name__ == "__main__":
    sys.exit(main())
