"""A schema made ready for a vocabulary: the engine's part, and what is left to check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.llguidance_engine import GrammarError, compiled, from_json_schema
from foretell.rules.schemas.effort import Effort
from foretell.rules.schemas.graph import Graph, SchemaError
from foretell.rules.schemas.lowering import Lowered, lowered
from foretell.rules.schemas.places import Watch
from foretell.rules.schemas.reading import graph_of_text
from foretell.rules.schemas.shortest import without_empty
from foretell.rules.schemas.strings import BYTES, PatternError
from foretell.rules.schemas.validator import Judge

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
    reason, tried = "", None
    while effort is not None:
        try:
            made = lowered(graph, judge.decide, formats, effort)
        except (PatternError, RecursionError) as error:
            raise SchemaError(str(error)) from None
        schema = without_empty(made.schema)
        if schema is False:
            raise SchemaError("#: no value is valid, or none that ends")
        if schema != tried:  # else there was nothing of what is left out now
            tried = schema
            try:
                matcher = compiled(from_json_schema({} if schema is True else schema, **WHITESPACE[whitespace]), vocabulary)
            except GrammarError as error:
                reason = str(error)
                if "nsatisfiable" in reason:
                    raise SchemaError(f"#: no value is valid: {reason.splitlines()[0]}") from None
            else:
                watch = Watch(graph, made.relaxed, judge) if made.relaxed else None
                return Compiled(graph, replace(made, schema=schema), judge, watch, matcher, vocabulary)
        effort = effort.less(reason)
    raise SchemaError(f"#: the engine gives it up: {reason}")
