"""The joined meta-schema says of every schema what jsonschema's own says."""

import pytest

from foretell.rules.schemas.drafts import drafts, package
from foretell.rules.schemas.joined_meta_schema import joined, meta_schema_error

VALUES = (None, True, -1, 1.5, "", "a", "#", [], ["a"], ["a", "a"], [{}], [1], {}, {"a": {}}, {"a": 1}, {"a": ["b"]}, {"a": {"type": "x"}})


@pytest.mark.parametrize("draft", drafts(), ids=lambda draft: draft.name)
def test_same_verdicts(draft):
    keywords = {*draft.validator.VALIDATORS, *joined(draft)["properties"], "unknown"}
    for keyword in sorted(keywords):
        for value in VALUES:
            for schema in ({keyword: value}, {"properties": {"a": {"items": {keyword: value}}}}):
                try:
                    draft.validator.check_schema(schema, format_checker=None)
                    expected = True
                except package().SchemaError:
                    expected = False
                assert (meta_schema_error(schema, draft) is None) == expected, schema


def test_the_place_of_an_error():
    error = meta_schema_error({"properties": {"a": {"type": "strin"}}}, drafts()[-1])
    assert list(error.absolute_path) == ["properties", "a", "type"]


def test_the_meta_schema_is_one_of_itself():
    for draft in drafts():
        assert meta_schema_error(draft.validator.META_SCHEMA, draft) is None
