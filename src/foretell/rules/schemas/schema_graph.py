"""A schema as a graph: references are resolved, and the keywords of every draft are translated to those of 2020-12."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from foretell.rules.schemas.draft_choice import DraftChoice
from foretell.rules.schemas.drafts import SchemaDraft, SchemaError, package
from foretell.rules.schemas.hints import BESIDE_REFERENCE, SILENT_KEYWORDS, examples_within, is_suspicious, why_unknown
from foretell.rules.schemas.meta_schema import check_document
from foretell.rules.schemas.subschemas import all_subschemas, pointer

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
    draft: that of the schema it belongs to. allows_nothing: it is `false`. keywords: its keywords, with nodes in place of subschemas;
    "$ref" is a list of nodes.
    """

    path: str
    schema: Any
    resolver: Any
    draft: SchemaDraft
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
    """root: the whole schema's node. choice: the schema's draft, and those of embedded schemas. nodes: all, breadth first. unknown: (path,
    keyword, reason) of what is not a keyword where it stands."""

    root: SchemaNode
    choice: DraftChoice
    nodes: list[SchemaNode]
    unknown: list[tuple[str, str, str]]

    @property
    def draft(self) -> SchemaDraft:
        """The draft of the whole schema."""
        return self.choice.draft

    @cached_property
    def notes(self) -> list[str]:
        """Sentences about what was probably meant otherwise: how the draft was chosen, and words without effect that resemble keywords."""
        is_guessed = bool(self.choice.notes)
        unknown = [each for each in self.unknown if is_suspicious(each[2]) and (is_guessed or each[2] != BESIDE_REFERENCE)]
        words = [f"{path}: `{key}` {why}" for path, key, why in unknown]
        return [*self.choice.notes, *words, *examples_within(self.root.schema, self.draft.number)]


def graph_of(schema: Any, choice: DraftChoice) -> SchemaGraph:
    """The graph of a schema of this draft. SchemaError for unresolvable references, and for references that lead back to themselves on
    the same value."""
    graph = _GraphBuilder(choice).build(schema)
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


def _has_named_parts(schema: Any) -> bool:
    """Whether subschemas have identifiers or anchors."""
    names = {"$id", "id", "$anchor", "$dynamicAnchor"}
    return any(isinstance(part, dict) and not names.isdisjoint(part) for _, part in all_subschemas(schema))


class _GraphBuilder:
    def __init__(self, choice: DraftChoice) -> None:
        self.choice = choice
        self.nodes: list[SchemaNode] = []
        self.unknown: list[tuple[str, str, str]] = []
        self.known: dict[Any, SchemaNode] = {}
        self.waiting: deque[SchemaNode] = deque()

    def build(self, schema: Any) -> SchemaGraph:
        resource = self.choice.draft.specification.create_resource(schema)
        registry = package().registry.with_resource(resource.id() or "", resource)
        if _has_named_parts(schema):  # else each reference to a name would search the whole schema for it
            registry = registry.crawl()
        root = self.node(schema, registry.resolver(resource.id() or ""), "#", self.choice.draft)
        while self.waiting:
            self.read_keywords(self.waiting.popleft())
        return SchemaGraph(root, self.choice, self.nodes, self.unknown)

    def node(self, schema: Any, resolver: Any, path: str, draft: SchemaDraft) -> SchemaNode:
        """The node of a subschema in its dynamic scope, made once."""
        if not isinstance(schema, dict | bool):
            raise SchemaError(f"{path}: a reference leads to {str(schema)[:60]!r}, which is not a schema")
        scope = dict.fromkeys(uri for uri, _ in reversed(list(resolver.dynamic_scope())))
        key = (path if isinstance(schema, bool) else id(schema), *scope)
        if key not in self.known:
            self.known[key] = SchemaNode(path, schema, resolver, draft, allows_nothing=schema is False)
            self.nodes.append(self.known[key])
            if isinstance(schema, dict):
                self.waiting.append(self.known[key])
        return self.known[key]

    def read_keywords(self, node: SchemaNode) -> None:
        schema, known = node.schema, node.draft.validator.VALIDATORS
        if "$ref" in schema and node.draft.number <= 7:
            beside = [key for key in schema if key != "$ref" and key not in SILENT_KEYWORDS and key in known]
            self.unknown += [(node.path, key, BESIDE_REFERENCE) for key in beside]
            node.keywords["$ref"] = [self.resolve(node, schema["$ref"])]
            return
        for key, value in schema.items():
            if key in known or (key.startswith("exclusive") and isinstance(value, bool)):
                self.read_keyword(node, key, value)
            elif key not in SILENT_KEYWORDS or (key == "additionalItems" and "prefixItems" in schema and "prefixItems" in known):
                self.unknown.append((node.path, key, why_unknown(key, value, node.draft)))

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
            elif key == "contains" and node.draft.number >= 8:
                keywords.update({name: schema[name] for name in ("minContains", "maxContains") if name in schema})
        elif key in ("minimum", "maximum") and node.draft.number == 4:
            strict = "exclusive" + key.capitalize()
            keywords[strict if schema.get(strict) is True else key] = value
        elif not (key.startswith("exclusive") and node.draft.number == 4):
            keywords[key] = value

    def subschema(self, node: SchemaNode, schema: Any, *names: Any) -> SchemaNode:
        """The node of a subschema of `node`, reached by these names."""
        resolver, draft = node.resolver, self.choice.by_schema.get(id(schema), node.draft)
        if isinstance(schema, dict):
            resolver = resolver.in_subresource(draft.specification.create_resource(schema))
        return self.node(schema, resolver, node.path + pointer(names).removeprefix("#"), draft)

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
        draft = self.choice.of_target(target, node.draft)
        if self.choice.is_unchecked(target):
            check_document(target.contents, draft, reference)
        return self.node(target.contents, target.resolver, reference, draft)
