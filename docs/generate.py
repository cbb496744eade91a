"""Writes what the documentation lists from the code: README's table of parts, the table of seeds in exactness.md, papers.md and
benchmarks.md.

    python docs/generate.py          # writes the files
    python docs/generate.py --check  # prints what would change; the exit status is 1 if anything would

In a file, what stands between `<!-- generated: NAME ... -->` and `<!-- end generated -->` is replaced.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import benchmarks_index
from hooks import PAGED, page_of, table

from foretell.catalog import Entry, entries, parts
from foretell.catalog.papers import VERDICTS, Paper, papers, parts_of

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ".venv/bin/python docs/generate.py"
_REGION = re.compile(r"(<!-- generated: (\w+)[^\n]* -->\n).*?(<!-- end generated -->)", re.DOTALL)
#: What a seed gives, by how drafts are made: (drawn, learning from one request for another).
_SEEDS = {
    (False, False): "**the same text as plain decoding**, token by token, whatever the drafter, the batch and the pace",
    (True, False): "the same distribution as plain decoding, and the same text again in any batch and any order of requests",
    (True, True): "the same distribution; the text depends on what was decoded before in this session",
}


def generated() -> dict[Path, str]:
    """What each file should hold."""
    found = {path: filled(path.read_text(encoding="utf-8")) for path in (ROOT / "README.md", ROOT / "docs" / "exactness.md")}
    return {**found, ROOT / "docs" / "papers.md": papers_page(), ROOT / "docs" / "benchmarks.md": benchmarks_index.page(COMMAND)}


def filled(text: str) -> str:
    """A file's text with its regions made anew."""
    return _REGION.sub(lambda match: f"{match.group(1)}{REGIONS[match.group(2)]().strip()}\n{match.group(3)}", text)


def parts_table() -> str:
    """All parts of this package but components and peers: kind, name, what it does."""
    rows = []
    for kind in PAGED:
        for entry in entries(kind):
            if entry.file.startswith("foretell/"):
                symbol = entry.symbol.replace("|", "\\|")  # within code too, on GitHub
                written = f", written `a {symbol} b`" if symbol else ""
                label = "sampler step" if kind == "sampler" else kind.replace("-", " ")
                rows.append([label, f"`{entry.name}`{written}", entry.summary.removeprefix(f"`a {entry.symbol} b`: ")])
    return "\n".join(table(["kind", "name", "what it does"], rows))


def seeds_table() -> str:
    """Which drafters belong to which of `_SEEDS`, as their examples show. Composites follow their parts."""
    from foretell.decoding.drafters.composite import Composite

    found: dict[tuple[bool, bool], list[str]] = {row: [] for row in _SEEDS}
    learners = []
    for name, cls in parts("drafter").items():
        if issubclass(cls, Composite):
            continue
        rows = [(_row_of(example), example) for example in cls.examples() if example.traits.proposes]
        for row in dict.fromkeys(row for row, _ in rows):
            found[row].append(_named(name, row, rows))
        if any(example.traits.learns for _, example in rows):
            learners.append(f"`{name}`")
    labels = {
        (False, False): "fixed candidates: {}, and what is made of them; any drafter where decoding is greedy",
        (True, False): "drafts that are drawn: {}",
        (True, True): "drafts that are drawn, by a drafter that learns from one request for another ({}) or mixed with one ("
        + ", ".join(learners)
        + ")",
    }
    return "\n".join(table(["recipe", "the same seed gives"], [[labels[row].format(", ".join(found[row])), _SEEDS[row]] for row in _SEEDS]))


def _row_of(drafter: Any) -> tuple[bool, bool]:
    return drafter.traits.samples, drafter.traits.samples and drafter.traits.learns


