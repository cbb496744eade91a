"""`foretell list`: all parts, and the models that come along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from foretell.cli.common.catalog import NUMBERS, Entry, catalog, models, numbers


def list(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="drafter, verifier, pace, sampler, router, search, constraint, chooser, estimator, forecaster, model; all where none is."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print a JSON list.")] = False,
) -> None:
    """List the parts that recipes are made of, estimators and forecasters, ours and those of installed plug-ins, and the models that
    come with the package."""
    from foretell.decoding.registry import ROOMS
    from foretell.parts import UnknownNameError, nearest

    rooms = {**ROOMS, **NUMBERS, "model": "models"}
    if kind is not None and kind not in rooms:
        singular = {room: kind for kind, room in rooms.items()}
        if kind not in singular:
            raise UnknownNameError(f"KIND={kind!r} is not a kind of part: {nearest(kind, rooms)}")
        kind = singular[kind]
    entries = [entry for entry in (*catalog(), *numbers(), *models()) if kind in (None, entry.kind)]
    if as_json:
        import dataclasses
        import json

        typer.echo(json.dumps([dataclasses.asdict(entry) for entry in entries], indent=2))
    else:
        _show({room: [entry for entry in entries if entry.kind == kind] for kind, room in rooms.items()})


def _show(rooms: Mapping[str, Sequence[Entry]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    width = max((len(entry.name) for entries in rooms.values() for entry in entries), default=0)
    for room, entries in rooms.items():
        if not entries:
            continue
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), title=room, title_justify="left", title_style="bold")
        table.add_column(width=width, style="green", no_wrap=True)
        if any(entry.guarantee for entry in entries):
            table.add_column(width=max(len(entry.guarantee) for entry in entries), no_wrap=True)
        table.add_column(ratio=1)
        for entry in entries:
            guarantee = [Text(entry.guarantee, "cyan" if entry.guarantee == "exact" else "yellow")] if len(table.columns) == 3 else []
            table.add_row(Text(entry.name), *guarantee, Text(entry.summary))
        console.print(table)
        console.print()
    console.print(Text("foretell show NAME says more of one.", "dim"))
