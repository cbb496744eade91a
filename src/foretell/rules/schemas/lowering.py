"""A schema in words that the engine compiles. What it cannot say is said exactly in other words, or else left out and noted.

Leaving out only ever allows more, so every valid value stays writable; what was left out is checked while the text is written
(`places.py`). Rewritten exactly, where short: `oneOf`, `not`, `if`, `dependentRequired` and `dependentSchemas` as alternatives, by
negation; `const` and `enum` by trying their values; `propertyNames`, `minProperties` and `unevaluated...` as properties and items.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from foretell.rules.schemas.arrays import array_words
from foretell.rules.schemas.disjoint import Disjoint
from foretell.rules.schemas.effort import Effort
from foretell.rules.schemas.engine_schema import Plain, all_of, any_of, joined, one_of_values
from foretell.rules.schemas.graph import Graph, Node, SchemaError
from foretell.rules.schemas.negation import Negation
from foretell.rules.schemas.objects import object_words
from foretell.rules.schemas.scalars import number_words, string_words

#: Characters that all values of one `enum` may have together; the engine's lexer gives up far beyond.
MOST_ENUM = 400_000


@dataclass
class Lowered:
    """A schema for the engine. relaxed: by node, the words left out or allowing more, with the reason. ignored: formats that are
    annotations, by node."""

    schema: Plain
    relaxed: dict[Node, dict[str, str]]
    ignored: list[tuple[Node, str, str]]


def lowered(graph: Graph, valid: Callable[[Node, Any], bool], formats: bool, effort: Effort) -> Lowered:
    """The graph's schema for the engine. valid: whether a value is valid at a node. SchemaError for what cannot even be checked."""
    lowering = Lowering(graph, valid, formats, effort)
    return Lowered(lowering.whole(), lowering.relaxed, lowering.ignored)