def _named(name: str, row: tuple[bool, bool], rows: list[tuple[tuple[bool, bool], Any]]) -> str:
    """A drafter, with the fewest of its options whose values tell this row from the others."""
    if len({other for other, _ in rows}) == 1:
        return f"`{name}`"
    options = [field for field, value in vars(rows[0][1]).items() if isinstance(value, str)]
    for size in range(1, len(options) + 1):
        for chosen in combinations(options, size):
            values = [(each, tuple(getattr(example, option) for option in chosen)) for each, example in rows]
            mine = {value for each, value in values if each == row}
            if not mine & {value for each, value in values if each != row}:
                return f"`{name}` with " + " or ".join(_settings(chosen, value) for value in sorted(mine))
    raise ValueError(f"{name}: no option tells apart how its examples make drafts; give examples() that differ in one")


def _settings(options: tuple[str, ...], values: tuple[str, ...]) -> str:
    return " and ".join(f'`{option}="{value}"`' for option, value in zip(options, values, strict=True))


def papers_page() -> str:
    """docs/papers.md: claims and what was measured, papers with their parts, and what is not implemented yet."""
    known = list(papers().values())
    here = [paper for paper in known if parts_of(paper) or paper.code]
    claims = [claim for paper in known for claim in paper.claims]
    counts = [sum(claim.verdict == verdict for claim in claims) for verdict in VERDICTS]
    lines = [
        f"<!-- written by `{COMMAND}` from src/foretell/data/papers.toml; do not edit -->",
        "",
        "# Papers",
        "",
        "The papers behind the parts, what they claim, and what was measured here: on 2 CPU cores, with SmolLM2-135M-Instruct in int8",
        "or with networks trained in minutes, where the papers have models of billions of parameters on GPUs. A claim *holds*, holds",
        f"*partly*, or was *missed*. Of {len(claims)} claims {counts[0]} hold, {counts[1]} hold partly, and {counts[2]} were missed.",
        "",
        "`foretell show NAME` finds the parts of a paper by its short name or title, and `foretell cite RECIPE` prints BibTeX of the",
        "methods that a recipe uses.",
        "",
        "## Claims",
        *table(["paper", "", "claim", "here", "command, below `benchmarks/`"], [row for paper in known for row in _claim_rows(paper)]),
        "",
        "## Papers and their parts",
        *(line for paper in here for line in ("", f"### {paper.name}", "", f"{_cited(paper)}. Implemented by {', '.join(_homes(paper))}.")),
        "",
        "## Not implemented yet",
        *table(["name", "paper"], [[f"`{paper.name}`", _cited(paper)] for paper in known if paper not in here]),
    ]
    return "\n".join(lines) + "\n"


def _claim_rows(paper: Paper) -> Iterator[list[str]]:
    for claim in paper.claims:
        command = claim.command.replace("python benchmarks/", "")
        yield [f"[`{paper.name}`](#{paper.name})", f"**{claim.verdict}**", claim.claim, claim.ours, f"`{command}`"]


def _cited(paper: Paper) -> str:
    link = f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else paper.url
    family = paper.authors[0].split()[-1] + (" et al." if len(paper.authors) > 1 else "")
    place = paper.booktitle or paper.journal or paper.publisher or paper.school
    title = f"[{paper.title}]({link})" if link else paper.title
    return f"{family}, {title}, {f'{place} {paper.year}'.strip()}"


def _homes(paper: Paper) -> list[str]:
    """Its parts, with links to their pages, and other code."""
    return [*map(_linked, parts_of(paper)), *(f"`{path.removeprefix('foretell.')}`" for path in paper.code)]


def _linked(entry: Entry) -> str:
    return f"[{entry.name}]({page_of(entry)})"


REGIONS: dict[str, Callable[[], str]] = {"parts": parts_table, "seeds": seeds_table}


def difference() -> str:
    """What would change, as a unified diff; "" where all files are as they should be."""
    found = ""
    for path, text in generated().items():
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        name = str(path.relative_to(ROOT))
        found += "\n".join(
            difflib.unified_diff(old.splitlines(), text.splitlines(), name, f"{name}, generated", lineterm="", n=0)
        ) + "\n" * (old != text)
    return found


def main(check: bool) -> int:
    """Write the files, or with `check` say what would change."""
    changes = difference()
    if check:
        print(changes or "all files are current")
        return int(bool(changes))
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
    print(f"{changes}\nwrote these changes; commit them" if changes else "all files were current")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
