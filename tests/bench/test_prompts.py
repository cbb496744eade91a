"""Prompt files: the built-in set, Spec-Bench's layout, plain text, and what is wrong with bad ones."""

import json
from collections import Counter

import pytest

from foretell.bench.prompts import PromptFileError, read_prompts, spread
from foretell.bench.tasks import Task, make_groups, make_tasks


def test_the_builtin_set_has_four_prompts_of_each_of_eight_kinds():
    prompts = read_prompts()
    kinds = Counter(prompt.kind for prompt in prompts)
    assert kinds == dict.fromkeys(["chat", "translation", "summary", "question answering", "maths", "retrieval", "code", "JSON"], 4)
    assert len({prompt.question_id for prompt in prompts}) == 32
    for prompt in prompts:
        if prompt.kind in ("summary", "retrieval"):
            assert 150 <= len(prompt.turns[0].split()) <= 300


def test_spec_bench_files_are_read_and_grouped_as_their_authors_do(tmp_path):
    file = tmp_path / "question.jsonl"
    rows = [
        {"question_id": 81, "category": "writing", "turns": ["a", "b"]},
        {"question_id": 500, "category": "rag", "turns": ["c"], "reference": "d"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    first, second = read_prompts(file)
    assert (first.question_id, first.turns, first.kind) == (81, ("a", "b"), "chat")
    assert second.kind == "retrieval"


def test_plain_text_is_one_prompt_a_line(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("\ufeffFirst prompt\r\n\n  Second prompt  \n", encoding="utf-8")
    prompts = read_prompts(file)
    assert [(prompt.turns[0], prompt.kind) for prompt in prompts] == [("First prompt", "text"), ("Second prompt", "text")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"turns": ["x"]}\n{"turns": [}', r"a\.jsonl:2: not JSON"),
        ("a.jsonl", b"[1]", r"a\.jsonl:1: \[1\] is not an object"),
        ("a.jsonl", b'{"turns": []}', r"a\.jsonl:1: turns=\[\] must be a list of one text or more"),
        ("a.jsonl", b'\n{"turns": ["x", 3]}', r"a\.jsonl:2: turns="),
        ("a.jsonl", b'{"turns": ["x"], "category": 5}', r"a\.jsonl:1: category=5"),
        ("a.txt", b"\n \n", r"a\.txt:1: no prompts"),
        ("a.txt", b"good\nbad \xff\n", r"a\.txt:2: not UTF-8"),
    ],
)
def test_errors_name_file_and_line(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(PromptFileError, match=message):
        read_prompts(file)


def test_missing_files_and_folders_are_said_so(tmp_path):
    with pytest.raises(PromptFileError, match=r"no such prompt file; give a path, or 'builtin'"):
        read_prompts(tmp_path / "none.txt")
    with pytest.raises(PromptFileError, match="cannot be read"):
        read_prompts(tmp_path)


def test_any_beginning_is_spread_over_the_kinds():
    prompts = read_prompts()
    assert len({prompt.kind for prompt in spread(prompts)[:8]}) == 8
    assert Counter(prompt.kind for prompt in spread(prompts, 12)).most_common()[0][1] == 2
    assert len(spread(prompts, 99)) == 32
    with pytest.raises(ValueError, match="limit=0 must be at least 1"):
        spread(prompts, 0)


def test_prompts_that_leave_no_room_are_refused(model):
    model.max_length = 20
    with pytest.raises(ValueError, match=r"prompt 1 has 35 tokens, which with --max-new-tokens 8 is more than the model's 20"):
        make_tasks(read_prompts()[:1], model, 8)


def test_groups_are_of_one_kind_as_far_as_that_goes():
    tasks = [Task(str(i), kind, (1,)) for i, kind in enumerate("ababa")]
    groups = make_groups(tasks, 2)
    assert [group.kind for group in groups] == ["a", "b", "a"]
    assert sorted(task.name for group in groups for task in group.tasks) == list("01234")
    assert make_groups([Task("1", "a", (1,)), Task("2", "b", (1,))], 2)[0].kind == "mixed"
