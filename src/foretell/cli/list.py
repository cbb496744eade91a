"""`foretell list`: the parts, the papers they implement, and the models that can be loaded by a name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from foretell.catalog import KINDS, entries
from foretell.catalog.papers import papers, parts_of
from foretell.cli.common.lookup import chosen_model, models
from foretell.parts import UnknownNameError, nearest

EXAMPLES = ("foretell list", "foretell list drafter", "foretell list models")
#: Kinds that are listed where no kind is asked for; the others are long, or name no part of ours.
_USUAL = tuple(kind for kind in KINDS if kind not in ("component", "peer"))
_KIND = f"{', '.join(KINDS)}, model or paper; by default all but component, peer and paper."


def list(
    kind: Annotated[str | None, typer.Argument(help=_KIND)] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print a JSON list.")] = False,
) -> None:
    """List the parts that recipes are made of, estimators, forecasters and their components, ours and those of installed plug-ins; the
    papers they implement; and the models that can be loaded by a name."""
    plurals = {**{each.name: each.plural for each in KINDS.values()}, "model": "models", "paper": "papers"}
    if kind is not None and kind not in plurals:
        singular = {plural: name for name, plural in plurals.items()}
        if kind not in singular:
            raise UnknownNameError(f"KIND={kind!r} is not a kind of part: {nearest(kind, plurals)}")
        kind = singular[kind]
    rows = {plurals[each]: _rows(each) for each in ([kind] if kind else [*_USUAL, "model"])}
    if as_json:
        import json

        typer.echo(json.dumps([row for listed in rows.values() for row in listed], indent=2))
    else:
        _show(rows)


def _rows(kind: str) -> Sequence[Mapping[str, Any]]:
    """What is known of each, as JSON types, with at least "name" and "summary"."""
    if kind == "model":
        return [{"kind": kind, "loaded_by_default": name == chosen_model(), **dataclasses.asdict(card)} for name, card in models().items()]
    if kind == "paper":
        found = [(paper, [entry.name for entry in parts_of(paper)]) for paper in papers().values()]
        return [
            {"kind": kind, **dataclasses.asdict(paper), "parts": parts, "summary": f"{paper.title} ({paper.year})"}
            for paper, parts in found
        ]
    return [dataclasses.asdict(entry) for entry in entries(kind)]


def _show(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """A table for each kind."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    width = max((len(row["name"]) for listed in rows.values() for row in listed), default=0)
    for plural, listed in rows.items():
        if not listed:
            continue
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), title=plural, title_justify="left", title_style="bold")
        table.add_column(width=width, style="green", no_wrap=True)
        marks = [_mark(row) for row in listed]
        if any(marks):
            table.add_column(width=max(map(len, marks)), no_wrap=True)
        table.add_column(ratio=1)
        for row, mark in zip(listed, marks, strict=True):
            style = "cyan" if mark in ("exact", "here", "in use") else "yellow"
            table.add_row(Text(row["name"]), *([Text(mark, style)] if any(marks) else []), Text(row["summary"]))
        console.print(table)
        console.print()
    console.print(Text("foretell show NAME says more of one; foretell list paper shows the papers.", "dim"))


def _mark(row: Mapping[str, Any]) -> str:
    """One word about a row: a part's guarantee, whether a paper is implemented here, or which model is loaded where none is named."""
    if row["kind"] == "model":
        return "in use" if row["loaded_by_default"] else ""
    if row["kind"] == "paper":
        return "here" if row["parts"] or row["code"] else "not yet" if row["system"] else ""
    return str(row.get("guarantee", ""))
