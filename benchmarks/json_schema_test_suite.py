"""Claim: `JsonSchema` gets every verdict of the official JSON Schema Test Suite (2020-12, required tests) right or refuses the schema,
and gets more of them right than the engine it is built on.

    python benchmarks/json_schema_test_suite.py --suite FOLDER                 # .../tests/draft2020-12; half a minute
    python benchmarks/json_schema_test_suite.py --suite FOLDER --write docs/tables/json-schema-suite.inc

The suite is https://github.com/json-schema-org/JSON-Schema-Test-Suite; FOLDER is also read from FORETELL_JSON_SCHEMA_SUITE. A case is
the verdict on an instance: whether its text, in the order in which the constraint writes members, is accepted byte by byte and may
end. Formats are annotations there, so ours has formats="annotate"; the engine alone enforces those it knows. The last line is JSON;
the exit status is 1 where a verdict of ours is wrong, or fewer are right than the engine's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_json_schema
from foretell.rules.schemas.canonical_text import canonical_text
from foretell.rules.schemas.strings import BYTES

OUTCOMES = ("right", "refused", "wrong accept", "wrong reject")
STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


def ours(schema: Any, instances: list[Any]) -> list[bool]:
    """Our verdicts. ValueError where the schema is refused."""
    part = JsonSchema(schema, formats="annotate")
    memory = part.remember(BYTES)
    verdicts = []
    for instance in instances:
        state = part.begin(memory)
        for byte in canonical_text(instance, memory).encode():
            if not state.accepts(byte):
                break
            state = state.advance(byte)
        else:
            verdicts.append(state.accepting)
            continue
        verdicts.append(False)
    return verdicts


def engines(schema: Any, instances: list[Any]) -> list[bool]:
    """The engine's, the better of two texts: members in the order of the instance, or of the schema as we know it."""
    matcher = compile_grammar(from_json_schema(schema, **STYLE), BYTES).matcher
    try:
        memory = JsonSchema(schema, formats="annotate").remember(BYTES)
    except ValueError:
        memory = None
    verdicts = []
    for instance in instances:
        texts = [json.dumps(instance, ensure_ascii=False)] + ([canonical_text(instance, memory)] if memory else [])
        verdicts.append(any(_takes(matcher, text) for text in texts))
    return verdicts


def _takes(matcher: Any, text: str) -> bool:
    matcher.reset()
    data = list(text.encode())
    return matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()


def run(folder: Path) -> tuple[dict[str, dict[str, Counter[str]]], list[str]]:
    """Outcomes by keyword and by whom, and a line for each wrong verdict of ours."""
    table: dict[str, dict[str, Counter[str]]] = {}
    wrong: list[str] = []
    for path in sorted(folder.glob("*.json")):
        row = table.setdefault(path.stem, {"ours": Counter(), "engine": Counter()})
        for group in json.loads(path.read_text(encoding="utf-8")):
            cases = group["tests"]
            for name, judge in (("ours", ours), ("engine", engines)):
                try:
                    verdicts = judge(group["schema"], [case["data"] for case in cases])
                except ValueError as error:
                    row[name]["refused"] += len(cases)
                    if name == "ours":
                        print(f"refused: {path.stem}: {group['description']}: {str(error)[:150]}", file=sys.stderr)
                    continue
                for case, verdict in zip(cases, verdicts, strict=True):
                    outcome = "right" if verdict == case["valid"] else "wrong accept" if verdict else "wrong reject"
                    row[name][outcome] += 1
                    if name == "ours" and outcome != "right":
                        wrong.append(f"{outcome}: {path.stem}: {group['description']}: {case['description']}")
    return table, wrong


def markdown(table: dict[str, dict[str, Counter[str]]]) -> str:
    """The table of the site."""
    lines = ["| keyword | cases | right | refused | wrong | engine alone: right | refused | wrong accept | wrong reject |"]
    lines.append("| --- |" + " ---: |" * 8)
    for name, row in table.items():
        mine, other = row["ours"], row["engine"]
        shown = [sum(mine.values()), mine["right"], mine["refused"], mine["wrong accept"] + mine["wrong reject"]]
        shown += [other[outcome] for outcome in OUTCOMES]
        lines.append(f"| {name} | {' | '.join(map(str, shown))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=Path, default=os.environ.get("FORETELL_JSON_SCHEMA_SUITE"), help="folder tests/draft2020-12")
    parser.add_argument("--write", type=Path, help="write the table there")
    args = parser.parse_args()
    if args.suite is None or not Path(args.suite).is_dir():
        parser.error(f"--suite {args.suite}: no such folder; clone the suite and pass its tests/draft2020-12")
    start = time.perf_counter()
    table, wrong = run(Path(args.suite))
    table["all"] = {who: sum((row[who] for row in table.values()), Counter()) for who in ("ours", "engine")}
    text = markdown(table)
    print(text, *wrong, sep="\n")
    if args.write:
        args.write.write_text(text, encoding="utf-8")
    mine, other = table["all"]["ours"], table["all"]["engine"]
    good = not wrong and mine["right"] >= other["right"]
    print(json.dumps({"ours": mine, "engine": other, "seconds": round(time.perf_counter() - start, 1), "ok": good}))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
