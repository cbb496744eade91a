"""Claim: a text that a rule forces takes memory in proportion to its length: 100,000 bytes less than 500 MB.

Each kind of rule forces a text of 1,000, 10,000 and 100,000 bytes. A vocabulary of bytes spells it, so that there are as many states as
bytes. A process of its own makes the rule, and goes through the text as the loop does: 64 forced tokens are drafted, and each is
accepted.

    python benchmarks/rule_memory.py

Reached at 100,000 bytes (two shared cores): 63 MB and 1.6 s for a schema, 78 MB and 5.5 s where values are checked, 67 to 70 MB and 1.6 s
for patterns and grammars, 1 MB and 26 s for choices. Before states shared their forced tokens, 8,000 bytes took 250 MB. The last line is
JSON; the exit status is 1 if a target is missed.

Takes: 1 minute. Holds: yes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from claims import Claims, report

SIZES = (1_000, 10_000, 100_000)
#: Targets: megabytes and seconds for each text.
MEGABYTES, SECONDS = 500, 60


def rules(text: str) -> dict[str, Callable[[], Any]]:
    """A rule of each kind that forces the text."""
    from foretell.rules.constraints.choices import Choices
    from foretell.rules.constraints.grammar import Grammar
    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.constraints.regex import Regex

    return {
        "schema": lambda: JsonSchema({"const": text}),
        "checked-schema": lambda: JsonSchema({"type": "array", "prefixItems": [{"const": text}], "minItems": 1, "uniqueItems": True}),
        "pattern": lambda: Regex(text),
        "grammar": lambda: Grammar(f'start: "{text}"'),
        "choices": lambda: Choices((text, text + "x")),
    }


def resident() -> float:
    """The most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measured(kind: str, size: int) -> tuple[float, float]:
    """(MB, seconds) that the text takes, in this process."""
    from foretell.rules.schemas.strings import BYTES

    rules("a")[kind]().start(BYTES).forced(64)
    before, begin = resident(), time.perf_counter()
    state = rules("x" * size)[kind]().start(BYTES)
    states, num_tokens = [], 0
    while num_tokens < size:
        drafted = state.forced(64)
        assert drafted, f"nothing is forced after {num_tokens} tokens"
        states = []  # of the draft
        for token in drafted:
            assert state.accepts(token)
            state = state.advance(token)
            states.append(state)
        num_tokens += len(drafted)
    return resident() - before, time.perf_counter() - begin


def main() -> int:
    if len(sys.argv) == 3:
        print(*measured(sys.argv[1], int(sys.argv[2])))
        return 0
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    claims: Claims = []
    for kind in rules(""):
        for size in SIZES:
            run = subprocess.run([sys.executable, __file__, kind, str(size)], capture_output=True, text=True, check=True)
            megabytes, seconds = map(float, run.stdout.split())
            claims.append((f"MB of {size} bytes by a {kind}", megabytes, "<=", MEGABYTES))
            claims.append((f"seconds of {size} bytes by a {kind}", seconds, "<=", SECONDS))
    return report(claims, {"sizes": SIZES})


if __name__ == "__main__":
    sys.exit(main())
