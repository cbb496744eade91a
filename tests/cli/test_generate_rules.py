"""`foretell generate` under rules: the text obeys them, JSON says the value, and unfinished text is said and exits with 1."""

from __future__ import annotations

import json

import pytest

PROMPT = "abc abc"


def test_an_answer_under_a_rule_and_its_json(generate):
    shown = generate(PROMPT, "-v", "--regex", "(abc|cab){2}")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.strip() in {x + y for x in ("abc", "cab") for y in ("abc", "cab")}
    assert "under the rule" in shown.stderr
    assert "forced >> " in shown.stderr
    found = json.loads(generate(PROMPT, "--regex", "(abc|cab){2}", "--json").stdout)
    assert found["text"] == found["value"] == shown.stdout.strip()
    assert found["obeys"] is True
    assert found["constraint"] == "Regex(pattern='(abc|cab){2}')"


def test_choices_and_a_short_text_of_a_constraint(generate):
    assert generate(PROMPT, "--choice", "abc", "--choice", "ba", "-q").stdout.strip() in {"abc", "ba"}
    assert generate(PROMPT, "--constraint", "regex('ab+c')", "-n", "50", "-q").stdout.startswith("ab")


def test_a_schema_from_a_file_and_tools(generate, home):
    (home / "s.json").write_text('{"enum": ["a", "b"]}')
    assert json.loads(generate(PROMPT, "--schema", "s.json", "-q").stdout) in {"a", "b"}
    (home / "t.json").write_text('[{"name": "f", "parameters": {"type": "object", "properties": {"x": {"enum": [1]}}, "required": ["x"]}}]')
    found = json.loads(generate(PROMPT, "--tools", "t.json", "-n", "200", "--json").stdout)
    assert found["text"].startswith('{"name": "f", "arguments": {"x": 1')


def test_text_that_is_cut_is_said_to_be_unfinished(generate):
    cut = generate(PROMPT, "--regex", "[abc]{200}", "-n", "3")
    assert cut.exit_code == 1
    assert "unfinished: it was cut by --max-new-tokens 3; raise it" in cut.stderr
    found = generate(PROMPT, "--regex", "[abc]{200}", "-n", "3", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["value"] is None


@pytest.mark.parametrize(
    "rule", [("--regex", "[0-9]+"), ("--schema", '{"type": "integer"}'), ("--schema", '{"type": "number", "minimum": 7}')]
)
def test_a_text_that_might_go_on_is_unfinished_though_it_obeys_the_rule(generate, rule):
    cut = generate(PROMPT, *rule, "-n", "3", "--logit-bias", "257=-100", "--logit-bias", "258=-100")
    assert cut.exit_code == 1
    assert "unfinished: it was cut by --max-new-tokens 3" in cut.stderr
    found = json.loads(generate(PROMPT, *rule, "-n", "3", "--json", "--logit-bias", "257=-100", "--logit-bias", "258=-100").stdout)
    assert (found["value"], found["obeys"], found["finish_reason"]) == (None, False, "length")
    assert len(found["text"]) == 3


def test_a_cut_answer_names_its_place_and_is_asked_for_again(generate):
    rule = ("--schema", '{"type": "object", "properties": {"a": {"type": "string", "minLength": 9}}, "required": ["a"]}', "-n", "9")
    cut = generate(PROMPT, *rule)
    assert "unfinished: it was cut by --max-new-tokens 9, at #/a; raise it" in cut.stderr
    found = json.loads(generate(PROMPT, *rule, "--retries", "2", "--json").stdout)
    assert len(found["rejected"]) == 2
    assert found["unfinished"] == "it was cut by --max-new-tokens 9, at #/a"
    assert set(found["partial"]) == {"a"}
    again = generate(PROMPT, *rule, "--retries", "1")
    assert again.exit_code == 1
    assert again.stdout.startswith('{"a": "')
    assert generate(PROMPT, *rule, "--retries", "1", "--raw").exit_code == 2  # greedy, and nobody to tell


def test_choices_of_tools(generate, home):
    (home / "t.json").write_text('[{"name": "f"}, {"name": "g", "input_schema": {}}]')
    found = json.loads(generate(PROMPT, "--tools", "t.json", "--tool-choice", "g", "-n", "200", "--json").stdout)
    assert found["value"] == {"name": "g", "arguments": {}}
    found = json.loads(generate(PROMPT, "--tools", "t.json", "--tool-choice", "f", "--parallel-tool-calls", "-n", "60", "--json").stdout)
    assert found["text"].startswith('[{"name": "f", "arguments": {}}')
    refused = generate(PROMPT, "--tools", "t.json", "--tool-choice", "h")
    assert refused.exit_code == 2
    assert "--tool-choice h is unknown" in refused.stderr
    assert generate(PROMPT, "--tool-choice", "f").exit_code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--regex", "(a"), "lacks a )"),
        (("--regex", "a", "--choice", "b"), "are rules; give only one of them"),
        (("--tools", "missing.json"), "no such file"),
        (("--tools", "t.json", "--raw"), "--raw leaves out"),
        (("--schema", "missing.json"), "neither JSON text nor a file"),
        (("--constraint", "regx('a')"), "did you mean 'regex'"),
        (("--grammar", "start: missing"), "not supported"),
    ],
)
def test_bad_rules_are_refused_in_one_line(generate, home, options, said):
    (home / "t.json").write_text('[{"name": "f"}]')
    refused = generate(PROMPT, *options)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_an_answer_is_ended_in_time_and_that_is_said(generate):
    schema = '{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]}'
    ended = generate(PROMPT, "--schema", schema, "-n", "40")
    assert ended.exit_code == 0, ended.stderr
    assert set(json.loads(ended.stdout)) >= {"a", "b"}
    found = json.loads(generate(PROMPT, "--schema", schema, "-n", "40", "--json").stdout)
    assert (found["ending_tokens"] > 0) == ("within --max-new-tokens" in ended.stderr)
    cut = generate(PROMPT, "--schema", schema, "-n", "40", "--no-ending")
    assert (cut.exit_code == 0) == (found["ending_tokens"] == 0)


def test_bounds_are_read_and_need_a_schema(generate):
    found = generate(PROMPT, "--schema", '{"type": "string"}', "--bounds", "max_string=3", "-n", "40", "-q")
    assert len(json.loads(found.stdout)) <= 3
    for options, word in (
        (("--bounds", "on"), "goes with --schema or --tools"),
        (("--closed",), "goes with --schema or --tools"),
        (("--schema", "true", "--bounds", "much"), "neither `on` nor a list"),
        (("--schema", "true", "--bounds", "max_strings=3"), "max_string"),
    ):
        refused = generate(PROMPT, *options)
        assert refused.exit_code == 2
        assert word in refused.stderr
