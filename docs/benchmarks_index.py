"""The page of benchmarks, from the docstrings of benchmarks/*.py: claim, command, time, and whether the claim holds.

A docstring begins with the claim, names the command in an indented line, and ends with "Takes: ..." and "Holds: ...". Where a benchmark
belongs to claims of papers, whether they hold is said there, in papers.toml.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from hooks import table

from foretell.catalog.papers import VERDICTS, papers

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@dataclass(frozen=True)
class Benchmark:
    """name: of the file, without .py. claim, command, takes, holds: in words. command is "" for a file that lacks one."""

    name: str
    claim: str
    command: str
    takes: str
    holds: str


def benchmarks() -> list[Benchmark]:
    """All files that are programs; others are helpers of theirs."""
    return [read(path) for path in sorted(FOLDER.glob("*.py")) if "__main__" in path.read_text(encoding="utf-8")]


def read(path: Path) -> Benchmark:
    """What a benchmark's docstring says; "" for what it leaves out."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first, _, _ = doc.partition("\n\n")
    command = re.search(rf"^ +(python benchmarks/{path.stem}\.py[^#\n]*)", doc, re.MULTILINE)
    facts = re.search(r"^Takes: (.*?)\.(?: Holds: (.*))?\Z", doc, re.MULTILINE | re.DOTALL)
    takes, holds = facts.groups() if facts else ("", "")
    claim = re.sub(r"^Claims? ?((?:\(.*?\))?): ", r"\1 ", _joined(first), count=1).strip()
    claim = claim[:1].upper() + claim[1:]
    holds = _joined(holds or "").rstrip(".") or verdicts(path.stem)
    return Benchmark(path.stem, claim, command[1].strip() if command else "", _joined(takes), holds)


def verdicts(name: str) -> str:
    """How the papers' claims that a benchmark measures came out, such as "2 hold, 1 partly", with a link; "" where there are none."""
    found = [claim.verdict for paper in papers().values() for claim in paper.claims if f"{name}.py" in claim.command]
    counts = {verdict: found.count(verdict) for verdict in VERDICTS if verdict in found}
    words = ", ".join(f"{num} {verdict}" for verdict, num in counts.items())
    return f"[papers](papers.md#claims): {words}" if words else ""


def page(written_by: str) -> str:
    """The page as Markdown."""
    rows = [[each.claim, f"`{each.command}`", each.takes, each.holds] for each in benchmarks()]
    lines = [
        f"<!-- written by `{written_by}` from the docstrings of benchmarks/*.py; do not edit -->",
        "",
        "# Benchmarks",
        "",
        "Every figure of these pages comes from a program in `benchmarks/`. Each says what it claims, prints the claim's figures",
        "beside their targets, ends with a line of JSON, and with exit status 1 if a target is missed. `--help` tells the whole",
        "story. Times are of two CPU cores; data sets and other programs that a benchmark needs are named in its help.",
    ]
    return "\n".join([*lines, *table(["claim", "command", "takes", "holds"], rows)]) + "\n"


def _joined(text: str) -> str:
    return " ".join(text.split())
