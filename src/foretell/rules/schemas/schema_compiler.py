"""From a schema to what generates and checks its texts: read, bounded, resolved, translated for the engine and compiled."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.grammar_state import CompiledGrammar, GrammarError
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_json_schema
from foretell.rules.grammars.native_call import nesting
from foretell.rules.patterns.ecma import PatternError, parsed
from foretell.rules.schemas.closed_objects import close_objects
from foretell.rules.schemas.draft_choice import choose_draft, with_draft
from foretell.rules.schemas.drafts import DRAFTS, SchemaError, draft_of
from foretell.rules.schemas.engine_schema import EngineSchema
from foretell.rules.schemas.hints import refuse_example
from foretell.rules.schemas.lowering import Lowering
from foretell.rules.schemas.lowering_context import LoweringEffort
from foretell.rules.schemas.meta_schema import check_schema
from foretell.rules.schemas.pending_checks import PendingChecks
from foretell.rules.schemas.schema_graph import SchemaGraph, SchemaNode, graph_of
from foretell.rules.schemas.shortest import without_empty
from foretell.rules.schemas.validator import SchemaValidator
from foretell.rules.schemas.value_bounds import ValueBounds
from foretell.rules.schemas.wrappers import unwrapped

#: The default limit on the length of a schema, in characters of JSON.
MAX_CHARACTERS = 1_000_000
#: The deepest nesting of a schema's arrays and objects.
MAX_DEPTH = 150
#: After so many seconds no smaller effort is tried. One compilation is bounded by the limits on symbols and on the states of the lexer.
MAX_SECONDS = 15.0
#: White space in the generated text: options of the engine.
WHITESPACE: dict[str, dict[str, Any]] = {
    "json": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "},
    "compact": {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"},
    "flexible": {"whitespace_pattern": r"[ \t\r\n]{1,40}", "item_separator": ",", "key_separator": ":"},
}


@dataclass(frozen=True, eq=False)
class CompiledSchema:
    """A schema, compiled for one vocabulary.

    graph: the schema's subschemas. schema: what the engine compiled. relaxed: by node, the keywords that `schema` leaves out or allows
    more of, with the reason. ignored: (node, keyword, reason) of annotations. validator: of finished texts. checks: of values within the
    text, None if `schema` says everything. grammar: the engine's. bounds: on what is generated, or None.
    """

    graph: SchemaGraph
    schema: EngineSchema
    relaxed: dict[SchemaNode, dict[str, str]]
    ignored: list[tuple[SchemaNode, str, str]]
    validator: SchemaValidator
    checks: PendingChecks | None
    grammar: CompiledGrammar
    bounds: ValueBounds | None = None

    @cached_property
    def required_names(self) -> tuple[str, ...]:
        """The names that some object of the schema requires, in the schema's order."""
        return tuple(dict.fromkeys(name for node in self.graph.nodes for name in node.keywords.get("required", ())))


def compile_schema(
    text: str, whitespace: str, formats: bool, vocabulary: Vocabulary, closed: bool = False, bounds: ValueBounds | None = None
) -> CompiledSchema:
    """As much of a schema as the engine compiles, with the checks of the rest.

    text: the schema as JSON. whitespace: a key of `WHITESPACE`. formats: whether known formats are enforced. closed: whether
    objects have only the members that their schema names. SchemaError if the engine compiles nothing of it, or no value is valid.
    """
    graph = close_objects(parsed_schema.__wrapped__(text)) if closed else parsed_schema(text)
    validator = SchemaValidator(graph, formats)
    effort: LoweringEffort | None = LoweringEffort()
    reason, last_schema, begin = "", None, time.monotonic()
    while effort is not None:
        lowering = Lowering(graph, validator.is_valid, formats, effort)
        try:
            schema = without_empty(lowering.schema())
        except (PatternError, RecursionError) as error:
            raise SchemaError(str(error)) from None
        if schema is False:
            raise SchemaError("#: no value is valid, or none of finite length")
        if schema != last_schema:  # else this effort leaves out nothing that the schema has
            last_schema = schema
            try:
                grammar = compile_grammar(from_json_schema({} if schema is True else schema, **WHITESPACE[whitespace]), vocabulary)
            except GrammarError as error:
                reason = str(error)
                if "nsatisfiable" in reason:
                    raise SchemaError(f"#: no value is valid: {reason.splitlines()[0]}") from None
            else:
                checks = PendingChecks(graph, lowering.relaxed, validator) if lowering.relaxed else None
                return CompiledSchema(graph, schema, lowering.relaxed, lowering.ignored, validator, checks, grammar, bounds)
        effort = effort.reduced(reason)
        if effort is not None and time.monotonic() - begin > MAX_SECONDS:
            raise SchemaError(
                f"#: {len(graph.nodes)} subschemas took more than {MAX_SECONDS:g} s, and the engine cannot compile them ({reason}); "
                "split the schema, or leave out parts that the answer does not need"
            )
    raise SchemaError(f"#: the engine cannot compile it: {reason}")


def schema_text(schema: Any, max_characters: int = MAX_CHARACTERS, draft: str = "auto") -> str:
    """A schema (a dict, a bool or JSON text) as JSON text, after checking that it is a schema and that its references resolve.

    draft: a key of `DRAFTS`; all but "auto" are written into its `$schema`. SchemaError, with the place, for what is not such a schema.
    """
    if isinstance(schema, str):
        _check_length(schema, max_characters)
        try:
            schema = json.loads(schema)
        except ValueError as error:
            raise SchemaError(f"schema is not JSON text: {error}; pass a dict, a bool, or JSON") from None
        except RecursionError:
            raise _too_deep() from None
    if not isinstance(schema, dict | bool):
        raise SchemaError(f"schema={str(schema)[:60]!r} is not a JSON Schema; it must be an object or a bool")
    schema = unwrapped(schema)
    if draft != "auto" and isinstance(schema, dict):
        schema = with_draft(schema, draft_of(DRAFTS[draft]))
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise SchemaError("schema has a lone surrogate in it, which no text can contain") from None
    except (TypeError, ValueError) as error:
        raise SchemaError(f"schema is not JSON: {error}") from None
    except RecursionError:
        raise _too_deep() from None
    _check_length(text, max_characters)
    parsed_schema(text)
    return text


@lru_cache(64)
def parsed_schema(text: str) -> SchemaGraph:
    """The graph of a schema in JSON. SchemaError if it is not a schema."""
    schema = json.loads(text)
    if nesting(schema) > MAX_DEPTH:
        raise _too_deep()
    try:
        choice = choose_draft(schema)
        refuse_example(schema)
        check_schema(schema, choice)
        graph = graph_of(schema, choice)
        _check_patterns(graph)
        return graph
    except RecursionError:
        raise _too_deep() from None


def _check_patterns(graph: SchemaGraph) -> None:
    """SchemaError, with the place, for a pattern that cannot be read."""
    for node in graph.nodes:
        for pattern in (*([node.keywords["pattern"]] if "pattern" in node.keywords else []), *node.keywords.get("patternProperties", {})):
            try:
                parsed(pattern)
            except PatternError as error:
                raise SchemaError(f"{node.path}: {error}") from None


def _check_length(text: str, max_characters: int) -> None:
    if len(text) > max_characters:
        raise SchemaError(f"schema has {len(text)} characters, more than most_characters={max_characters}; raise that if it is meant")


def _too_deep() -> SchemaError:
    return SchemaError(f"schema is nested deeper than {MAX_DEPTH} brackets; move parts of it to $defs")
