"""A schema made ready for a vocabulary: the engine's part, and what is left to check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from foretell.decoding.grammars.llguidance_engine import GrammarError, compiled, from_json_schema
from foretell.decoding.schemas.engine_schema import Plain
from foretell.decoding.schemas.graph import Graph, SchemaError
from foretell.decoding.schemas.lowering import Effort, Lowered, lowered
from foretell.decoding.schemas.places import Watch
from foretell.decoding.schemas.reading import graph_of_text
from foretell.decoding.schemas.shortest import without_empty
from foretell.decoding.schemas.strings import BYTES, PatternError
from foretell.decoding.schemas.validator import Judge
from foretell.models.vocabulary import Vocabulary

#: How the engine writes white space.
WHITESPACE: dict[str, dict[str, Any]] = {
    "json": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "},
    "compact": {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"},
    "flexible": {"whitespace_pattern": r"[ \t\r\n]{1,40}", "item_separator": ",", "key_separator": ":"},
}


@dataclass
class Compiled:
    """A schema for one vocabulary. watch: None where the engine says it all."""

    graph: Graph
    lowered: Lowered
    judge: Judge
    watch: Watch | None
    matcher: Any
    vocabulary: Vocabulary


def compile_schema(text: str, whitespace: str, formats: bool, vocabulary: Vocabulary = BYTES) -> Compiled:
    """The schema, as much of it as the engine takes. SchemaError where it takes nothing, or nothing is valid."""
    graph = graph_of_text(text)
    judge = Judge(graph, formats)
    effort: Effort | None = Effort()
    reason = ""
    while effort is not None:
        try:
            made = lowered(graph, judge.valid, formats, effort)
            schema = without_empty(made.schema)
            if schema is False:
                raise SchemaError("#: no value is valid, or none that ends")
            matcher = compiled(from_json_schema(_as_object(schema), **WHITESPACE[whitespace]), vocabulary)
        except PatternError as error:
            raise SchemaError(str(error)) from None
        except GrammarError as error:
            reason = str(error)
            if "nsatisfiable" in reason:
                raise SchemaError(f"#: no value is valid: {reason}") from None
            effort = effort.less(reason)
            continue
        return Compiled(
            graph, replace(made, schema=schema), judge, Watch(graph, made.relaxed, judge) if made.relaxed else None, matcher, vocabulary
        )
    raise SchemaError(f"#: the engine gives it up: {reason}")


def _as_object(schema: Plain) -> dict[str, Any]:
    return {} if isinstance(schema, bool) else schema
