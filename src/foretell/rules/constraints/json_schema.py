"""JSON Schema: the text is JSON, and its value is valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from foretell.decoding.constraint import Constraint, State
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.grammars.llguidance_engine import GrammarState, Walker
from foretell.rules.schemas.compiled_schema import WHITESPACE, Compiled, compile_schema
from foretell.rules.schemas.json_text import Reader
from foretell.rules.schemas.reading import MOST_CHARACTERS, read_schema
from foretell.rules.schemas.state import JsonState
from foretell.rules.schemas.strings import BYTES


@dataclass(frozen=True)
class JsonSchema(Constraint):
    """The whole text is JSON whose value is valid by `schema`, members in the schema's order; no keyword is dropped in silence.

    schema: a dict, a bool, or JSON text, kept as JSON text; of drafts 4 to 2020-12, by its `$schema`. whitespace: "json" writes `", "`
    and `": "` as Python does, "compact" none, "flexible" any, in runs of at most 40. unsupported: what becomes of keywords that the
    engine cannot compile: "check" leaves them out there and checks each value as soon as it is complete, "refuse" raises ValueError
    naming them. formats: "enforce" those that are known, or "annotate": none. most_characters: longest schema.

    Every text is validated as a whole before it may end, so none that is not valid is ever accepted. `foretell schema-check` says how
    each keyword is honoured.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: what each token writes; jsonschema (pip
    install 'foretell[schemas]'). Cost: 2 to 60 ms a schema and vocabulary, half of it the check that it is a schema; 40 us a token set, 60
    us to 1 ms where something is checked. State: the engine's Earley items, one row a token, and where the JSON text stands.

    Geng et al., "Generating Structured Outputs from Language Models: Benchmark and Studies", section 4; computed by llguidance, checked
    by jsonschema. Errors: ValueError, with the place in the schema, for what is no schema, is too large, refers outside of itself or
    to itself without end, or allows no value.

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
    most_characters: int = MOST_CHARACTERS

    def __post_init__(self) -> None:
        for name, known in (("whitespace", tuple(WHITESPACE)), ("unsupported", ("check", "refuse")), ("formats", ("enforce", "annotate"))):
            require(getattr(self, name) in known, self, name, getattr(self, name), f"must be one of {', '.join(known)}")
        require(self.most_characters >= 4, self, "most_characters", self.most_characters, "must be at least 4")
        object.__setattr__(self, "schema", read_schema(self.schema, self.most_characters))

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
        """Where something is checked, a text may come to where the engine knows one way on and the check forbids it."""
        return self.memory(BYTES).watch is not None

    def canonical_text(self, instance: Any) -> str:
        """The text of a value as this constraint takes it, with members in its order; accepted if, and only if, the value is valid."""
        from foretell.rules.schemas.order import canonical_text

        return canonical_text(instance, self.memory(BYTES), self.whitespace)

    def accepts(self, text: str) -> bool:
        """Whether the constraint accepts a text from its first byte to its last; `canonical_text` writes values in its order."""
        state = self.start(BYTES)
        for byte in text.encode():
            if not state.accepts(byte):
                return False
            state = state.advance(byte)
        return state.accepting

    def remember(self, vocabulary: Vocabulary) -> Compiled:
        made = compile_schema(self.schema, self.whitespace, self.formats == "enforce", vocabulary)
        if self.unsupported == "refuse" and made.lowered.relaxed:
            first = [f"{node.path}: {word} {why}" for node, words in made.lowered.relaxed.items() for word, why in words.items()]
            raise UserError(
                f"JsonSchema: unsupported='refuse', and {len(first)} keywords are not compiled: {'; '.join(first[:5])}"
                f"{' ...' if len(first) > 5 else ''}; pass unsupported='check' to have them checked instead"
            )
        return made

    def begin(self, memory: Compiled, prompt: Sequence[int] = ()) -> State:
        vocabulary = memory.vocabulary
        reader = None if memory.watch is None else Reader(memory.watch.root)
        valid = partial(memory.judge.valid, memory.graph.root)
        return JsonState(GrammarState(Walker(memory.matcher, vocabulary)), reader, valid)
