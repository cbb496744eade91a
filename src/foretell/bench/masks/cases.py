"""JSON Schemas with instances that must be accepted or rejected, read from a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.json_files import as_object, read_json


@dataclass(frozen=True)
class SchemaInstance:
    """A JSON value. text: as it is written. valid: whether the schema accepts it. description: for messages."""

    text: str
    valid: bool
    description: str = ""

    @classmethod
    def of(cls, value: Any, valid: bool, description: str = "") -> SchemaInstance:
        """Write `value` as Python and most models do: a space after commas and colons, non-ASCII letters as they are."""
        return cls(json.dumps(value, ensure_ascii=False), valid, description)


@dataclass(frozen=True, eq=False)
class SchemaCase:
    """A schema and its instances. name: of its file, without the ending."""

    name: str
    schema: Any
    instances: tuple[SchemaInstance, ...] = ()


def read_cases(folder: str | Path, limit: int | None = None) -> list[SchemaCase]:
    """The cases of a folder's JSON files, in the order of their names. limit: number of cases, evenly spaced; None means all.

    A file of MaskBench has "schema" and "tests" (each with "valid", "data" and optionally "description"). Any other file is a schema, and
    its "examples" are the instances, valid or not according to `jsonschema`. Raises UserError for a folder without JSON files and for a
    file that is not JSON.
    """
    paths = sorted(Path(folder).glob("*.json"))
    if not paths:
        raise UserError(f"folder={str(folder)!r} has no .json files; give one with MaskBench's files or with JSON schemas")
    if limit is not None and limit < len(paths):
        paths = [paths[i * len(paths) // limit] for i in range(limit)]
    return [_read(path) for path in paths]


def _read(path: Path) -> SchemaCase:
    content = read_json(path)
    if isinstance(content, dict) and "schema" in content and isinstance(content.get("tests"), list):
        return SchemaCase(path.stem, content["schema"], tuple(_test(path, test) for test in content["tests"]))
    return SchemaCase(path.stem, content, tuple(_examples(path, content)))


def _test(path: Path, test: Any) -> SchemaInstance:
    test = as_object(test, f"{path}: a test", "write one with data and valid")
    if "data" not in test or not isinstance(test.get("valid"), bool):
        raise UserError(f"{path}: a test needs data, and valid, which is true or false; this is {str(test)[:60]}")
    return SchemaInstance.of(test["data"], test["valid"], str(test.get("description", "")))


def _examples(path: Path, schema: Any) -> Sequence[SchemaInstance]:
    examples = schema.get("examples") if isinstance(schema, dict) else None
    if not isinstance(examples, list):
        return []
    from jsonschema.validators import validator_for

    validator = validator_for(schema)(schema)
    try:
        return [SchemaInstance.of(value, validator.is_valid(value), f"example {i + 1}") for i, value in enumerate(examples)]
    except Exception as error:  # whatever the package makes of a schema that is none
        raise UserError(f"{path}: jsonschema cannot tell which examples are valid ({type(error).__name__}: {error}); mend it") from error
