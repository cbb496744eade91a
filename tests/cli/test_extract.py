"""`foretell extract`: spans to stdout, the marked passage and the proof to stderr."""

from __future__ import annotations

import json
import re

import pytest

PASSAGE = "ab cab. abc\nab de"


@pytest.fixture
def extract(foretell, tiny, home):
    (home / "passage.txt").write_text(PASSAGE + "\n")

    def run(*args: str, passage: str = "passage.txt", input: str | None = None):
        return foretell("extract", "--model", str(tiny), "--dtype", "bf16", "--passage", passage, *args, input=input)

    return run


def test_a_span_is_shown_where_it_stands(extract):
    result = extract("What?", "--gap")
    assert result.exit_code == 0, result.stderr
    span = result.stdout.removesuffix("\n")
    assert span in PASSAGE
    assert f"[{span}]" in result.stderr
    assert re.search(r"probability \S+ \(log -\d+\.\d+\), including that of ending there; characters \d+ to \d+", result.stderr)
    assert re.search(r"proven: no other span is more probable; \d+ prefixes of spans expanded", result.stderr)
    assert re.search(r"greedy decoding: .*; among spans only: .* below the best\)", result.stderr)
    assert extract("What?", "-q").stderr == ""


def test_json_holds_spans_scores_and_proof(extract):
    result = extract("What?", "--json", "--top", "3", "--gap", passage="-", input=PASSAGE)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert len(found["spans"]) == 3
    assert [span["score"] for span in found["spans"]] == sorted((span["score"] for span in found["spans"]), reverse=True)
    for span in found["spans"]:
        assert span["proven"]
        for start, end in span["positions"]:
            assert PASSAGE[start:end] == span["text"]
    assert found["optimal"]
    assert found["proof"]["gap"] == 0
    assert found["greedy"]["gap"] >= -0.05  # rows in bfloat16 depend on the tree's shape
    lines = extract("What?", "--top", "3").stdout.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == [" ".join(span["text"].split()) for span in found["spans"]]


def test_a_short_budget_is_said(extract):
    result = extract("What?", "--most-nodes", "1")
    assert result.exit_code == 0
    assert re.search("not proven: another span may be up to .* times as probable; 1 prefixes", result.stderr)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("What?", "--max-tokens", "0"), "--max-tokens 0 must be at least 1"),
        (("What?", "--top", "0"), "--top 0 must be at least 1"),
        (("What?", "--within", "0"), "--within 0 must be greater than 0"),
        (("What?", "--stop", "zz"), "no token begins with"),
        (("What?", "--most-nodes", "0"), "--most-nodes 0 must be at least 1"),
        ((" ",), "QUESTION ' ' is empty"),
    ],
)
def test_mistakes_are_named(extract, words, message):
    result = extract(*words)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_passage_must_be_there(extract):
    assert "none.txt: No such file" in " ".join(extract("What?", passage="none.txt").stderr.split())
    assert "is empty" in extract("What?", passage="-", input="\n").stderr


def test_a_prompt_without_the_passage_is_warned_of(extract):
    result = extract("What?", "--prompt", "{question}")
    assert result.exit_code == 0
    assert "warning: prompt=" in result.stderr
