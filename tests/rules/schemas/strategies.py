"""Schemas and values over few names, so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

names = st.sampled_from(["a", "b", "c"])
types = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
scalars = st.none() | st.booleans() | st.integers(-3, 12) | st.sampled_from([0.5, 1.0, 2.5, "", "a", "b", "ab", "abc"])
values = st.recursive(scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(names, x, max_size=3), max_leaves=6)


def keywords(inner):
    """By keyword, what it may say."""
    some, few = st.lists(inner, min_size=1, max_size=3), st.integers(0, 2)
    return {
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "enum": st.lists(values, min_size=1, max_size=4),
        "const": values,
        "minimum": st.integers(-2, 5),
        "exclusiveMaximum": st.sampled_from([3, 4.5, 10]),
        "multipleOf": st.sampled_from([1, 2, 0.5, 3]),
        "minLength": few,
        "maxLength": few,
        "pattern": st.sampled_from(["^a", "b$", "^[ab]*$", "a|c", "^(?!b)", r"\bb", "^(?=.*b)a", r"^(a|b)\1", "(?<!a)b"]),
        "items": inner,
        "prefixItems": some,
        "minItems": few,
        "maxItems": st.integers(0, 4),
        "uniqueItems": st.booleans(),
        "contains": inner,
        "minContains": few,
        "maxContains": few,
        "properties": st.dictionaries(names, inner, max_size=3),
        "additionalProperties": inner,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b|c", "."]), inner, max_size=2),
        "required": st.lists(names, max_size=2, unique=True),
        "minProperties": few,
        "maxProperties": few,
        "propertyNames": inner,
        "dependentRequired": st.dictionaries(names, st.lists(names, max_size=2, unique=True), max_size=2),
        "dependentSchemas": st.dictionaries(names, inner, max_size=1),
        "allOf": some,
        "anyOf": some,
        "oneOf": some,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "unevaluatedProperties": inner,
        "unevaluatedItems": inner,
        "$ref": st.sampled_from(["#/$defs/x", "#/$defs/y"]),
    }


@st.composite
def subschemas(draw, inner):
    """A schema of a few keywords."""
    known = keywords(inner)
    return {name: draw(known[name]) for name in draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=5, unique=True))}


schemas = st.recursive(subschemas(st.booleans()), lambda inner: subschemas(inner | st.booleans()), max_leaves=5)
