"""A schema as a graph: references are resolved, and the keywords of every draft are translated to those of 2020-12."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from foretell.rules.schemas.drafts import SchemaDraft, SchemaError, package

#: Keywords without an effect on validity of their own: annotations, identifiers, and those that another keyword reads.
SILENT_KEYWORDS = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs", "definitions"}
    | {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"contentMediaType", "contentEncoding", "contentSchema", "then", "else", "minContains", "maxContains", "additionalItems"}
)
#: Keywords by the form of their value: subschemas by name, a list of subschemas, one subschema.
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("additionalProperties", "propertyNames", "items", "contains", "unevaluatedItems", "unevaluatedProperties", "not", "if")
#: The most subschemas that one value passes, one behind the other. Python follows 1,000 calls, and a validation makes up to six for each.
MAX_CHAIN = 100


@dataclass(eq=False)
class SchemaNode:
    """A subschema.

    path: its place in the schema, or the reference that leads to it. schema: as written. resolver: of its references (`referencing`).
    allows_nothing: it is `false`. keywords: its keywords, with nodes in place of subschemas; "$ref" is a list of nodes.
    """

    path: str
    schema: Any
    resolver: Any
    allows_nothing: bool = False
    keywords: dict[str, Any] = field(default_factory=dict)

    def subschemas(self, *keywords: str) -> Iterator[SchemaNode]:
        """The subschemas of these keywords."""
        for keyword in keywords:
            value = self.keywords.get(keyword)
            yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value] if value else ()

    def in_place(self) -> Iterator[SchemaNode]:
        """The subschemas that every value here must satisfy."""
        return self.subschemas("$ref", "allOf")

    def conditional(self) -> Iterator[SchemaNode]:
        """The subschemas that some values here must satisfy, or must not."""
        return self.subschemas("anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")

    def of_children(self) -> Iterator[SchemaNode]:
        """The subschemas that members and items must satisfy."""
        return self.subschemas("properties", "patternProperties", "additionalProperties", "prefixItems", "items")

    def of_some_children(self) -> Iterator[SchemaNode]:
        """The subschemas of keys, and of members or items that other keywords select."""
        return self.subschemas("propertyNames", "contains", "unevaluatedItems", "unevaluatedProperties")

    def leads_to(self, goal: SchemaNode) -> bool:
        """Whether `goal` is this node or reachable from it."""
        seen, waiting = {self}, [self]
        while waiting and goal not in seen:
            node = waiting.pop()
            for each in (*node.in_place(), *node.conditional(), *node.of_children(), *node.of_some_children()):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return goal in seen


@dataclass
class SchemaGraph:
    """root: the whole schema's node. draft: the schema's. nodes: all, breadth first. unknown: (path, keyword, reason) of what is
    not a keyword where it stands."""

    root: SchemaNode
    draft: SchemaDraft
    nodes: list[SchemaNode]
    unknown: list[tuple[str, str, str]]


def graph_of(schema: Any, draft: SchemaDraft) -> SchemaGraph:
    """The graph of a schema of this draft. SchemaError for unresolvable references, and for references that lead back to themselves on
    the same value."""
    graph = _GraphBuilder(draft).build(schema)
    try:
        _check_chains({node: [*node.in_place(), *node.conditional()] for node in graph.nodes})
    except CycleError as error:
        loop = " -> ".join(node.path for node in error.args[1][::-1])
        raise SchemaError(f"{error.args[1][0].path}: $ref leads back to itself without a value in between: {loop}") from None
    return graph


def _check_chains(inner: dict[SchemaNode, list[SchemaNode]]) -> None:
    """SchemaError for too many subschemas on one value, each within or behind the one before; CycleError for endless ones."""
    lengths: dict[SchemaNode, int] = {}
    for node in TopologicalSorter(inner).static_order():  # each after the ones that it leads to
        lengths[node] = 1 + max((lengths[each] for each in inner[node]), default=0)
        if lengths[node] > MAX_CHAIN:
            raise SchemaError(
                f"{node.path}: {lengths[node]} subschemas apply to one value here, each behind the one before ($ref, allOf, anyOf, ...); "
                f"the limit is {MAX_CHAIN}; refer to the last one directly"
            )


class _GraphBuilder:
    def __init__(self, draft: SchemaDraft) -> None:
        self.draft = draft
        self.specification = package().specification_with(draft.identifier)
        self.nodes: list[SchemaNode] = []
        self.unknown: list[tuple[str, str, str]] = []
        self.known: dict[Any, SchemaNode] = {}
        self.waiting: deque[SchemaNode] = deque()

    def build(self, schema: Any) -> SchemaGraph:
        resource = self.specification.create_resource(schema)
        resolver = package().registry.resolver_with_root(resource)
        root = self.node(schema, resolver, "#")
        while self.waiting:
            self.read_keywords(self.waiting.popleft())
        return SchemaGraph(root, self.draft, self.nodes, self.unknown)

    def node(self, schema: Any, resolver: Any, path: str) -> SchemaNode:
        """The node of a subschema in its dynamic scope, made once."""
        if not isinstance(schema, dict | bool):
            raise SchemaError(f"{path}: a reference leads to {str(schema)[:60]!r}, which is not a schema")
        scope = dict.fromkeys(uri for uri, _ in reversed(list(resolver.dynamic_scope())))
        key = (path if isinstance(schema, bool) else id(schema), *scope)
        if key not in self.known:
            self.known[key] = SchemaNode(path, schema, resolver, allows_nothing=schema is False)
            self.nodes.append(self.known[key])
            if isinstance(schema, dict):
                self.waiting.append(self.known[key])
        return self.known[key]

    def read_keywords(self, node: SchemaNode) -> None:
        schema = node.schema
        if "$ref" in schema and self.draft.number <= 7:
            beside = [key for key in schema if key != "$ref" and key not in SILENT_KEYWORDS and key in self.draft.validator.VALIDATORS]
            self.unknown += [(node.path, key, "stands beside $ref, which this draft ignores") for key in beside]
            node.keywords["$ref"] = [self.resolve(node, schema["$ref"])]
            return
        for key, value in schema.items():
            if key in self.draft.validator.VALIDATORS:
                self.read_keyword(node, key, value)
            elif key not in SILENT_KEYWORDS:
                self.unknown.append((node.path, key, "is not a keyword of this draft"))

    def read_keyword(self, node: SchemaNode, key: str, value: Any) -> None:
        keywords, schema = node.keywords, node.schema
        if key in ("$ref", "$dynamicRef", "$recursiveRef"):
            keywords.setdefault("$ref", []).append(self.resolve(node, value, recursive=key == "$recursiveRef"))
        elif key == "type":
            keywords[key] = [value] if isinstance(value, str) else value
        elif key in ("dependencies", "dependentRequired"):
            for name, needed in value.items():
                if isinstance(needed, list):
                    keywords.setdefault("dependentRequired", {})[name] = needed
                else:
                    keywords.setdefault("dependentSchemas", {})[name] = self.subschema(node, needed, key, name)
        elif key == "items" and isinstance(value, list):
            keywords["prefixItems"] = [self.subschema(node, item, key, i) for i, item in enumerate(value)]
            if "additionalItems" in schema:
                keywords["items"] = self.subschema(node, schema["additionalItems"], "additionalItems")
        elif key in _MAPS:
            keywords[key] = {name: self.subschema(node, part, key, name) for name, part in value.items()}
        elif key in _LISTS:
            keywords[key] = [self.subschema(node, part, key, i) for i, part in enumerate(value)]
        elif key in _SINGLE:
            keywords[key] = self.subschema(node, value, key)
            if key == "if":
                keywords.update({name: self.subschema(node, schema[name], name) for name in ("then", "else") if name in schema})
            elif key == "contains" and self.draft.number >= 8:
                keywords.update({name: schema[name] for name in ("minContains", "maxContains") if name in schema})
        elif key in ("minimum", "maximum") and self.draft.number == 4:
            strict = "exclusive" + key.capitalize()
            keywords[strict if schema.get(strict) is True else key] = value
        elif not (key.startswith("exclusive") and self.draft.number == 4):
            keywords[key] = value

    def subschema(self, node: SchemaNode, schema: Any, *names: Any) -> SchemaNode:
        """The node of a subschema of `node`, reached by these names."""
        path = "/".join([node.path, *(str(name).replace("~", "~0").replace("/", "~1") for name in names)])
        resolver = node.resolver
        if isinstance(schema, dict):
            resolver = resolver.in_subresource(self.specification.create_resource(schema))
        return self.node(schema, resolver, path)

    def resolve(self, node: SchemaNode, reference: str, recursive: bool = False) -> SchemaNode:
        """The node that a reference leads to."""
        lookup = package().lookup_recursive_ref
        try:
            target = lookup(node.resolver) if recursive else node.resolver.lookup(reference)
        except (package().Unresolvable, ValueError, TypeError, LookupError) as error:
            is_local = reference.startswith("#")
            remedy = "correct the reference" if is_local else "nothing is fetched: put that schema below $defs, with its $id"
            kind = type(error).__name__
            raise SchemaError(f"{node.path}/$ref: {reference!r} is not found in the schema ({kind}); {remedy}") from None
        return self.node(target.contents, target.resolver, reference)
