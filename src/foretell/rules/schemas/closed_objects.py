"""Objects without members that their schema does not name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from foretell.rules.schemas.schema_graph import SchemaGraph, SchemaNode

#: Keywords that say which other members an object may have.
_SAYS = frozenset({"additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames"})


def close_objects(graph: SchemaGraph) -> SchemaGraph:
    """The graph, changed in place: every object whose schema names members, and says nothing of others, has none but these.

    It allows a part of what it allowed before. Names of all subschemas that apply to one object count together, those of alternatives too.
    """
    starts = {each for node in graph.nodes for each in node.of_children()} | {graph.root}
    inner = {each for node in graph.nodes for each in (*node.in_place(), *node.conditional())}
    # More must not be forbidden where that allows more of the whole value.
    turned = {each for node in graph.nodes for start in node.subschemas("not", "if", "contains") for each in _reached(start, _everywhere)}
    for node in starts - inner - turned:
        applied = _reached(node, _on_the_same_value)
        names_members = any("properties" in each.keywords for each in applied)
        if names_members and not any(_SAYS & each.keywords.keys() for each in applied):
            path = f"{node.path}/unevaluatedProperties"
            node.keywords["unevaluatedProperties"] = SchemaNode(path, False, node.resolver, node.draft, allows_nothing=True)
    return graph


def _on_the_same_value(node: SchemaNode) -> Iterator[SchemaNode]:
    yield from node.in_place()
    yield from node.subschemas("anyOf", "oneOf", "if", "then", "else", "dependentSchemas")


def _everywhere(node: SchemaNode) -> Iterator[SchemaNode]:
    yield from (*node.in_place(), *node.conditional(), *node.of_children(), *node.of_some_children())


def _reached(start: SchemaNode, steps: Callable[[SchemaNode], Iterator[SchemaNode]]) -> set[SchemaNode]:
    """The nodes that these steps lead to, with the first."""
    seen, waiting = {start}, [start]
    while waiting:
        for each in steps(waiting.pop()):
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return seen
