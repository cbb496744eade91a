"""Claim: our JSON Schema constraint passes more real schemas than the engines it is compared with, and never accepts a wrong text.

    python benchmarks/json_schema_bench.py --data FOLDER                             # MaskBench's files, or any JSON schemas
    python benchmarks/json_schema_bench.py --data FOLDER --engines llguidance xgrammar --limit 100

Each engine gets each schema and leads every instance through its token sets, token by token with the default model's tokenizer; a valid
one must be accepted to its end, an invalid one rejected. MaskBench's data is in the repository guidance-ai/jsonschemabench (`maskbench/`).
Engines run in processes of their own, taking turns, and are given up after --seconds-per-schema.

Targets, where foretell and llguidance both run: foretell accepts nothing wrong, rejects no more right texts than llguidance, and passes
at least 3 percentage points more schemas. The last line is JSON; the exit status is 1 if a target is missed.

Takes: half an hour, and data to fetch.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import foretell as ft
from foretell.bench.machine import describe_machine, describe_versions, is_busy
from foretell.bench.mask_bench import MaskBench, MaskRun
from foretell.bench.masks.cases import read_cases
from foretell.bench.masks.engines import ENGINES
from foretell.bench.masks.measure import REFUSED, WRONG_REJECT
from foretell.bench.masks.summary import EngineSummary
from foretell.bench.masks.tables import markdown, print_table, summaries
from foretell.bench.tables import make_console
from foretell.files import write_text
from foretell.models.vocabulary import Vocabulary
from foretell.progress import progress_bar, show_seconds


def claims(run: MaskRun) -> list[tuple[str, float, float, bool]]:
    """(claim, reached, target, met)."""
    if not {"foretell", "llguidance"} <= set(run.results):
        return []
    ours, theirs = (EngineSummary.of(name, run.results[name]) for name in ("foretell", "llguidance"))
    compiled = {one.case for one in run.results["llguidance"] if one.outcome != REFUSED}
    there = EngineSummary.of("foretell", run.results["foretell"], compiled).outcomes[WRONG_REJECT]
    mine, most = ours.outcomes[WRONG_REJECT], theirs.outcomes[WRONG_REJECT]
    strict = [one.wrong_rejects - one.order_rejects for one in (ours, theirs)]
    points = round(100 * (ours.passing - theirs.passing), 2)
    return [
        ("wrongly accepted instances, at most", ours.wrong_accepts, 0, ours.wrong_accepts == 0),
        ("schemas with wrong rejects, at most llguidance's", mine, most, mine <= most),
        ("the same, of the schemas that llguidance compiles (no target)", there, most, True),
        ("wrongly rejected instances but for the order of members (no target)", strict[0], strict[1], True),
        ("points more schemas than llguidance, at least", points, 3, points >= 3),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder of MaskBench's files, or of JSON schemas")
    parser.add_argument("--engines", nargs="*", default=list(ENGINES))
    parser.add_argument("--limit", type=int, default=None, help="so many cases, spread evenly over the folder")
    parser.add_argument("--seconds-per-schema", type=float, default=10.0)
    parser.add_argument("--write", action="store_true", help="write the table to docs/tables/mask-bench.inc")
    parser.add_argument("--details", default=None, help="write every case's outcome here, as JSON lines")
    args = parser.parse_args()
    machine = describe_machine()
    if is_busy(machine["load"], machine["cores"]):
        print(f"warning: the machine is busy (load {machine['load']} on {machine['cores']} cores)", file=sys.stderr)
    bench = MaskBench(args.engines, read_cases(args.data, args.limit), Vocabulary.of(ft.load()), args.seconds_per_schema)
    with progress_bar("mask bench") as progress:
        run = bench.run(progress)
    print_table(run, make_console(200))
    found = {one.engine: one for one in summaries(run)}
    for one in found.values():
        frequent = [f"{num} {reason[:90]}" for reason, num in list(one.reasons.items())[:8]]
        print(f"{one.engine} refused: " + "; ".join(frequent or ["nothing"]))
    rows = claims(run)
    for claim, reached, target, met in rows:
        print(f"{claim:68} {reached:8g}   target {target:g}{'' if met else '   MISSED'}")
    if args.details:
        with Path(args.details).open("w", encoding="utf-8") as file:
            for engine, outcomes in run.results.items():
                for outcome in outcomes:
                    values = {key: value for key, value in vars(outcome).items() if key != "mask_seconds"}
                    file.write(json.dumps({"engine": engine, **values}) + "\n")
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "tables" / "mask-bench.inc"
        write_text(path, markdown(run) + "\n")
    print(f"took {show_seconds(run.seconds)}; {run.ended or 'complete'}; load {machine['load']} at the start")
    summary = {
        "claims": [{"claim": claim, "reached": reached, "target": target, "met": met} for claim, reached, target, met in rows],
        "engines": [one.to_dict() | {"reasons": len(one.reasons)} for one in found.values()],
        "common": [one.to_dict() | {"reasons": 0} for one in summaries(run, common=True)],
        "cases": len(run.cases), "seconds_per_schema": run.limit, "ended": run.ended, "seconds": round(run.seconds, 1),
        "machine": machine, "versions": describe_versions(),
    }  # fmt: skip
    print(json.dumps(summary))
    return int(not all(met for *_, met in rows))


if __name__ == "__main__":
    sys.exit(main())
