"""Files of prompts: text lines, JSON lines or a column of a CSV file."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretell import arguments
from foretell.errors import UserError
from foretell.json_files import parse_json

#: The ends of the names of files that hold a JSON value a line.
_JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class PromptLine:
    """A line of a file of prompts. line: its number, from 1 on. prompt: None where the line holds none. options: its own. id: its own name.
    error: why it holds no prompt. digest: of all that the line says."""

    line: int
    prompt: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    id: Any = None
    error: UserError | None = None
    digest: str = ""


def read_prompt_file(path: str | Path, column: str = "prompt") -> list[PromptLine]:
    """The prompts of a file; empty lines are left out.

    .jsonl, .ndjson: each line is an object with "prompt" (text or token ids) or "messages" (a chat), perhaps "id", and options of
    `generate_many`; or a text; or a chat. .csv: the column `column`, and "id" where there is one; a row whose other cells are filled has an
    `error`. Other files: each line is a prompt. A
    line that cannot be read has an `error`, and the others are read. Errors: OSError for the file; UserError where it is not UTF-8, is a
    CSV file without the column, or holds no line.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.jsonl").write_text('{"prompt": "Hi", "id": 7, "temperature": 1}')
    ...     [(line.prompt, line.id, line.options) for line in read_prompt_file(Path(folder, "a.jsonl"))]
    [('Hi', 7, {'temperature': 1})]
    """
    path = arguments.path("input", path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); convert it, for example with iconv") from error
    kind = path.suffix.lower()
    read = _csv_lines(path, text, column) if kind == ".csv" else _json_lines(text) if kind in _JSON_LINES else _text_lines(text)
    lines = list(read)
    if not lines:
        raise UserError(f"{path} holds no prompts; write one a line")
    return lines


def _text_lines(text: str) -> Iterator[PromptLine]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            prompt = line.removesuffix("\r")
            yield PromptLine(number, prompt, digest=_digest(prompt))


def _json_lines(text: str) -> Iterator[PromptLine]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        digest = _digest(line.strip())
        try:
            yield _from_json(number, parse_json(line, f"line {number}", "write one JSON value a line"), digest)
        except UserError as error:
            yield PromptLine(number, error=error, digest=digest)


def _from_json(number: int, value: Any, digest: str) -> PromptLine:
    if not isinstance(value, dict):
        return PromptLine(number, arguments.prompt(value), digest=digest)
    given = [name for name in ("prompt", "messages") if value.get(name) is not None]
    if len(given) != 1:
        raise UserError(f'line {number}: {arguments.shown(value)} must have either "prompt" or "messages"')
    options = {name: each for name, each in value.items() if name not in ("prompt", "messages", "id") and each is not None}
    return PromptLine(number, value[given[0]], options, value.get("id"), digest=digest)


def _csv_lines(path: Path, text: str, column: str) -> Iterator[PromptLine]:
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)  # the first of them where the header is one column
    rows = csv.DictReader(text.splitlines(keepends=True), delimiter=separator)
    names = rows.fieldnames or []
    if column not in names:
        raise UserError(f"{path} has no column {column!r}, only {', '.join(map(repr, names))}; name one of them (--column)")
    for row in rows:
        number, prompt, digest = rows.line_num, row[column], _digest(json.dumps(row))
        if prompt and prompt.strip():
            yield PromptLine(number, prompt, id=row.get("id"), digest=digest)
        elif any(cell and cell.strip() for name, cell in row.items() if name is not None):
            error = UserError(f"line {number}: the column {column!r} is empty; give some text")
            yield PromptLine(number, id=row.get("id"), error=error, digest=digest)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
