"""A schema as a graph: references followed, and the words of every draft told in those of 2020-12."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

from foretell.errors import UserError
from foretell.rules.schemas.package import package

#: Keywords that say nothing about which instances are valid, or something only together with others, which read them.
SILENT = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs", "definitions"}
    | {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"contentMediaType", "contentEncoding", "contentSchema", "then", "else", "minContains", "maxContains", "additionalItems"}
)
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("additionalProperties", "propertyNames", "items", "contains", "unevaluatedItems", "unevaluatedProperties", "not", "if")


class SchemaError(UserError):
    """A schema that cannot be honoured: no JSON Schema, a reference that leads nowhere, or what is beyond support. Says where."""


@dataclass(eq=False)
class Node:
    """A subschema. path: where it is in the schema, or by which reference it was reached. schema: as it is written. words: its
    keywords, with nodes in place of subschemas; `$ref` is a list of nodes. never: nothing is valid. resolver: of its references."""

    path: str
    schema: Any
    resolver: Any
    never: bool = False
    words: dict[str, Any] = field(default_factory=dict)

    def within(self, *names: str) -> Iterator[Node]:
        """The subschemas of these keywords."""
        for name in names:
            value = self.words.get(name)
            yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value] if value else ()

    def same(self) -> Iterator[Node]:
        """Those that hold of the same value whatever it is."""
        return self.within("$ref", "allOf")

    def choices(self) -> Iterator[Node]:
        """Those that may hold of the same value."""
        return self.within("anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")

    def parts(self) -> Iterator[Node]:
        """Those that hold of members and items."""
        return self.within("properties", "patternProperties", "additionalProperties", "prefixItems", "items")

    def rest(self) -> Iterator[Node]:
        """Those that hold of keys, or of some members or items."""
        return self.within("propertyNames", "contains", "unevaluatedItems", "unevaluatedProperties")


@dataclass
class Graph:
    """root: the whole schema's node. draft: its validator. nodes: all, in the order in which they were met. unknown: (path, keyword,
    why) of what the schema says that is no keyword where it stands."""

    root: Node
    draft: Any
    nodes: list[Node]
    unknown: list[tuple[str, str, str]]


def draft_of(schema: Any) -> Any:
    """The validator of the draft that the schema names, or else the parts of it that name one; of 2020-12 where none does. SchemaError
    for another dialect, or for several: verdicts would depend on who reads it."""
    named = [part["$schema"] for _, part in walk(schema) if isinstance(part, dict) and isinstance(part.get("$schema"), str)]
    if not named:
        return package().validators.Draft202012Validator
    if len({name.rstrip("#") for name in named}) > 1:
        raise SchemaError(f"#: the schema names several dialects, {', '.join(sorted(set(named)))}; keep one")
    name = named[0]
    known = {draft.META_SCHEMA.get("$id", draft.META_SCHEMA.get("id")).rstrip("#"): draft for draft in _number()}
    known["http://json-schema.org/schema"] = package().validators.Draft202012Validator
    if name.rstrip("#") not in known:
        raise SchemaError(f"#/$schema: {name!r} is no dialect known here; take one of {', '.join(sorted(known))}")
    return known[name.rstrip("#")]


@cache
def _number() -> dict[Any, int]:
    drafts = [getattr(package().validators, f"Draft{name}Validator") for name in ("4", "6", "7", "201909", "202012")]
    return dict(zip(drafts, (4, 6, 7, 8, 9), strict=True))


def graph_of(schema: Any) -> Graph:
    """The graph of a schema, which loses its `$schema` here. SchemaError where references lead nowhere, or nowhere but to themselves."""
    draft = draft_of(schema)
    builder = _Builder(draft, schema)
    graph = builder.build(schema)
    try:
        TopologicalSorter({node: [*node.same(), *node.choices()] for node in graph.nodes}).prepare()
    except CycleError as error:
        loop = " -> ".join(node.path for node in error.args[1][::-1])
        raise SchemaError(f"{error.args[1][0].path}: $ref leads back to itself without a value in between: {loop}") from None
    return graph


class _Builder:
    def __init__(self, draft: Any, schema: Any) -> None:
        self.draft, self.number = draft, _number()[draft]
        self.specification = package().specification_with(str(draft.META_SCHEMA.get("$id", draft.META_SCHEMA.get("id"))))
        self.nodes: list[Node] = []
        self.unknown: list[tuple[str, str, str]] = []
        self.known: dict[Any, Node] = {}
        self.waiting: deque[Node] = deque()

    def build(self, schema: Any) -> Graph:
        for _, part in walk(schema):
            if isinstance(part, dict) and isinstance(part.get("$schema"), str):
                del part["$schema"]
        resource = self.specification.create_resource(schema)
        resolver = package().registry.resolver_with_root(resource)
        root = self.node(schema, resolver, "#")
        while self.waiting:
            self.read(self.waiting.popleft())
        return Graph(root, self.draft, self.nodes, self.unknown)

    def node(self, schema: Any, resolver: Any, path: str) -> Node:
        if not isinstance(schema, dict | bool):
            raise SchemaError(f"{path}: a reference leads to {str(schema)[:60]!r}, which is no schema")
        scope = dict.fromkeys(uri for uri, _ in reversed(list(resolver.dynamic_scope())))
        key = (path if isinstance(schema, bool) else id(schema), *scope)
        if key not in self.known:
            self.known[key] = Node(path, schema, resolver, never=schema is False)
            self.nodes.append(self.known[key])
            if isinstance(schema, dict):
                self.waiting.append(self.known[key])
        return self.known[key]

    def read(self, node: Node) -> None:
        schema, words = node.schema, node.words
        if "$ref" in schema and self.number <= 7:
            beside = [key for key in schema if key != "$ref" and key not in SILENT and key in self.draft.VALIDATORS]
            self.unknown += [(node.path, key, "stands beside $ref, which this draft ignores") for key in beside]
            words["$ref"] = [self.follow(node, schema["$ref"])]
            return
        for key, value in schema.items():
            if key in self.draft.VALIDATORS:
                self.word(node, key, value)
            elif key not in SILENT:
                self.unknown.append((node.path, key, "is no keyword of this draft"))

    def word(self, node: Node, key: str, value: Any) -> None:
        words, schema = node.words, node.schema
        if key in ("$ref", "$dynamicRef", "$recursiveRef"):
            words.setdefault("$ref", []).append(self.follow(node, value, recursive=key == "$recursiveRef"))
        elif key == "type":
            words[key] = [value] if isinstance(value, str) else value
        elif key in ("dependencies", "dependentRequired"):
            for name, needed in value.items():
                if isinstance(needed, list):
                    words.setdefault("dependentRequired", {})[name] = needed
                else:
                    words.setdefault("dependentSchemas", {})[name] = self.sub(node, needed, key, name)
        elif key == "items" and isinstance(value, list):
            words["prefixItems"] = [self.sub(node, item, key, i) for i, item in enumerate(value)]
            if "additionalItems" in schema:
                words["items"] = self.sub(node, schema["additionalItems"], "additionalItems")
        elif key in _MAPS:
            words[key] = {name: self.sub(node, part, key, name) for name, part in value.items()}
        elif key in _LISTS:
            words[key] = [self.sub(node, part, key, i) for i, part in enumerate(value)]
        elif key in _SINGLE:
            words[key] = self.sub(node, value, key)
            if key == "if":
                words.update({name: self.sub(node, schema[name], name) for name in ("then", "else") if name in schema})
            elif key == "contains" and self.number >= 8:
                words.update({name: schema[name] for name in ("minContains", "maxContains") if name in schema})
        elif key in ("minimum", "maximum") and self.number == 4:
            strict = "exclusive" + key.capitalize()
            words[strict if schema.get(strict) is True else key] = value
        elif not (key.startswith("exclusive") and self.number == 4):
            words[key] = value

    def sub(self, node: Node, schema: Any, *names: Any) -> Node:
        path = "/".join([node.path, *(str(name).replace("~", "~0").replace("/", "~1") for name in names)])
        resolver = node.resolver
        if isinstance(schema, dict):
            resolver = resolver.in_subresource(self.specification.create_resource(schema))
        return self.node(schema, resolver, path)

    def follow(self, node: Node, ref: str, recursive: bool = False) -> Node:
        try:
            found = package().lookup_recursive_ref(node.resolver) if recursive else node.resolver.lookup(ref)
        except (package().Unresolvable, ValueError, TypeError, LookupError) as error:
            remedy = "nothing is ever fetched: put that schema below $defs, with its $id" if "#" not in ref[:1] else "mend the reference"
            raise SchemaError(f"{node.path}/$ref: {ref!r} is not to be found in the schema ({type(error).__name__}); {remedy}") from None
        return self.node(found.contents, found.resolver, ref)


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """(pointer, value) of a JSON value and everything in it, without recursion."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        place, part = waiting.pop()
        yield place, part
        if isinstance(part, dict):
            waiting += [(f"{place}/{key}", each) for key, each in part.items()]
        elif isinstance(part, list):
            waiting += [(f"{place}/{i}", each) for i, each in enumerate(part)]
