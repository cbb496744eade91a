"""Validator classes for a schema with embedded schemas of other drafts. jsonschema's own keep one draft's rules of identifiers, and take
its plain class, without our keywords, wherever a part names its draft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from foretell.rules.schemas.draft_choice import DraftChoice
from foretell.rules.schemas.drafts import SchemaDraft, drafts, package


class _Target(NamedTuple):
    """What a reference leads to."""

    contents: Any
    resolver: Any


def mixed_classes(choice: DraftChoice, bases: dict[int, Any]) -> dict[int, Any]:
    """Validator classes by the draft's number, which change to each other's where the draft changes. bases: the classes to extend."""
    classes: dict[int, Any] = {}
    for draft in drafts():
        cls = package().validators.extend(bases[draft.number])
        cls.evolve, cls.descend = _evolve(draft, choice, classes), _descend
        classes[draft.number] = cls
    return classes


def _evolve(draft: SchemaDraft, choice: DraftChoice, classes: dict[int, Any]) -> Any:
    def evolve(self: Any, **changes: Any) -> Any:
        """A validator for another schema, of that schema's draft."""
        schema, resolver = changes.get("schema", self.schema), changes.get("_resolver")
        if resolver is not None:
            inner = choice.of_target(_Target(schema, resolver), draft)
        else:
            inner = choice.by_schema.get(id(schema), draft)
            resolver = _within(self._resolver, schema, inner)
        return classes[inner.number](schema, registry=self._registry, _resolver=resolver)

    return evolve


def _descend(self: Any, instance: Any, schema: Any, path: Any = None, schema_path: Any = None, resolver: Any = None) -> Iterator[Any]:
    """The errors of a value under a subschema. resolver: given for what a reference leads to."""
    inner = self.evolve(schema=schema) if resolver is None else self.evolve(schema=schema, _resolver=resolver)
    for error in inner.iter_errors(instance):
        if path is not None:
            error.path.appendleft(path)
        if schema_path is not None:
            error.schema_path.appendleft(schema_path)
        yield error


def _within(resolver: Any, schema: Any, draft: SchemaDraft) -> Any:
    return resolver.in_subresource(draft.specification.create_resource(schema)) if isinstance(schema, dict) else resolver
