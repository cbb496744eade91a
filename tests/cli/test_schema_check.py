"""`foretell schema-check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SCHEMA = {
    "properties": {"tags": {"items": {"type": "string"}, "uniqueItems": True}, "c": {"format": "color"}},
    "required": ["tags"],
    "type": "object",
}


@pytest.fixture
def schema(home) -> Path:
    path = home / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return path


def test_says_how_keywords_are_honoured(foretell, schema):
    result = foretell("schema-check", str(schema))
    assert result.exit_code == 0, result.output
    assert "5 keywords compiled, 1 checked" in result.stdout
    assert "#/properties/tags" in result.stdout
    found = json.loads(foretell("schema-check", str(schema), "--json").stdout)
    assert (found["compiled"], found["checked"], found["annotation"], found["unknown"]) == (5, 1, 1, 0)
    assert [line["keyword"] for line in found["not_compiled"]] == ["uniqueItems", "format"]
    assert found["shortest_bytes"] == len('{"tags": 0}')


def test_says_how_the_draft_was_found_and_what_is_misspelt(foretell, home):
    (home / "old.json").write_text('{"dependencies": {"a": ["b"]}, "properties": {"a": {"type": "string", "maxlength": 3}}}')
    said = foretell("schema-check", "old.json")
    assert said.exit_code == 0, said.output
    assert "draft 7: " in said.stdout
    assert "note: the schema is read as draft 7 because of `dependencies` at #" in said.stdout
    assert "note: #/properties/a: `maxlength` is not a keyword of this draft; did you mean 'maxLength'?" in said.stdout
    assert "warning" not in said.stderr
    found = json.loads(foretell("schema-check", "old.json", "--json").stdout)
    assert (found["draft"], len(found["notes"])) == ("Draft7", 2)
    assert "draft 4: " in foretell("schema-check", "old.json", "--draft", "4").stdout
    assert foretell("schema-check", "old.json", "--draft", "5").exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"), [('{"a": "x"}', "example of a value"), ('{"items": [{}], "prefixItems": []}', "no draft has both")]
)
def test_refuses_what_is_no_schema_with_a_remedy(foretell, home, text, said):
    (home / "x.json").write_text(text)
    refused = foretell("schema-check", "x.json")
    assert refused.exit_code == 2
    assert said in refused.stderr


def test_strict_refuses(foretell, schema):
    result = foretell("schema-check", str(schema), "--strict")
    assert result.exit_code == 2
    assert "#/properties/tags: uniqueItems" in result.stderr


@pytest.mark.parametrize(("value", "status"), [({"c": 1, "tags": ["a"]}, 0), ({"tags": ["a", "a"]}, 1), ({}, 1)])
def test_judges_an_instance(foretell, schema, value, status):
    instance = schema.parent / "instance.json"
    instance.write_text(json.dumps(value))
    result = foretell("schema-check", str(schema), "--instance", str(instance))
    assert result.exit_code == status, result.output
    verdict = json.loads(foretell("schema-check", str(schema), "--instance", str(instance), "--json").stdout)["instance"]
    assert verdict["valid"] == (status == 0)
    assert verdict["valid"] or verdict["why"]


def test_reads_a_pipe(foretell):
    assert "1 keywords compiled" in foretell("schema-check", "-", input='{"type": "null"}').stdout


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\xff{}", "not UTF-8"), (b"{", "not JSON"), (b'{"type": "x"}', "#/type"), (b'{"$ref": "http://a.b/c"}', "fetched")],
)
def test_what_is_no_schema(foretell, home, data, message):
    (home / "bad.json").write_bytes(data)
    result = foretell("schema-check", "bad.json")
    assert result.exit_code == 2
    assert message in result.stderr
    assert foretell("schema-check", "none.json").exit_code == 2
