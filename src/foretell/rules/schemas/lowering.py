"""The translation of a schema into one that the engine compiles ("lowering").

Keywords that the engine does not support are rewritten exactly where the result is short, or left out and recorded. Leaving a keyword out
only ever allows more, so every valid value can still be generated; what was left out is checked while the text is generated
(`pending_checks.py`). Rewritten are: `oneOf`, `not`, `if`, `dependentRequired` and `dependentSchemas` as alternatives, by negation;
`const` and `enum` by testing their values; `propertyNames`, `minProperties` and `unevaluated...` as properties and items.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from foretell.rules.schemas.disjoint import Disjoint
from foretell.rules.schemas.drafts import SchemaError
from foretell.rules.schemas.engine_schema import TYPE_OF_KEYWORD, EngineSchema, all_in_order, all_of, any_of, exactly
from foretell.rules.schemas.lowering_context import LoweringEffort
from foretell.rules.schemas.negation import Negation
from foretell.rules.schemas.object_keywords import object_keywords
from foretell.rules.schemas.schema_graph import SchemaGraph, SchemaNode
from foretell.rules.schemas.type_keywords import type_keywords

#: The most characters that all values of one `enum` may have together; the engine's lexer gives up far beyond.
MAX_ENUM_CHARACTERS = 400_000


@dataclass
class Lowering:
    """One translation of a schema; `schema` does the work, once.

    graph: the schema's. is_valid: whether a value is valid at a node, without one of its keywords. formats: whether known formats are
    enforced. effort: how much the engine is asked to compile. relaxed: by node, the keywords that are left out or allow more, with the
    reason. ignored: (node, keyword, reason) of formats that are annotations. disjoint: tells whether branches of `oneOf` overlap; None in
    a first pass, which does not ask.
    """

    graph: SchemaGraph
    is_valid: Callable[[SchemaNode, Any, str], bool]
    formats: bool
    effort: LoweringEffort
    relaxed: dict[SchemaNode, dict[str, str]] = field(default_factory=dict)
    ignored: list[tuple[SchemaNode, str, str]] = field(default_factory=list)
    disjoint: Disjoint | None = None
    _definitions: dict[str, EngineSchema] = field(default_factory=dict)
    _names: dict[SchemaNode, str] = field(default_factory=dict)
    _referenced: set[SchemaNode] = field(default_factory=set)
    _waiting: deque[SchemaNode] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.negation = Negation(self.formats)

    def schema(self) -> EngineSchema:
        """The schema for the engine. SchemaError for keywords that cannot be checked either."""
        if any("oneOf" in node.keywords for node in self.graph.nodes):
            first = Lowering(self.graph, self.is_valid, self.formats, self.effort, _names=self._names)
            first._lower_all()
            self.disjoint = Disjoint(first._definitions)
        root = self._lower_all()
        return root if isinstance(root, bool) or not self._definitions else {**root, "$defs": self._definitions}

    def _lower_all(self) -> EngineSchema:
        """The root's schema, after lowering all definitions that it leads to."""
        root = self.lower(self.graph.root)
        while self._waiting:
            node = self._waiting.popleft()
            self._definitions[self._names[node]] = self.lower(node)
        return root

    def relax(self, node: SchemaNode, keyword: str, reason: str) -> None:
        """Record that the engine's schema leaves the keyword out, or allows more than the keyword does."""
        self.relaxed.setdefault(node, {})[keyword] = reason

    def lower(self, node: SchemaNode) -> EngineSchema:
        """The node as a schema for the engine."""
        keywords = node.keywords
        if node.allows_nothing or not keywords:
            return not node.allows_nothing
        if "const" in keywords or "enum" in keywords:
            return self._values(node)
        own: dict[str, Any] = {"type": keywords["type"]} if "type" in keywords else {}
        after: list[EngineSchema] = []
        types = {TYPE_OF_KEYWORD.get(keyword) for keyword in keywords}
        if types & {"number", "string", "array"}:
            own |= type_keywords(self, node, after)
        if "object" in types:
            own |= object_keywords(self, node, after)
        before: list[EngineSchema] = []
        has_properties = bool(own.keys() & {"properties", "required"})
        for keyword in keywords:  # properties are generated in the order of the keywords that name them
            self._in_place(node, keyword, after if has_properties and _names_properties_before(keywords, keyword) else before)
        if not has_properties:
            before, after = [], [*after, *before]
        self._conditions(node, after)
        return all_in_order(before, own, after)

    def _reference(self, node: SchemaNode) -> EngineSchema:
        """A reference to the definition of the node, which is lowered later."""
        if node.allows_nothing or not node.keywords:
            return not node.allows_nothing
        if node is self.graph.root:
            return {"$ref": "#"}
        if node not in self._referenced:
            self._referenced.add(node)
            self._waiting.append(node)
            self._names.setdefault(node, str(len(self._names)))
        return {"$ref": f"#/$defs/{self._names[node]}"}

    def _in_place(self, node: SchemaNode, keyword: str, parts: list[EngineSchema]) -> None:
        """Add to `parts` what a keyword requires of the value as a whole."""
        value = node.keywords[keyword]
        if keyword in ("$ref", "allOf"):
            for part in value:
                if not self.effort.siblings and len(value) + len(node.keywords) > 2 and part.leads_to(node):
                    self.relax(node, keyword, "leads back here and has siblings, which the engine cannot join")
                else:
                    parts.append(self._reference(part) if keyword == "$ref" else self.lower(part))
        elif keyword in ("anyOf", "oneOf") and not self.effort.choices:
            self.relax(node, keyword, "made the schema too large for the engine")
        elif keyword == "anyOf":
            parts.append(any_of([self.lower(part) for part in value]))
        elif keyword == "oneOf":
            parts.append(self._one_of(node))
        elif keyword == "not":
            negation, is_exact = self.negation(value)
            parts.append(negation)
            if not is_exact:
                self.relax(node, "not", "has no exact negation that the engine supports")

    def _values(self, node: SchemaNode) -> EngineSchema:
        """`const` and `enum`: those of their values that satisfy all keywords of the node."""
        keywords = node.keywords
        values = [keywords["const"]] if "const" in keywords else keywords["enum"]
        if "enum" in keywords and sum(len(value) if isinstance(value, str) else 8 for value in values) > MAX_ENUM_CHARACTERS:
            raise SchemaError(f"{node.path}/enum: {len(values)} values are more than the engine can hold; use a pattern, or split the task")
        if keywords.keys() == {"type", "enum"}:  # the usual case, without a validation for each value
            is_type = self.graph.draft.validator.TYPE_CHECKER.is_type
            values = [value for value in values if any(is_type(value, name) for name in keywords["type"])]
        elif keywords.keys() - {"const", "enum"} or len(keywords) > 1:
            values = [value for value in values if self.is_valid(node, value, "" if "const" in keywords else "enum")]
        try:
            return exactly(values)
        except OverflowError as error:
            self.relax(node, "const" if "const" in keywords else "enum", str(error))
            return {"type": "number"} if all(isinstance(value, int | float) for value in values) else True

    def _one_of(self, node: SchemaNode) -> EngineSchema:
        """`oneOf` as alternatives: each branch without what overlapping branches allow."""
        branches = [(part, self.lower(part)) for part in node.keywords["oneOf"]]
        branches = [(part, lowered) for part, lowered in branches if lowered is not False]
        disjoint = self.disjoint
        if len(branches) < 2 or disjoint is None:
            return any_of([lowered for _, lowered in branches])
        num = len(branches)
        overlapping = {(i, j) for i in range(num) for j in range(i) if not disjoint(branches[i][1], branches[j][1])}
        if not overlapping:
            return {"anyOf": [lowered for _, lowered in branches]}
        if num > self.effort.num_splits or num > 8:
            self.relax(node, "oneOf", "has branches that may overlap")
            return any_of([lowered for _, lowered in branches])
        negations = [self.negation(part) for part, _ in branches]
        options: list[EngineSchema] = []
        for i, (_, lowered) in enumerate(branches):
            others = [j for j in range(num) if (i, j) in overlapping or (j, i) in overlapping]
            if not all(negations[j][1] for j in others):
                self.relax(node, "oneOf", "has branches that may overlap")
            options.append(all_of([lowered, *(negations[j][0] for j in others)]))
        return any_of(options)

    def _conditions(self, node: SchemaNode, parts: list[EngineSchema]) -> None:
        """Add `if` and the dependent keywords to `parts`, each as two alternatives."""
        keywords, num_left = node.keywords, self.effort.num_splits
        if "if" in keywords and ("then" in keywords or "else" in keywords):
            negation, is_exact = self.negation(keywords["if"])
            num_left //= 2
            if num_left:
                then, other = (self.lower(keywords[name]) if name in keywords else True for name in ("then", "else"))
                parts.append(any_of([all_of([self.lower(keywords["if"]), then]), all_of([negation, other])]))
            if not num_left or not is_exact:
                self.relax(node, "if", "has no exact negation that the engine supports")
        for keyword in ("dependentRequired", "dependentSchemas"):
            for name, needed in keywords.get(keyword, {}).items():
                num_left //= 2
                if num_left and needed:
                    has_names = {"required": [name, *needed] if keyword == "dependentRequired" else [name]}
                    then = has_names if keyword == "dependentRequired" else all_of([has_names, self.lower(needed)])
                    parts.append(any_of([{"properties": {name: False}}, then]))
                elif needed:
                    self.relax(node, keyword, "has more cases than are rewritten")


def _names_properties_before(keywords: dict[str, Any], keyword: str) -> bool:
    """Whether the node names properties of its own before this keyword."""
    order = list(keywords)
    return any(each in order and order.index(each) < order.index(keyword) for each in ("properties", "required"))
