"""`foretell show`: what one part is, or a model that comes with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from foretell.cli.common.catalog import Entry, lookup
from foretell.cli.common.docstring import Sections, take_apart


def show(
    method: Annotated[str, typer.Argument(help="A part's name, as `foretell list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print a JSON object.")] = False,
) -> None:
    """Explain one part: what it does, its guarantee, what it needs and costs, its options, its paper."""
    entry = lookup(method)
    if entry.kind == "model" and not as_json:
        typer.echo(entry.doc)
        return
    sections = take_apart(entry.doc, [name for name, _, _ in entry.options])
    if as_json:
        import dataclasses
        import json

        typer.echo(
            json.dumps(
                {**dataclasses.asdict(entry), **dataclasses.asdict(sections), _used(entry)[0].replace(" ", "_"): _used(entry)[1]}, indent=2
            )
        )
    else:
        _print(entry, sections)


def _print(entry: Entry, sections: Sections) -> None:
    from rich.console import Console, Group
    from rich.padding import Padding
    from rich.syntax import Syntax
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.width = min(console.width, 100)
    also = f", also called {', '.join(entry.aliases)}" if entry.aliases else ""
    console.print(Text.assemble((entry.name, "bold green"), f"  a {entry.kind}{also}"), "")
    console.print(Group(*(Padding(Text(_plain(paragraph)), (0, 0, 1, 2)) for paragraph in sections.what or [entry.summary])))

    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(ratio=1)
    for label, text in sections.labelled.items():
        facts.add_row(Text(label.lower()), Text(_plain(text)))
    if sections.paper:
        facts.add_row(Text("paper"), Text(sections.paper))
    where, said = _used(entry)
    facts.add_row(Text(where), Text(said, "cyan"))
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


def _used(entry: Entry) -> tuple[str, str]:
    """Where and how it is named."""
    if entry.kind == "estimator":
        return "command line", f"foretell fit data.csv --target COLUMN --estimator {entry.name}"
    if entry.kind == "forecaster":
        return "command line", f"foretell forecast series.csv --horizon N --forecaster {entry.name}"
    return ("command line", f"--router '{_in_a_recipe(entry)}'") if entry.kind == "router" else ("recipe", _in_a_recipe(entry))


def _in_a_recipe(entry: Entry) -> str:
    """How to name it there, its defaults written out."""
    options = ", ".join(f"{name}={default if default is not None else '...'}" for name, _, default in entry.options)
    if entry.symbol:
        return f"one {entry.symbol} another"
    if entry.kind == "search":
        return f'--search "{entry.name}({options})"'
    if entry.kind == "chooser":
        return f"..., pace=bandit(chooser='{entry.name}({options})')"
    if entry.kind == "model":
        return f"--model {entry.name}"
    prefix = {"drafter": "", "router": "", "pace": "..., pace="}.get(entry.kind, "..., ")
    return f"{prefix}{entry.name}({options})" if options else prefix + entry.name


def _plain(text: str) -> str:
    """Without the marks of code."""
    return text.replace("`", "")
