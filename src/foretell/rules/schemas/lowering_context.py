"""What the translators of keywords may call of the lowering that they are part of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from foretell.rules.schemas.engine_schema import EngineSchema
from foretell.rules.schemas.negation import NegatedSchema
from foretell.rules.schemas.schema_graph import SchemaNode

#: Words in the engine's error messages, with the effort that they are about.
_COMPLAINTS = {"disjoint": "patterns", "maxProperties": "counts", "circular": "siblings", "stack level": "siblings"}


@dataclass(frozen=True)
class LoweringEffort:
    """How much of a schema the engine is asked to compile.

    num_splits: the most alternatives that one subschema is rewritten into. counts: bounds on the number of properties. patterns: of
    properties. siblings: keywords beside references. strings: patterns, formats and lengths. choices: `anyOf` and `oneOf`.
    """

    num_splits: int = 32
    counts: bool = True
    patterns: bool = True
    siblings: bool = True
    strings: bool = True
    choices: bool = True

    def reduced(self, error: str) -> LoweringEffort | None:
        """A smaller effort after this error of the engine, first without what the error is about; None if there is none."""
        complaints = [name for words, name in _COMPLAINTS.items() if words in error]
        for name in (*complaints, "num_splits", "counts", "patterns", "siblings", "strings", "choices"):
            if getattr(self, name):
                return replace(self, num_splits=self.num_splits // 4) if name == "num_splits" else replace(self, **{name: False})
        return None


class LoweringContext(Protocol):
    """The lowering of a schema, as seen by the translators of keywords.

    formats: whether known formats are enforced. effort: how much the engine is asked to compile. ignored: (node, keyword, reason) of
    annotations.
    """

    formats: bool
    effort: LoweringEffort
    ignored: list[tuple[SchemaNode, str, str]]

    def lower(self, node: SchemaNode) -> EngineSchema:
        """The node as a schema for the engine."""

    def relax(self, node: SchemaNode, keyword: str, reason: str) -> None:
        """Record that the engine's schema leaves the keyword out, or allows more than the keyword does."""

    def negation(self, node: SchemaNode, /) -> NegatedSchema:
        """The negation of a node."""

    def is_valid(self, node: SchemaNode, value: Any, without: str, /) -> bool:
        """Whether the value is valid at the node, apart from the keyword `without`."""
