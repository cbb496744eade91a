"""Claim: whatever a model writes under a JSON Schema, and finishes, is valid by it.

    python benchmarks/schema_outputs.py --data FOLDER                       # 200 schemas of MaskBench's files; about 4 minutes on two cores
    python benchmarks/schema_outputs.py --data FOLDER --temperature 1.0     # the same with text that wanders
    python benchmarks/schema_outputs.py --data FOLDER --results out.jsonl   # may be stopped, and goes on where it was

The default model is asked for an example of each schema, greedily, with forced tokens and the default recipe, up to --tokens tokens.
`jsonschema` then checks what was finished, by the schema's own draft. Outcomes: valid; invalid; cut (out of tokens); dead end; refused
(before anything is written); timeout; unchecked (`jsonschema` itself cannot read the schema); hung (one step took longer than twice
--seconds: the program ends itself and, with --results, the next call counts it and goes on).

Targets: all finished texts are valid, and none is a dead end, a timeout or hung. The last line is JSON; the exit status is 1 if a target
is missed.

Takes: 4 minutes, and data to fetch. Holds: in part: all finished texts are valid, and 194 of 200 are finished.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import foretell as ft
from foretell.api import MAX_BACKTRACKS
from foretell.bench.machine import describe_machine, describe_versions, is_busy
from foretell.bench.masks.cases import SchemaCase, read_cases
from foretell.catalog.part_text import describe
from foretell.decoding.draws import SampledDraws
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.models.vocabulary import Vocabulary
from foretell.prepare import default_recipe
from foretell.progress import Progress, progress_bar, show_seconds
from foretell.rules.constraints.json_schema import JsonSchema

VALID, INVALID, CUT, DEAD_END, REFUSED, TIMEOUT, UNCHECKED, HUNG = (
    "valid", "invalid", "cut", "dead end", "refused", "timeout", "unchecked", "hung",
)  # fmt: skip
OUTCOMES = (VALID, INVALID, CUT, DEAD_END, REFUSED, TIMEOUT, UNCHECKED, HUNG)
#: Of the schema's text, how much the prompt shows.
SHOWN = 1200


def ask(case: SchemaCase) -> str:
    text = json.dumps(case.schema, ensure_ascii=False)
    shown = text if len(text) <= SHOWN else text[:SHOWN] + " ..."
    return f"Give an example instance of this JSON schema. Answer with JSON only.\n\n{shown}"


def verdict(case: SchemaCase, text: str) -> tuple[str, str]:
    """(outcome, reason) of a finished text, by jsonschema."""
    from jsonschema.validators import validator_for

    value = json.loads(text)
    try:
        kind = validator_for(case.schema)
        error = next(kind(case.schema).iter_errors(value), None)
        if error is not None:  # alternatives that differ in `format` only exclude each other where formats are enforced, as they are here
            error = next(kind(case.schema, format_checker=kind.FORMAT_CHECKER).iter_errors(value), None)
    except Exception as problem:
        return UNCHECKED, f"{type(problem).__name__}: {problem}"
    return (VALID, "") if error is None else (INVALID, f"{error.json_path}: {error.message[:200]}")


def write_one(case: SchemaCase, model: ft.Model, session: Session, args: argparse.Namespace) -> dict[str, Any]:
    """The outcome of one schema."""
    begin = time.perf_counter()
    found: dict[str, Any] = {"case": case.name, "reason": "", "tokens": 0}
    prompt = model.tokenizer.chat(ask(case))
    sampler, draws = make_sampler(temperature=args.temperature), SampledDraws(args.seed)
    try:
        constraint = JsonSchema(case.schema, closed=args.closed, bounds=args.bounds)
        constraint.start(Vocabulary.of(model, model.tokenizer.stop_tokens))
    except ValueError as error:
        return found | {"outcome": REFUSED, "reason": str(error)[:300], "seconds": time.perf_counter() - begin}
    stops = model.tokenizer.stop_tokens
    ending, backtracks = not args.no_ending, args.backtracks
    request = Request(prompt, args.tokens, sampler, draws, stops, constraint=constraint, max_backtracks=backtracks, ending=ending)
    longest, last = 0.0, begin
    for _ in session.run([request]):
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        if now - begin > args.seconds:
            break
    text = model.tokenizer.decode(request.generated)
    outcome, reason = {"length": (CUT, ""), "context": (CUT, ""), "dead-end": (DEAD_END, text[-200:]), "": (TIMEOUT, text[-200:])}.get(
        request.finish_reason, ("", "")
    )
    if request.finish_reason == "stop":
        outcome, reason = verdict(case, text)
    steps = len(request.trace.decode_steps)
    return found | {
        "outcome": outcome, "reason": reason, "tokens": request.num_generated, "steps": steps, "text": text,
        "backtracks": request.num_backtracks, "ending": request.num_ending,
        "longest_step": round(longest, 3), "seconds": round(time.perf_counter() - begin, 3),
    }  # fmt: skip


def read_results(path: Path | None) -> dict[str, dict[str, Any]]:
    """Outcomes of an earlier call by case; one that was begun and never ended has hung."""
    found: dict[str, dict[str, Any]] = {}
    if path is not None and path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            found[one["case"]] = one
    return {name: one if one["outcome"] != "begun" else one | {"outcome": HUNG} for name, one in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder of MaskBench's files, or of JSON schemas")
    parser.add_argument("--limit", type=int, default=200, help="so many schemas, spread evenly over the folder")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=60.0, help="for one schema")
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--backtracks", type=int, default=MAX_BACKTRACKS, help="tokens that may be taken back, as `generate` does")
    parser.add_argument("--no-ending", action="store_true", help="cut texts at --tokens, instead of ending them in time")
    parser.add_argument("--bounds", action="store_true", help="generate with the default bounds on lengths and counts")
    parser.add_argument("--closed", action="store_true", help="generate no members that the schema does not name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=None, help="keep every outcome here, as JSON lines, and go on from there")
    args = parser.parse_args()
    machine = describe_machine()
    if is_busy(machine["load"], machine["cores"]):
        print(f"warning: the machine is busy (load {machine['load']} on {machine['cores']} cores)", file=sys.stderr)
    model = ft.load()
    session = Session(model, Recipe.parse(f"forced >> {describe(default_recipe(model).drafter)}"))
    cases = read_cases(args.data, args.limit)
    done = {name: one for name, one in read_results(args.results).items() if name in {case.name for case in cases}}
    left, begin, ended = [case for case in cases if case.name not in done], time.perf_counter(), "complete"

    def keep(one: dict[str, Any]) -> None:
        if args.results is not None:
            with args.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(one, ensure_ascii=False) + "\n")

    try:
        with progress_bar("schema outputs") as progress:
            for number, case in enumerate(left):
                progress(Progress(number / len(left), case.name))
                keep({"case": case.name, "outcome": "begun", "tokens": 0, "reason": "did not end"})
                faulthandler.dump_traceback_later(2 * args.seconds, exit=True)
                done[case.name] = write_one(case, model, session, args)
                faulthandler.cancel_dump_traceback_later()
                keep(done[case.name])
    except KeyboardInterrupt:
        ended = "interrupted"
    counts = Counter(one["outcome"] for one in done.values())
    finished = counts[VALID] + counts[INVALID]
    for one in done.values():
        if one["outcome"] not in (VALID, CUT):
            print(f"{one['outcome']}: {one['case']}: {one['reason'][:200]}")
    print(f"\n{len(done)} schemas, {args.tokens} tokens each at most, temperature {args.temperature:g}")
    for outcome in OUTCOMES:
        print(f"{outcome:12} {counts[outcome]:5d}  {counts[outcome] / max(len(done), 1):6.1%}")
    tokens, steps = sum(one["tokens"] for one in done.values()), sum(one.get("steps", 0) for one in done.values())
    slowest = max(done.values(), key=lambda one: one.get("longest_step", 0.0), default={"case": "none"})
    seconds, longest = time.perf_counter() - begin, slowest.get("longest_step", 0.0)
    print(f"finished and valid: {counts[VALID]} of {finished}   target all")
    finishing = [one for one in done.values() if one["outcome"] == VALID]
    ended_by = sum(one.get("ending", 0) > 0 for one in finishing)
    print(f"finished by the model: {len(finishing) - ended_by}; by an ending that fits the budget: {ended_by}")
    stepped = sum(one.get("backtracks", 0) > 0 for one in done.values())
    print(f"texts that stepped back out of dead ends: {stepped}")
    print(f"{tokens} tokens in {steps} steps ({tokens / max(steps, 1):.2f} a step); longest step {longest:.2f} s, of {slowest['case']}")
    print(f"took {show_seconds(seconds)}; load {machine['load']} at the start; {ended}")
    met = counts[VALID] == finished and not counts[DEAD_END] + counts[TIMEOUT] + counts[HUNG]
    summary = {
        "outcomes": {outcome: counts[outcome] for outcome in OUTCOMES}, "met": met,
        "by_ending": ended_by, "closed": args.closed, "bounds": args.bounds, "tokens": tokens, "steps": steps, "stepped_back": stepped,
        "longest_step": longest, "temperature": args.temperature, "ended": ended, "seconds": round(seconds), "machine": machine,
        "versions": describe_versions(),
    }  # fmt: skip
    print(json.dumps(summary))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
