"""Claim: `JsonSchema` gets every verdict of the official JSON Schema Test Suite right or refuses the schema, in every draft and with every
format, and gets more of the required tests of 2020-12 right than the engine it is built on.

    python benchmarks/json_schema_test_suite.py --suite FOLDER                           # 2020-12; half a minute
    python benchmarks/json_schema_test_suite.py --suite FOLDER --draft 4 6 7 2019-09     # $schema is added where it is missing
    python benchmarks/json_schema_test_suite.py --suite FOLDER --draft 7 --bare          # $schema is taken out: the draft is guessed
    python benchmarks/json_schema_test_suite.py --suite FOLDER --formats                 # optional/format, enforced
    python benchmarks/json_schema_test_suite.py --suite FOLDER --write docs/tables/json-schema-suite.inc

The suite is https://github.com/json-schema-org/JSON-Schema-Test-Suite; FOLDER is its folder tests, and is also read from
FORETELL_JSON_SCHEMA_SUITE. A case is the verdict on an instance: whether its text, in the order in which the constraint writes members, is
accepted byte by byte and may end. In the required tests formats are annotations, so ours has formats="annotate" there; the engine alone
enforces those it knows. The last line is JSON; the exit status is 1 where a verdict of ours is wrong, or fewer are right than the engine's.

Takes: half a minute, and data to fetch. Holds: yes: of 1,299 required tests of 2020-12 1,210 right, 89 refused, none wrong; the engine
alone 586 right.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_json_schema
from foretell.rules.schemas.canonical_text import canonical_text
from foretell.rules.schemas.strings import BYTES

OUTCOMES = ("right", "refused", "wrong accept", "wrong reject")
STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


#: By name, each draft's folder and the `$schema` of its schemas.
DRAFTS = {
    **{name: (f"draft{name}", f"http://json-schema.org/draft-0{name}/schema#") for name in ("4", "6", "7")},
    **{name: (f"draft{name}", f"https://json-schema.org/draft/{name}/schema") for name in ("2019-09", "2020-12")},
}


def ours(schema: Any, instances: list[Any], formats: str = "annotate") -> list[bool]:
    """Our verdicts. ValueError where the schema is refused."""
    part = JsonSchema(schema, formats=formats)
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


def named(schema: Any, identifier: str | None) -> Any:
    """The schema with this `$schema`, unless it has one; without any if it is None."""
    if not isinstance(schema, dict):
        return schema
    if identifier is None:
        return {key: value for key, value in schema.items() if key != "$schema"}
    return {"$schema": identifier, **schema}


Judge = Callable[[Any, list[Any]], list[bool]]


def run(folder: Path, identifier: str | None, judges: dict[str, Judge]) -> tuple[dict[str, dict[str, Counter[str]]], list[str]]:
    """Outcomes by keyword and by whom, and a line for each wrong verdict of ours. identifier: as in `named`."""
    table: dict[str, dict[str, Counter[str]]] = {}
    wrong: list[str] = []
    for path in sorted(folder.glob("*.json")):
        row = table.setdefault(path.stem, {name: Counter() for name in judges})
        for group in json.loads(path.read_text(encoding="utf-8")):
            cases = group["tests"]
            for name, judge in judges.items():
                try:
                    verdicts = judge(named(group["schema"], identifier), [case["data"] for case in cases])
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
    table["all"] = {who: sum((row[who] for row in table.values()), Counter()) for who in judges}
    return table, wrong


def markdown(table: dict[str, dict[str, Counter[str]]]) -> str:
    """The table of the site."""
    has_engine = "engine" in table["all"]
    head = "| keyword | cases | right | refused | wrong |"
    lines = [head + " engine alone: right | refused | wrong accept | wrong reject |" if has_engine else head]
    lines.append("| --- |" + " ---: |" * (8 if has_engine else 4))
    for name, row in table.items():
        mine = row["ours"]
        shown = [sum(mine.values()), mine["right"], mine["refused"], mine["wrong accept"] + mine["wrong reject"]]
        shown += [row["engine"][outcome] for outcome in OUTCOMES] if has_engine else []
        lines.append(f"| {name} | {' | '.join(map(str, shown))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=Path, default=os.environ.get("FORETELL_JSON_SCHEMA_SUITE"), help="the suite's folder tests")
    parser.add_argument("--draft", nargs="+", choices=list(DRAFTS), default=["2020-12"])
    parser.add_argument("--bare", action="store_true", help="take $schema out of schemas, instead of adding it")
    parser.add_argument("--formats", action="store_true", help="the tests of optional/format, with formats enforced")
    parser.add_argument("--write", type=Path, help="write the table of the last draft there")
    args = parser.parse_args()
    start = time.perf_counter()
    good, summary = True, {}
    for draft in args.draft:
        name, identifier = DRAFTS[draft]
        folder = Path(args.suite or ".") / name / ("optional/format" if args.formats else "")
        if args.suite is None or not folder.is_dir():
            parser.error(f"--suite {args.suite}: no folder {folder}; clone the suite and pass its folder tests")
        judges: dict[str, Judge] = {"ours": partial(ours, formats="enforce" if args.formats else "annotate")}
        judges |= {"engine": engines} if draft == "2020-12" and not args.formats else {}
        table, wrong = run(folder, None if args.bare else identifier, judges)
        text = markdown(table)
        print(f"\ndraft {draft}", text, *wrong, sep="\n")
        good &= not wrong and ("engine" not in judges or table["all"]["ours"]["right"] >= table["all"]["engine"]["right"])
        summary[draft] = table["all"]
        if args.write:
            args.write.write_text(text, encoding="utf-8")
    print(json.dumps({"drafts": summary, "seconds": round(time.perf_counter() - start, 1), "ok": good}))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
