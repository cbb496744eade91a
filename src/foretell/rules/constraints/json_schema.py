"""JSON Schema: the text is JSON, and its value is valid."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.schemas.drafts import DRAFTS
from foretell.rules.schemas.schema_compiler import MAX_CHARACTERS, WHITESPACE, CompiledSchema, compile_schema, parsed_schema, schema_text
from foretell.rules.schemas.schema_state import JsonSchemaState
from foretell.rules.schemas.strings import BYTES
from foretell.rules.schemas.value_bounds import ValueBounds

#: How many notes on one schema are given as warnings; `foretell schema-check` prints all.
_MAX_NOTES = 5


@dataclass(frozen=True)
class JsonSchema(Constraint[CompiledSchema]):
    """The whole text is JSON whose value is valid by `schema`, with members in the schema's order. No keyword is ignored silently.

    schema: a dict, a bool, or JSON text; kept as JSON text. draft: "4", "6", "7", "2019-09" or "2020-12"; "auto" takes the one that
    `$schema` names, else the newest that has all its words, and warns where that is not 2020-12. whitespace: "json" generates `", "` and
    `": "` as Python does, "compact" no white space, "flexible" any, in runs of at most 40. unsupported: what happens to keywords that the
    engine cannot compile: "check" leaves them out there and checks each value as soon as it is complete, "refuse" raises a UserError
    naming them. formats: "enforce" known formats, or "annotate" none. most_characters: the longest schema. closed: generate no members
    that the schema does not name, in objects of which it names some. bounds: limits on what is generated, as in `ValueBounds`: True, or a
    dict of some of its fields. Neither adds a valid text, and both leave the schema's own requirements alone. No object has two members of
    one name.

    Every text is validated as a whole before it may end, so no invalid text is ever accepted. `foretell schema-check` reports how each
    keyword is supported.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: the bytes of each token; jsonschema (pip
    install 'foretell[schemas]'). Cost: 2 to 60 ms for a schema and vocabulary, half of it the check that it is a schema; 40 us a token
    set, 60 us to 1 ms where values are checked. State: the engine's Earley items, one row a token, and an incremental JSON parser.

    Geng et al., "Generating Structured Outputs from Language Models: Benchmark and Studies", section 4; computed by llguidance, checked
    by jsonschema. Errors: UserError, with the place in the schema, for what is not a schema, is too large, refers to something outside of
    itself or to itself without end, or allows no value.

    >>> vocabulary = Vocabulary((b"t", b"r", b"u", b"e", b"false", b"[", b"]", b", ", None), frozenset({8}))
    >>> state = JsonSchema({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True}).start(vocabulary)
    >>> for token in (5, 4, 7):
    ...     state = state.advance(token)
    >>> state.accepts(4), state.forced()
    (False, [])
    """

    papers = ("jsonschemabench",)

    schema: Any
    whitespace: str = "json"
    unsupported: str = "check"
    formats: str = "enforce"
    most_characters: int = MAX_CHARACTERS
    draft: str = "auto"
    closed: bool = False
    bounds: Any = None

    def __post_init__(self) -> None:
        for name, known in (
            ("whitespace", tuple(WHITESPACE)),
            ("unsupported", ("check", "refuse")),
            ("formats", ("enforce", "annotate")),
            ("draft", tuple(DRAFTS)),
        ):
            require(getattr(self, name) in known, self, name, getattr(self, name), f"must be one of {', '.join(known)}")
        require(self.most_characters >= 4, self, "most_characters", self.most_characters, "must be at least 4")
        bounds = ValueBounds.read(self.bounds)
        object.__setattr__(self, "bounds", None if bounds is None else bounds.pairs)
        object.__setattr__(self, "schema", schema_text(self.schema, self.most_characters, self.draft))
        for note in parsed_schema(self.schema).notes[:_MAX_NOTES]:
            warnings.warn(f"schema: {note}", stacklevel=3)

    @classmethod
    def examples(cls) -> list[JsonSchema]:
        """Their texts need the bytes `[ ] { } " a b : , 0 1 t r u e f l s` and a space."""
        return [
            cls({"enum": ["a", "b", "ab"]}),
            cls({"type": "array", "items": {"enum": ["a", 0, 1]}, "uniqueItems": True, "maxItems": 2}, "compact"),
            cls({"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": False}),
        ]

    @property
    def can_dead_end(self) -> bool:
        """Where values are checked, a text may reach a state in which the engine forces a token that a check forbids; and a pattern of
        names may leave none that the object has not yet."""
        compiled = self.memory(BYTES)
        limits_names = any({"patternProperties", "propertyNames"} & node.keywords.keys() for node in compiled.graph.nodes)
        return compiled.checks is not None or limits_names

    def canonical_text(self, instance: Any) -> str:
        """The JSON text of a value, with members in the schema's order; accepted if, and only if, the value is valid."""
        from foretell.rules.schemas.canonical_text import canonical_text

        return canonical_text(instance, self.memory(BYTES), self.whitespace)

    def accepts(self, text: str) -> bool:
        """Whether the constraint accepts a whole text; `canonical_text` writes values in the required order."""
        state = self.start(BYTES)
        for byte in text.encode():
            if not state.accepts(byte):
                return False
            state = state.advance(byte)
        return state.accepting

    def remember(self, vocabulary: Vocabulary) -> CompiledSchema:
        compiled = compile_schema(
            self.schema, self.whitespace, self.formats == "enforce", vocabulary, self.closed, ValueBounds.read(self.bounds)
        )
        if self.unsupported == "refuse" and compiled.relaxed:
            reasons = [f"{node.path}: {keyword} {why}" for node, keywords in compiled.relaxed.items() for keyword, why in keywords.items()]
            raise UserError(
                f"JsonSchema: unsupported='refuse', and {len(reasons)} keywords are not compiled: {'; '.join(reasons[:5])}"
                f"{' ...' if len(reasons) > 5 else ''}; pass unsupported='check' to have them checked instead"
            )
        return compiled

    def begin(self, memory: CompiledSchema, prompt: Sequence[int] = ()) -> ConstraintState:
        return JsonSchemaState.of(memory)
