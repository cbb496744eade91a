"""Schemas as they come from outside: read, bounded, and checked to be schemas at all."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from foretell.rules.schemas.graph import Graph, SchemaError, draft_of, graph_of
from foretell.rules.schemas.package import package

#: Longest schema, in characters of JSON, unless more is asked for.
MOST_CHARACTERS = 1_000_000
#: Brackets within brackets that a schema may have.
DEEPEST = 150


def read_schema(schema: Any, most_characters: int = MOST_CHARACTERS) -> str:
    """The schema, a dict, a bool or JSON text, as JSON text that is known to be a schema whose references lead somewhere.

    SchemaError, with the place, for what is not.
    """
    if isinstance(schema, str):
        _bounded(schema, most_characters)
        try:
            schema = json.loads(schema)
        except ValueError as error:
            raise SchemaError(f"schema is no JSON text: {error}; pass a dict, a bool, or JSON") from None
        except RecursionError:
            raise _too_deep() from None
    if not isinstance(schema, dict | bool):
        raise SchemaError(f"schema={str(schema)[:60]!r} is no JSON Schema; it must be an object or a bool")
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise SchemaError("schema has half a surrogate pair in it, which no text can hold") from None
    except (TypeError, ValueError) as error:
        raise SchemaError(f"schema is no JSON: {error}") from None
    except RecursionError:
        raise _too_deep() from None
    _bounded(text, most_characters)
    graph_of_text(text)
    return text


@lru_cache(64)
def graph_of_text(text: str) -> Graph:
    """The graph of a schema written in JSON. SchemaError where it is none."""
    schema = json.loads(text)
    if _depth(schema) > DEEPEST:
        raise _too_deep()
    try:
        draft_of(schema).check_schema(schema, format_checker=None)  # type: ignore[call-arg]
        return graph_of(schema)
    except package().SchemaError as error:
        place = "".join(f"/{part}" for part in error.absolute_path)
        raise SchemaError(
            f"#{place}: no JSON Schema of {draft_of(schema).__name__.removesuffix('Validator')}: {error.message[:200]}"
        ) from None
    except RecursionError:
        raise _too_deep() from None


def _bounded(text: str, most_characters: int) -> None:
    if len(text) > most_characters:
        raise SchemaError(f"schema has {len(text)} characters, more than most_characters={most_characters}; raise that if it is meant")


def _depth(value: Any) -> int:
    """Arrays and objects within each other."""
    depth, level = 0, [value]
    while level := [
        each for part in level if isinstance(part, dict | list) for each in (part.values() if isinstance(part, dict) else part)
    ]:
        depth += 1
    return depth


def _too_deep() -> SchemaError:
    return SchemaError(f"schema is nested deeper than {DEEPEST} brackets; move parts of it to $defs")
