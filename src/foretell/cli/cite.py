"""`foretell cite`: BibTeX of the methods that a recipe, a part or an estimator uses, or of a paper."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

EXAMPLES = ('foretell cite "prompt-lookup | token-recycling"', "foretell cite conformal-regressor")
_WHAT = "A recipe or recipe file; a part or estimator by name, with or without options; or a paper by short name or title."


def cite(
    what: Annotated[str, typer.Argument(metavar="RECIPE|FILE.toml|NAME|TITLE", help=_WHAT)],
    router: Annotated[str | None, typer.Option(metavar="TEXT", help="A router that is used too.", show_default=False)] = None,
    constraint: Annotated[str | None, typer.Option(metavar="TEXT", help="A constraint that is used too.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print a JSON object.")] = False,
) -> None:
    """Print BibTeX of the methods that are used, with a comment line for each part.

    A recipe cites its drafter, verifier, pace and sampler steps, also those it has by default. A single name cites that part or paper
    alone.
    """
    from foretell.catalog.papers import bibliography

    used = _used(what, router, constraint)
    if as_json:
        import dataclasses
        import json

        from foretell.catalog.papers import papers

        known = papers()
        named = [name for names in used.values() for name in names]
        cited = [{**dataclasses.asdict(known[name]), "bibtex": known[name].bibtex()} for name in dict.fromkeys(named) if name in known]
        others = [name for name in dict.fromkeys(named) if name not in known]
        typer.echo(json.dumps({"used": used, "papers": cited, "entries": others}, indent=2, ensure_ascii=False))
        return
    for part, names in used.items():
        typer.echo(f"% {part}: {', '.join(name for name in names if not name.lstrip().startswith('@')) or 'no paper'}")
    entries = bibliography(name for names in used.values() for name in names)
    if entries:
        typer.echo("\n" + "\n\n".join(entries))


def _used(what: str, router: str | None, constraint: str | None) -> dict[str, tuple[str, ...]]:
    """The papers that are used, by the part that uses them."""
    from foretell.catalog.papers import used_by
    from foretell.catalog.part_text import parse_part

    used = _of_text(what.strip())
    for text, kind in ((router, "router"), (constraint, "constraint")):
        if text is not None:
            used |= used_by(parse_part(text, kind))
    return used


def _of_text(text: str) -> dict[str, tuple[str, ...]]:
    """The papers of what a text names."""
    from foretell.catalog import Entry
    from foretell.catalog.papers import Paper, used_by
    from foretell.cli.common.lookup import look_up
    from foretell.cli.common.options import read_recipe
    from foretell.errors import UserError

    if not text.endswith(".toml"):
        try:
            found: Any = look_up(text)
        except UserError as error:
            if not re.search(r"[(,+|^>=]", text):  # nor is it a recipe
                raise error
        else:
            if isinstance(found, Paper):
                return {found.title: (found.name,)}
            if isinstance(found, Entry):
                return _of_entry(found)
            raise UserError(f"{text!r} is a model, which no paper of the catalogue describes; name a recipe, a part or a paper")
    return used_by(read_recipe(text)) or {text: ()}


def _of_entry(entry: Any) -> dict[str, tuple[str, ...]]:
    """The papers of one part, and of those it has within it where it can be made without an option."""
    from foretell.catalog.papers import used_by

    if any(default is None for _, _, default in entry.options) or not entry.options:
        return {entry.name: entry.papers}
    return {entry.name: entry.papers, **used_by(entry.load()())}
