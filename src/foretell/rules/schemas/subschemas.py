"""Where the subschemas of a schema are, by the keywords of its draft. Everything else in a schema is data: values of `enum`, `const`,
`default` and `examples`, names of properties, and whatever stands below an unknown keyword."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class _Place(NamedTuple):
    """The subschemas of a keyword. forms: "one", "list" or "map", the forms of its value. first, last: the drafts that have it."""

    forms: tuple[str, ...]
    first: int = 4
    last: int = 9


_ONE, _LIST, _MAP = _Place(("one",)), _Place(("list",)), _Place(("map",))
_PLACES = {
    "properties": _MAP,
    "patternProperties": _MAP,
    "definitions": _MAP,
    "$defs": _MAP,  # from 2019-09 on, but references into it work, and are used, in every draft
    "dependencies": _Place(("map",), 4, 7),
    "dependentSchemas": _Place(("map",), 8),
    "allOf": _LIST,
    "anyOf": _LIST,
    "oneOf": _LIST,
    "prefixItems": _Place(("list",), 9),
    "items": _Place(("one", "list")),
    "additionalItems": _Place(("one",), 4, 8),
    "additionalProperties": _ONE,
    "not": _ONE,
    "propertyNames": _Place(("one",), 6),
    "contains": _Place(("one",), 6),
    "if": _Place(("one",), 7),
    "then": _Place(("one",), 7),
    "else": _Place(("one",), 7),
    "unevaluatedItems": _Place(("one",), 8),
    "unevaluatedProperties": _Place(("one",), 8),
    "contentSchema": _Place(("one",), 8),
}
#: The names that lead from a schema to something within it.
Names = tuple[str | int, ...]


def subschemas(schema: Any, number: int | None = None) -> Iterator[tuple[Names, Any]]:
    """The subschemas that stand directly in a schema, each with the names that lead there. number: the draft's (4, 6, 7, 8, 9), None for a
    draft that is not known yet: then the keywords of all drafts count.

    >>> list(subschemas({"properties": {"$ref": {}}, "enum": [{"not": {}}]}))
    [(('properties', '$ref'), {})]
    """
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        place = _PLACES.get(keyword)
        if place is None or not (number is None or place.first <= number <= place.last):
            continue
        if isinstance(value, list) and "list" in place.forms:
            found: Iterator[tuple[Names, Any]] = (((keyword, i), each) for i, each in enumerate(value))
        elif isinstance(value, Mapping) and "map" in place.forms:
            found = (((keyword, name), each) for name, each in value.items())
        else:
            found = iter([((keyword,), value)] if "one" in place.forms else [])
        yield from ((names, each) for names, each in found if isinstance(each, Mapping | bool))


def with_subschemas(schema: Any, change: Callable[[Any], Any], number: int | None = None) -> Any:
    """A copy of a schema with `change` applied to the subschemas that stand directly in it.

    >>> with_subschemas({"items": {"type": "string"}, "const": {"items": {}}}, lambda part: True)
    {'items': True, 'const': {'items': {}}}
    """
    if not isinstance(schema, Mapping):
        return schema
    copy = dict(schema)
    for names, part in subschemas(schema, number):
        keyword = names[0]
        if len(names) == 1:
            copy[keyword] = change(part)
            continue
        if copy[keyword] is schema[keyword]:
            copy[keyword] = schema[keyword].copy()
        copy[keyword][names[1]] = change(part)
    return copy


def all_subschemas(schema: Any, number: int | None = None) -> Iterator[tuple[Names, Any]]:
    """A schema and all its subschemas, depth first and without recursion, each with the names that lead there."""
    waiting: list[tuple[Names, Any]] = [((), schema)]
    while waiting:
        names, part = waiting.pop()
        yield names, part
        waiting += [((*names, *more), each) for more, each in subschemas(part, number)]


def pointer(names: Names) -> str:
    """The names as a JSON pointer.

    >>> pointer(("properties", "a/b", 0))
    '#/properties/a~1b/0'
    """
    return "/".join(["#", *(str(name).replace("~", "~0").replace("/", "~1") for name in names)])