@dataclass
class Lowering:
    """The work in hand: `object_words` and `array_words` are its other half."""

    graph: Graph
    judge: Callable[[Node, Any], bool]
    formats: bool
    effort: Effort
    relaxed: dict[Node, dict[str, str]] = field(default_factory=dict)
    ignored: list[tuple[Node, str, str]] = field(default_factory=list)
    definitions: dict[str, Plain] = field(default_factory=dict)
    names: dict[Node, str] = field(default_factory=dict)
    waiting: deque[Node] = field(default_factory=deque)
    negation: Negation = field(init=False)
    choosing: list[tuple[Node, list[tuple[Node, Plain]], dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.negation = Negation(self.formats)

    def whole(self) -> Plain:
        root = self.lower(self.graph.root)
        while self.waiting:
            node = self.waiting.popleft()
            self.definitions[self.names[node]] = self.lower(node)
        disjoint = Disjoint(self.definitions)
        for node, branches, slot in self.choosing:
            slot["anyOf"] = self.exclusive(node, branches, disjoint)
        return root if isinstance(root, bool) or not self.definitions else {**root, "$defs": self.definitions}

    def relax(self, node: Node, word: str, why: str) -> None:
        """Note that the word is left out, or allows more than it should."""
        self.relaxed.setdefault(node, {})[word] = why

    def valid(self, node: Node, value: Any) -> bool:
        return self.judge(node, value)

    def reference(self, node: Node) -> Plain:
        """A reference to what the node becomes."""
        if node.never or not node.words:
            return not node.never
        if node is self.graph.root:
            return {"$ref": "#"}
        if node not in self.names:
            self.names[node] = str(len(self.names))
            self.waiting.append(node)
        return {"$ref": f"#/$defs/{self.names[node]}"}

    def lower(self, node: Node) -> Plain:
        """The node in the engine's words."""
        words = node.words
        if node.never or not words:
            return not node.never
        if "const" in words or "enum" in words:
            return self.values(node)
        own: dict[str, Any] = {"type": words["type"]} if "type" in words else {}
        parts: list[Plain] = []
        own |= number_words(self, node) | string_words(self, node, parts)
        for more in (array_words(self, node, parts), object_words(self, node, parts)):
            own |= more
        before: list[Plain] = []
        for word in words:
            # The order of words is that of the properties which they bring in.
            self.in_place(node, word, parts if own.keys() & {"properties", "required"} and _own_before(words, word) else before)
        if not own.keys() & {"properties", "required"}:
            before, parts = [], [*parts, *before]
        self.conditions(node, parts)
        return joined(before, own, parts)

    def in_place(self, node: Node, word: str, parts: list[Plain]) -> None:
        """Add what a word asks of the value as a whole."""
        value = node.words[word]
        if word in ("$ref", "allOf"):
            for part in value:
                if not self.effort.siblings and len(value) + len(node.words) > 2 and self.leads(part, node):
                    self.relax(node, word, "leads back here and has siblings, which the engine cannot join")
                else:
                    parts.append(self.reference(part) if word == "$ref" else self.lower(part))
        elif word in ("anyOf", "oneOf") and not self.effort.choices:
            self.relax(node, word, "made the schema too large for the engine")
        elif word == "anyOf":
            parts.append(any_of([self.lower(part) for part in value]))
        elif word == "oneOf":
            parts.append(self.one_of(node))
        elif word == "not":
            denied, exact = self.negation(value)
            parts.append(denied)
            if not exact:
                self.relax(node, "not", "has no exact opposite that the engine can write")

    def leads(self, start: Node, goal: Node) -> bool:
        """Whether the words of `start` lead to `goal` somewhere."""
        seen, waiting = {start}, [start]
        while waiting and goal not in seen:
            node = waiting.pop()
            for each in (*node.same(), *node.choices(), *node.parts(), *node.rest()):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return goal in seen

    def values(self, node: Node) -> Plain:
        """`const` and `enum`: those of their values that all the node's words allow."""
        words = node.words
        values = [words["const"]] if "const" in words else words["enum"]
        if "enum" in words and sum(len(value) if isinstance(value, str) else 8 for value in values) > MOST_ENUM:
            raise SchemaError(f"{node.path}/enum: {len(values)} values are more than the engine can hold; use a pattern, or split the task")
        if words.keys() - {"const", "enum"} or len(words) > 1:
            values = [value for value in values if self.valid(node, value)]
        try:
            return one_of_values(values)
        except OverflowError as error:
            self.relax(node, "const" if "const" in words else "enum", str(error))
            return {"type": "number"} if all(isinstance(value, int | float) for value in values) else True

    def one_of(self, node: Node) -> Plain:
        """`oneOf` as alternatives, of which the overlapping ones are told apart once all definitions are known."""
        branches = [(part, self.lower(part)) for part in node.words["oneOf"]]
        branches = [(part, plain) for part, plain in branches if plain is not False]
        if len(branches) < 2:
            return branches[0][1] if branches else False
        slot: dict[str, Any] = {"anyOf": [plain for _, plain in branches]}
        self.choosing.append((node, branches, slot))
        return slot

    def exclusive(self, node: Node, branches: list[tuple[Node, Plain]], disjoint: Disjoint) -> list[Plain]:
        """Each branch without what the branches that it may overlap allow."""
        known: dict[tuple[int, int], bool] = {}
        count = len(branches)
        for i in range(count):
            for j in range(i):
                known[i, j] = known[j, i] = disjoint(branches[i][1], branches[j][1])
        if all(known.values()):
            return [plain for _, plain in branches]
        if count > self.effort.splits or count > 8:
            self.relax(node, "oneOf", "has branches that may overlap")
            return [plain for _, plain in branches]
        opposites = [self.negation(part) for part, _ in branches]
        options: list[Plain] = []
        for i, (_, plain) in enumerate(branches):
            others = [j for j in range(count) if j != i and not known[i, j]]
            if not all(opposites[j][1] for j in others):
                self.relax(node, "oneOf", "has branches that may overlap")
            options.append(all_of([plain, *(opposites[j][0] for j in others)]))
        return [option for option in options if option is not False] or [False]

    def conditions(self, node: Node, parts: list[Plain]) -> None:
        """`if` and the dependent words, each as two alternatives."""
        words, room = node.words, self.effort.splits
        if "if" in words and ("then" in words or "else" in words):
            opposite, exact = self.negation(words["if"])
            room //= 2
            if room:
                then, other = (self.lower(words[word]) if word in words else True for word in ("then", "else"))
                parts.append(any_of([all_of([self.lower(words["if"]), then]), all_of([opposite, other])]))
            if not room or not exact:
                self.relax(node, "if", "has no exact opposite that the engine can write")
        for word in ("dependentRequired", "dependentSchemas"):
            for name, needed in words.get(word, {}).items():
                room //= 2
                if room and needed:
                    then = (
                        {"required": [name, *needed]} if word == "dependentRequired" else all_of([{"required": [name]}, self.lower(needed)])
                    )
                    parts.append(any_of([{"properties": {name: False}}, then]))
                elif needed:
                    self.relax(node, word, "has more cases than are told apart")


def _own_before(words: dict[str, Any], word: str) -> bool:
    """Whether the node names properties of its own before this word."""
    order = list(words)
    return any(each in order and order.index(each) < order.index(word) for each in ("properties", "required"))
