"""Checks of what the engine's schema leaves open, made as soon as the value in question is complete."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from foretell.pool import Pool
from foretell.rules.schemas.json_parser import Names, ValueChecks
from foretell.rules.schemas.open_numbers import LIMITS, NumberBounds, finite
from foretell.rules.schemas.open_strings import StringAutomata
from foretell.rules.schemas.schema_graph import SchemaGraph, SchemaNode
from foretell.rules.schemas.strings import has_pattern
from foretell.rules.schemas.validator import SchemaValidator

#: How many verdicts, and how many locations below it, a location keeps.
_MAX_ITEMS = 512


class PendingChecks:
    """The nodes at which complete values are checked. Thread-safe.

    relaxed: by node, the keywords that the engine's schema leaves open. A keyword that applies to some values only (within `anyOf`, say) is
    checked at the node of the whole value. checked: the nodes that complete values are validated against. active: the nodes with checks
    at or below them. root: the location of the whole text.
    """

    def __init__(self, graph: SchemaGraph, relaxed: dict[SchemaNode, dict[str, str]], validator: SchemaValidator) -> None:
        self.relaxed, self.validator = relaxed, validator
        leads_to_relaxed = _reaching(
            {node: [*node.in_place(), *node.conditional(), *node.of_children(), *node.of_some_children()] for node in graph.nodes}, relaxed
        )
        self.checked = set(relaxed) | {
            node for node in graph.nodes if any(each in leads_to_relaxed for each in (*node.conditional(), *node.of_some_children()))
        }
        self.active = _reaching({node: [*node.in_place(), *node.of_children()] for node in graph.nodes}, self.checked)
        self.root = Location(self, ((graph.root, False),))


def _reaching(edges: dict[SchemaNode, list[SchemaNode]], goals: Iterable[SchemaNode]) -> set[SchemaNode]:
    """The nodes from which a goal is reachable, with the goals."""
    predecessors: dict[SchemaNode, list[SchemaNode]] = {}
    for node, ends in edges.items():
        for end in ends:
            predecessors.setdefault(end, []).append(node)
    reaching = set(goals)
    waiting = list(reaching)
    while waiting:
        for node in predecessors.get(waiting.pop(), ()):
            if node not in reaching:
                reaching.add(node)
                waiting.append(node)
    return reaching


class Location(ValueChecks):
    """The checks at one location of a text. Locations and their verdicts are shared by all texts of a schema.

    starts: nodes that every value here must satisfy, each with whether the engine's schema leaves it out. nodes: the same with all
    in-place subschemas. needs_items: whether arrays and objects here are checked while they grow.
    """

    def __init__(self, pending: PendingChecks, starts: tuple[tuple[SchemaNode, bool], ...]) -> None:
        self.pending = pending
        self.nodes: dict[SchemaNode, bool] = {}
        waiting = list(starts)
        while waiting:
            node, is_left_out = waiting.pop()
            if is_left_out or node not in self.nodes:
                self.nodes[node] = is_left_out
                for keyword in ("$ref", "allOf"):
                    is_open = is_left_out or keyword in pending.relaxed.get(node, ())
                    waiting += [(each, is_open) for each in node.subschemas(keyword) if not self.nodes.get(each)]
        self.checked = [node for node, is_left_out in self.nodes.items() if is_left_out or node in pending.checked]
        self.has_checks = bool(self.checked) or any(node in pending.active for node in self.nodes)
        limits = [int(node.keywords["maxProperties"]) for node in self.nodes if "maxProperties" in node.keywords]
        self.max_members = min(limits, default=None)
        self.growing = [
            (node, keywords)
            for node in self.nodes
            for keywords in ({"uniqueItems": True}, {"contains": 0, "maxContains": 0, "minContains": 0})
            if (node.keywords.get("uniqueItems") if "uniqueItems" in keywords else "maxContains" in node.keywords)
        ]
        self.limits_numbers = any(not set(LIMITS).isdisjoint(pending.relaxed.get(node, ())) for node in self.nodes)
        left_open = {node: {"pattern", "not"} & pending.relaxed.get(node, {}).keys() for node in self.nodes}
        self.strings = StringAutomata.of(left_open) if any(left_open.values()) else None
        self.limits_strings = self.strings is not None and bool(self.strings.automata)
        self.needs_items = bool(self.growing) or self.max_members is not None
        self.num_prefix = max((len(node.keywords.get("prefixItems", ())) for node in self.nodes), default=0)
        self._children: Pool[str | int, Location] = Pool(_MAX_ITEMS)
        self._verdicts: Pool[bytes, bool] = Pool(_MAX_ITEMS)

    def child(self, key: str | int) -> Location:
        if not self.has_checks:
            return self
        shared = min(key, self.num_prefix) if isinstance(key, int) else key  # items after the prefix have the same subschemas
        return self._children.get(shared, lambda: Location(self.pending, tuple(self._starts(key))))

    def _starts(self, key: str | int) -> list[tuple[SchemaNode, bool]]:
        """The nodes that a member or item must satisfy, each with whether it is left out."""
        starts: list[tuple[SchemaNode, bool]] = []
        for node, is_left_out in self.nodes.items():
            keywords, relaxed = node.keywords, self.pending.relaxed.get(node, {})
            if isinstance(key, int):
                prefix = keywords.get("prefixItems", ())
                item = [prefix[key]] if key < len(prefix) else [keywords["items"]] if "items" in keywords else []
                starts += [(each, is_left_out) for each in item]
                continue
            is_open = is_left_out or "patternProperties" in relaxed
            named = [keywords["properties"][key]] if key in keywords.get("properties", {}) else []
            by_pattern = [part for pattern, part in keywords.get("patternProperties", {}).items() if has_pattern(pattern, key)]
            starts += [(each, is_left_out) for each in named] + [(each, is_open) for each in by_pattern]
            if not named and not by_pattern and "additionalProperties" in keywords:
                starts.append((keywords["additionalProperties"], is_open or "additionalProperties" in relaxed))
        return starts

    def allows_key(self, key: str, names: Names | None) -> bool:
        if key in Names.listed(names):
            return False
        if not self.has_checks:
            return True
        if any(node.allows_nothing for node in self.child(key).nodes):
            return False
        nodes = [node.keywords["propertyNames"] for node in self.nodes if "propertyNames" in node.keywords]
        return all(self.pending.validator.is_surely_valid(each, key) for each in nodes)

    def allows_value(self, text: bytes) -> bool:
        return not self.checked or self._verdicts.get(text, lambda: self._is_valid(text))

    def allows_number(self, text: bytes) -> bool:
        return self.number_bounds.allow(text)

    def allows_open_string(self, text: bytes) -> bool:
        return self.strings is None or self.strings.allow(text)

    @cached_property
    def number_bounds(self) -> NumberBounds:
        """The bounds of numbers here."""
        return NumberBounds.of([node.keywords for node in self.nodes])

    def allows_items(self, text: bytes) -> bool:
        return not self.growing or self._verdicts.get(text, lambda: self._may_grow(text))

    def allows_another_member(self, num_members: int) -> bool:
        return self.max_members is None or num_members < self.max_members

    def _is_valid(self, text: bytes) -> bool:
        value = parsed_value(text)
        return value is not None and all(self.pending.validator.is_surely_valid(node, value[0]) for node in self.checked)

    def _may_grow(self, text: bytes) -> bool:
        """Whether an array that begins with these items satisfies the keywords that more items cannot repair."""
        value = parsed_value(text + b"]")
        if value is None:
            return False
        for node, keywords in self.growing:
            asked = {keyword: node.schema.get(keyword, 0) for keyword in keywords} | ({"minContains": 0} if "contains" in keywords else {})
            if not self.pending.validator.surely_satisfies(node, asked, value[0]):
                return False
        return True


def parsed_value(text: bytes) -> tuple[Any] | None:
    """The value of a JSON text, in a tuple; None if it is nested too deeply for Python, is not JSON, or has a number beyond floats."""
    try:
        return (json.loads(text, parse_float=finite),)
    except (RecursionError, ValueError):
        return None
