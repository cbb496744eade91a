"""The pages of `foretell show` on a terminal: of a part, and of a paper with its parts."""

from __future__ import annotations

from rich.console import Console, Group
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from foretell.catalog import Entry
from foretell.catalog.papers import Paper, papers, parts_of
from foretell.cli.common.docstring import take_apart

#: Most columns of a page.
_WIDTH = 100
#: How a claim's verdict is coloured.
_STYLES = {"holds": "green", "partly": "yellow", "missed": "red"}


def print_part(entry: Entry) -> None:
    """What a part is, its guarantee, needs, cost, papers, options and an example."""
    console = _console()
    sections = take_apart(entry.doc, [name for name, _, _ in entry.options])
    also = f", also called {', '.join(entry.aliases)}" if entry.aliases else ""
    article = "an" if entry.kind[0] in "aeiou" else "a"
    console.print(Text.assemble((entry.name, "bold green"), f"  {article} {entry.kind.replace('-', ' ')}{also}"), "")
    console.print(_paragraphs(sections.what or [entry.summary]))

    facts = _facts_table()
    for label, text in sections.labelled.items():
        facts.add_row(Text(label.lower()), Text(_plain(text)))
    if sections.paper:
        facts.add_row(Text("paper"), Text(sections.paper))
    for name in entry.papers:
        if name in papers():
            facts.add_row(
                Text("cited as"), Text.assemble(papers()[name].venue, (f"  foretell show {name!r}" if name != entry.name else "", "dim"))
            )
    where, said = how_to_name(entry)
    facts.add_row(Text(where), Text(said, "cyan"))
    if entry.file.startswith("foretell/numbers/"):
        facts.add_row(Text("import"), Text(f"from foretell.numbers import {entry.class_name}", "cyan"))
    facts.add_row(Text("file"), Text(entry.file))
    console.print(Padding(facts, (0, 0, 1, 2)))

    if entry.options:
        options = Table(box=None, padding=(0, 2, 0, 0), title="options", title_justify="left", title_style="bold", header_style="dim")
        for column in ("name", "type", "default"):
            options.add_column(column, no_wrap=column != "type")
        options.add_column("", ratio=1)
        for name, kind, default in entry.options:
            must = default if default is not None else "must be given"
            options.add_row(Text(name, "green"), Text(kind), Text(must), Text(_plain(sections.options.get(name, ""))))
        console.print(Padding(options, (0, 0, 1, 2)))
    if sections.example:
        console.print(Text("  example", "bold"))
        example = Syntax(sections.example, "pycon", theme="ansi_dark", background_color="default", word_wrap=True)
        console.print(Padding(example, (0, 0, 0, 2)))
    if entry.name in papers():
        console.print()
        _print_claims(console, papers()[entry.name], entry)


def print_paper(paper: Paper) -> None:
    """A paper, the parts that implement it, what it claims and what was measured here."""
    console = _console()
    console.print(Text.assemble((paper.name, "bold green"), "  a paper"), "")
    authors = ", ".join("and others" if name == "others" else name for name in paper.authors)
    console.print(_paragraphs([paper.title, f"{authors}. {paper.venue}."]))
    _print_claims(console, paper)
    console.print(Text(f"  foretell cite {paper.name} prints its BibTeX", "dim"))


def _print_claims(console: Console, paper: Paper, beside: Entry | None = None) -> None:
    """The paper's parts, but for the one that the page is about, and its claims."""
    found = [entry for entry in parts_of(paper) if entry != beside]
    if found or paper.code:
        table = _facts_table("also in this paper" if beside else "implemented here by", "green")
        for entry in found:
            table.add_row(Text(entry.name), Text.assemble((f"{entry.kind}  ", "dim"), entry.summary))
        for path in paper.code:
            table.add_row(Text(path.rpartition(".")[2]), Text(path, "dim"))
        console.print(Padding(table, (0, 0, 1, 2)))
    elif not beside:
        console.print(Text("  Known, but not implemented in this version.\n", "yellow"))
    for claim in paper.claims:
        table = _facts_table()
        table.add_row(Text("claim"), Text(claim.claim))
        table.add_row(Text("here"), Text.assemble((claim.verdict, _STYLES[claim.verdict]), f": {claim.ours}"))
        table.add_row(Text("command"), Text(claim.command, "cyan"))
        console.print(Padding(table, (0, 0, 1, 2)))


def how_to_name(entry: Entry) -> tuple[str, str]:
    """Where and how a part is named: ("recipe", "..., pace=fixed(num_nodes=8)")."""
    options = ", ".join(f"{name}={default if default is not None else '...'}" for name, _, default in entry.options)
    text = f"{entry.name}({options})" if options else entry.name
    commands = {
        "estimator": f"foretell fit data.csv --target COLUMN --estimator {entry.name}",
        "forecaster": f"foretell forecast series.csv --horizon N --forecaster {entry.name}",
        "unlearning-method": f"foretell unlearn FOLDER DATA.csv --forget ROWS.csv --output NEW --method {entry.name}",
        "component": f"--set 'SETTING={entry.class_name}({options})'",
        "peer": "foretell bench --peer NAME",
        "router": f"--router '{text}'",
        "search": f"--search '{text}'",
        "constraint": f"--constraint '{text}'",
    }
    if entry.symbol:
        return "recipe" if entry.kind == "drafter" else "text", f"one {entry.symbol} another"
    if entry.kind in commands:
        return "command line", commands[entry.kind]
    if entry.kind == "bandit":
        return "python", f"from {entry.module} import {entry.class_name}"
    if entry.kind == "chooser":
        return "recipe", f"..., pace=bandit(chooser='{text}')"
    return "recipe", {"drafter": "", "pace": "..., pace="}.get(entry.kind, "..., ") + text


def _console() -> Console:
    console = Console(highlight=False)
    console.width = min(console.width, _WIDTH)
    return console


def _facts_table(title: str | None = None, style: str = "bold") -> Table:
    """A table of two columns, a name and a text."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style="bold")
    table.add_column(style=style, no_wrap=True)
    table.add_column(ratio=1)
    return table


def _paragraphs(texts: list[str]) -> Group:
    return Group(*(Padding(Text(_plain(text)), (0, 0, 1, 2)) for text in texts))


def _plain(text: str) -> str:
    """Without the marks of code."""
    return text.replace("`", "")
