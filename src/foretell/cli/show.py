"""`foretell show`: what a part is, which parts implement a paper, or what a model is."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from foretell.catalog import Entry
from foretell.catalog.papers import Paper, parts_of
from foretell.cli.common.docstring import take_apart
from foretell.cli.common.lookup import ModelCard, look_up

EXAMPLES = ("foretell show token-recycling", "foretell show s2d", "foretell show default")


def show(
    name: Annotated[str, typer.Argument(help="A part or model as `foretell list` shows it, or a paper by its short name or title.")],
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print a JSON object.")] = False,
) -> None:
    """Explain a part: what it does, its guarantee, what it needs and costs, its options and its papers. Or find the parts that implement
    a paper, with what the paper claims and what was measured here."""
    found = look_up(name)
    if as_json:
        import json

        typer.echo(json.dumps(_facts(found), indent=2, ensure_ascii=False))
    elif isinstance(found, ModelCard):
        typer.echo(found.text)
    elif isinstance(found, Paper):
        from foretell.cli.common.pages import print_paper

        print_paper(found)
    else:
        from foretell.cli.common.pages import print_part

        print_part(found)


def _facts(found: Entry | Paper | ModelCard) -> dict[str, Any]:
    """What is known, as JSON types."""
    if isinstance(found, ModelCard):
        return {"kind": "model", **dataclasses.asdict(found)}
    if isinstance(found, Paper):
        return {
            "kind": "paper",
            **dataclasses.asdict(found),
            "reference": found.reference,
            "parts": [{"kind": entry.kind, "name": entry.name, "summary": entry.summary} for entry in parts_of(found)],
        }
    from foretell.cli.common.pages import how_to_name

    sections = take_apart(found.doc, [name for name, _, _ in found.options])
    where, text = how_to_name(found)
    return {**dataclasses.asdict(found), **dataclasses.asdict(sections), where.replace(" ", "_"): text}
