"""`foretell schema-check`: how each keyword of a JSON Schema is enforced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.schemas.keyword_report import KeywordReport

EXAMPLES = (
    """echo '{"type": "integer", "minimum": 1}' | foretell schema-check -""",
    "foretell schema-check schema.json --instance answer.json",
)


def schema_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The schema, a JSON file; `-` reads standard input.")],
    instance: Annotated[Path | None, typer.Option("--instance", metavar="FILE", help="A JSON file to validate against the schema.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", metavar="", help="Refuse schemas with keywords that are checked and not compiled.")
    ] = False,
    annotate: Annotated[bool, typer.Option("--annotate", metavar="", help="Do not enforce `format`.")] = False,
    draft: Annotated[
        str,
        typer.Option("--draft", metavar="NUMBER", help="Read it as draft 4, 6, 7, 2019-09 or 2020-12; by default as it says or shows."),
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print a JSON object.")] = False,
) -> None:
    """Print which keywords of a JSON Schema are compiled into token masks, and which are checked when a value is complete.

    A schema that cannot be enforced is refused, with the location and the reason. Notes name what has no effect and was probably meant to
    have one, such as a misspelt keyword. With --instance, the exit status is 1 if the instance is not valid.
    """
    import warnings

    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.schemas.keyword_report import keyword_report
    from foretell.rules.schemas.strings import BYTES

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes are printed below
        part = JsonSchema(
            _read(file), unsupported="refuse" if strict else "check", formats="annotate" if annotate else "enforce", draft=draft
        )
    found = keyword_report(part.remember(BYTES))
    verdict = None if instance is None else _judged(part, _value(instance))
    if as_json:
        _print_json(found, verdict)
    else:
        _print(found, verdict)
    if verdict is not None and not verdict["valid"]:
        raise typer.Exit(1)


def _read(file: Path) -> str:
    data = typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}; save it as UTF-8") from None


def _value(file: Path) -> Any:
    from foretell.json_files import parse_json

    return parse_json(_read(file), file, "validate a JSON value")


def _judged(part: JsonSchema, value: Any) -> dict[str, Any]:
    """Whether the value is valid, its text, and the reason where it is not."""
    from foretell.rules.schemas.strings import BYTES

    text = part.canonical_text(value)
    valid = part.accepts(text)
    return {"valid": valid, "text": text, "why": "" if valid else part.remember(BYTES).validator.first_error(value)}


def _print_json(found: KeywordReport, verdict: dict[str, Any] | None) -> None:
    import json

    lines = [line._asdict() for line in found.lines if line.level != "compiled"]
    counts = {level: found.count(level) for level in ("compiled", "checked", "annotation", "unknown")}
    typer.echo(
        json.dumps(
            {
                "draft": found.draft.name,
                "notes": list(found.notes),
                **counts,
                "shortest_bytes": found.shortest,
                "not_compiled": lines,
                "instance": verdict,
            },
            indent=2,
        )
    )


def _print(found: KeywordReport, verdict: dict[str, Any] | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    ignored = found.count("annotation") + found.count("unknown")
    console.print(
        f"{found.draft.title}: {found.count('compiled')} keywords compiled, {found.count('checked')} checked as values are complete, "
        f"{ignored} without effect; the shortest value takes {found.shortest} bytes"
    )
    colors = {"checked": "yellow", "annotation": "dim", "unknown": "dim"}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("place", "keyword", "", "why"):
        table.add_column(column, overflow="fold")
    shown = [line for line in found.lines if line.level != "compiled"]
    for line in shown[:200]:
        table.add_row(Text(line.path), Text(line.keyword, "bold"), Text(line.level, colors[line.level]), Text(line.why))
    if shown:
        console.print(table)
    for note in found.notes:
        console.print(Text(f"note: {note}", "yellow"))
    if len(shown) > 200:
        console.print(f"... and {len(shown) - 200} more; --json shows all")
    if verdict is not None:
        console.print(
            Text("the instance is valid: " + verdict["text"] if verdict["valid"] else f"the instance is not valid: {verdict['why']}")
        )
