"""`foretell generate --input`, and text that is piped in beside a prompt."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import foretell as ft
from tests.cli.test_generate import BIAS, TEXT

PROMPTS = [
    {"prompt": TEXT, "id": "first"},
    {"prompt": "hello", "max_new_tokens": 3},
    {"prompt": ""},
    {"messages": [{"role": "user", "content": "x"}]},
]


@pytest.fixture
def lines(home):
    (home / "in.jsonl").write_text("\n".join(map(json.dumps, PROMPTS)) + "\nbroken\n")
    return ("--input", "in.jsonl", "-n", "6", "--recipe", "plain")


def records(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_line_is_answered_or_says_why_not(generate, lines, home, tiny):
    ended = generate(*lines, "--output", "out.jsonl", "--seed", "7", "--temperature", "1")
    assert ended.exit_code == 1
    assert "5 answers, 2 of them without a value or with an error" in ended.stderr
    found = records(home / "out.jsonl")
    assert [each["line"] for each in found] == [1, 2, 3, 4, 5]
    assert [each["finish_reason"] for each in found] == ["length", "length", "error", "length", "error"]
    assert (found[0]["id"], found[0]["num_tokens"], found[1]["num_tokens"], found[3]["seed"]) == ("first", 6, 3, 10)
    assert "is empty" in found[2]["error"]
    model = ft.load(tiny, dtype="bf16")
    alone = ft.generate(TEXT, model, "plain", max_new_tokens=6, temperature=1, seed=7, logit_bias=BIAS)
    assert found[0]["text"] == alone.text
    assert {json.loads(line)["line"] for line in generate(*lines, "-q").stdout.splitlines()} == {1, 2, 3, 4, 5}


def test_what_is_there_is_kept_or_replaced_as_asked(generate, lines, home):
    out = home / "out.jsonl"
    options = (*lines, "--output", "out.jsonl", "--seed", "7", "--temperature", "1")
    generate(*options)
    whole = out.read_text()
    refused = generate(*options)
    assert refused.exit_code == 2
    assert "pass --resume" in refused.stderr
    first, second, *_ = whole.splitlines(keepends=True)
    out.write_text(second + first[:30])  # as after an interrupt in the middle of a line
    resumed = generate(*options, "--resume")
    assert "4 answers" in resumed.stderr
    assert out.read_text() == whole
    out.write_text(json.dumps({**json.loads(first), "text": "kept"}) + "\n")
    generate(*options, "--resume")
    assert records(out)[0]["text"] == "kept"
    generate(*options, "--overwrite")
    assert out.read_text() == whole
    (home / "in.jsonl").write_text('{"prompt": "another"}\n')
    changed = generate(*options, "--resume")
    assert changed.exit_code == 2
    assert "line 1 of --input is not the prompt" in changed.stderr
    out.write_text("no answers\n")
    assert "out.jsonl, line 1: not readable JSON" in generate(*options, "--resume").stderr


def test_an_interrupt_keeps_what_is_answered(generate, home, monkeypatch):
    from foretell import many

    (home / "in.txt").write_text("one\ntwo\nthree\n")
    options = ("--input", "in.txt", "-o", "out.jsonl", "-n", "3", "--seed", "1", "--temperature", "1")
    run = many.run_many

    def interrupted(*args):
        yield next(run(*args))
        raise KeyboardInterrupt

    monkeypatch.setattr(many, "run_many", interrupted)
    ended = generate(*options)
    assert ended.exit_code == 130
    assert "1 of 3 prompts are answered; go on with --resume" in ended.stderr
    monkeypatch.setattr(many, "run_many", run)
    generate(*options, "--resume")
    resumed = (home / "out.jsonl").read_text()
    generate(*options, "--overwrite")
    assert (home / "out.jsonl").read_text() == resumed


def test_rules_text_lines_and_columns(generate, home):
    (home / "in.txt").write_text("one\ntwo\n")
    ended = generate("--input", "in.txt", "-o", "out.jsonl", "--regex", "(yes|no)", "--system", "Be brief")
    assert ended.exit_code == 0, ended.stderr
    assert all(each["value"] in ("yes", "no") for each in records(home / "out.jsonl"))
    (home / "in.csv").write_text("id,question\na,one\n")
    assert generate("-i", "in.csv", "--column", "question", "-o", "csv.jsonl", "-n", "2").exit_code == 0
    assert records(home / "csv.jsonl")[0]["id"] == "a"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--output", "x.jsonl", "hi"], "--output goes with --input"),
        (["hi", "--input", "in.jsonl"], "PROMPT is for one prompt"),
        (["--input", "in.jsonl", "--json"], "--json is for one prompt"),
        (["--input", "in.jsonl", "--resume"], "go with --output"),
        (["--input", "in.jsonl", "--output", "in.jsonl", "--overwrite"], "is the file of --input"),
        (["--input", "in.jsonl", "--output", "no/such/out.jsonl"], "does not exist"),
        (["--input", "absent.jsonl"], "absent.jsonl: No such file"),
        (["--input", "in.jsonl", "--output", "o.jsonl", "--resume", "--overwrite"], "exclude each other"),
    ],
)
@pytest.mark.usefixtures("lines")
def test_mistakes_are_told_before_the_model_is_loaded(foretell, args, says):
    result = foretell("generate", "--model", "no/such/model", *args)
    assert result.exit_code == 2
    assert says in result.stderr


def test_piped_text_follows_the_prompt(generate, home):
    joined = generate("Translate:\n\nwater", "-n", "9", "-q").stdout
    assert generate("Translate:", "-n", "9", "-q", input="water\n").stdout == joined
    (home / "prompt.txt").write_text("Translate:\n")
    assert generate("--file", "prompt.txt", "-n", "9", "-q", input="water\n").stdout == joined
    assert generate("Translate:", "-n", "9", "-q", input="").stdout == generate("Translate:", "-n", "9", "-q").stdout


def prompt_with(stdin) -> str:
    code = "from foretell.cli.common.prompt import read_prompt; print(repr(read_prompt('Say', None)))"
    return subprocess.run([sys.executable, "-c", code], stdin=stdin, capture_output=True, text=True, timeout=60).stdout.strip()


def test_what_stdin_may_be(tmp_path):
    """A file and a pipe are read; a device, a closed stdin and a terminal are not waited for."""
    (tmp_path / "text").write_text("this\n")
    with (tmp_path / "text").open() as file:
        assert prompt_with(file) == r"'Say\n\nthis'"
    reader, writer = os.pipe()
    os.write(writer, b"that")
    os.close(writer)
    assert prompt_with(reader) == r"'Say\n\nthat'"
    os.close(reader)
    assert prompt_with(subprocess.DEVNULL) == "'Say'"
    if hasattr(os, "openpty"):
        main, terminal = os.openpty()
        assert prompt_with(terminal) == "'Say'"
        os.close(main)
        os.close(terminal)


def test_a_timeout_ends_the_answer(generate):
    result = generate(TEXT, "-n", "4000", "--timeout", "0.01")
    assert result.exit_code == 0, result.stderr
    assert "stopped by --timeout" in result.stderr
    ruled = generate(TEXT, "-n", "4000", "--timeout", "0", "--regex", "[a-z]+")
    assert ruled.exit_code == 1
    assert "unfinished: --timeout was over" in ruled.stderr


def test_json_names_the_model_and_the_texts_of_tokens(generate, tiny):
    found = json.loads(generate(TEXT, "-n", "3", "--json", "--logprobs", "1").stdout)
    assert (found["model"], found["model_path"]) == (tiny.name, str(tiny))
    assert "-bf16-" in found["model_hash"]
    assert "".join(entry["text"] for entry in found["logprobs"]) == found["text"]
    assert found["logprobs"][0]["top"][0].keys() == {"token", "text", "logprob"}


def test_a_row_of_a_table_without_a_prompt_is_an_error(generate, home):
    (home / "in.csv").write_text("id,prompt\n1,hello\n2,\n,\n")
    ended = generate("--input", "in.csv", "-n", "2", "--recipe", "plain", "--output", "out.jsonl")
    assert ended.exit_code == 1
    assert "2 answers, 1 of them" in ended.stderr
    assert [(each["id"], each["line"], each["error"]) for each in records(home / "out.jsonl")] == [
        ("1", 2, None),
        ("2", 3, "line 3: the column 'prompt' is empty; give some text"),
    ]


def test_a_line_that_is_no_answer_is_named(generate, lines, home):
    (home / "out.jsonl").write_text('{"line": 1}\nbroken\n')
    ended = generate(*lines, "--output", "out.jsonl", "--resume")
    assert ended.exit_code == 2
    assert "out.jsonl, line 2: not readable JSON" in ended.stderr
    assert "remove the line, or choose another --output" in ended.stderr
