"""Claim: what computes nothing answers at once.

Each command runs in a process of its own, several times; the median counts. The first run of all, which may compile Python's files, does
not.

    python benchmarks/startup.py

Takes: half a minute. Holds: yes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from claims import Claims, report

COMMANDS = (["--help"], ["--version"], ["list"], ["show", "token-recycling"], ["generate", "--help"])
RUNS = 7
#: Seconds that a command may take, on an idle machine.
TARGET = 1.0


def seconds(words: list[str]) -> float:
    """One run of the program."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "from foretell.cli import main; main()", *words], capture_output=True, check=True)
    return time.perf_counter() - begin


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    claims: Claims = []
    for words in COMMANDS:
        seconds(words)
        claims.append((f"seconds of `foretell {' '.join(words)}`", statistics.median(seconds(words) for _ in range(RUNS)), "<=", TARGET))
    return report(claims, {"runs": RUNS})


if __name__ == "__main__":
    sys.exit(main())
