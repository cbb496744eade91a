"""`generate_many` and files of prompts."""

from __future__ import annotations

import pytest

import foretell as ft
from foretell.errors import UserError
from foretell.prompt_file import read_prompt_file
from tests.test_api import letters_model


@pytest.fixture(scope="module")
def model():
    return letters_model()


def test_each_prompt_has_its_result_and_its_options(model):
    prompts = ["abc", [1, 2], {"prompt": "hg", "max_new_tokens": 3}, {"messages": [{"role": "user", "content": "abc"}]}]
    found = dict(ft.generate_many(prompts, model, "plain", max_new_tokens=7, temperature=1.0, seed=5))
    alone = [
        ft.generate(prompt, model, "plain", max_new_tokens=num, temperature=1.0, seed=5 + i).text
        for i, (prompt, num) in enumerate([("abc", 7), ([1, 2], 7), ("hg", 3), ("abc", 7)])
    ]
    assert [found[i].text for i in range(4)] == alone


def test_prompts_are_taken_as_there_is_room(model):
    taken = []

    def prompts():
        for number in range(10):
            taken.append(number)
            yield "abc"

    results = ft.generate_many(prompts(), model, "plain", max_batch=2, max_new_tokens=5)
    assert taken == []
    next(results)
    assert len(taken) <= 4
    assert len(list(results)) == 9


def test_a_prompt_that_fails_is_a_result_and_the_others_go_on(model):
    bad = [
        "",
        {"x": 1},
        {"prompt": "a", "temprature": 1},
        {"prompt": "a", "top_p": 3.0},
        {"messages": "abc"},
        {"prompt": "a", "retries": 2},
    ]
    found = dict(ft.generate_many([*bad, "abc"], model, "plain", max_new_tokens=3))
    assert [found[i].finish_reason for i in range(len(bad) + 1)] == [*["error"] * len(bad), "length"]
    assert "did you mean 'temperature'" in str(found[2].error)
    assert [number for number, _ in ft.generate_many(bad, model)] == list(range(len(bad)))
    assert list(ft.generate_many([], model)) == []


def test_wrong_shared_options_are_refused_at_the_call(model):
    for options in ({"top_p": 3.0}, {"n": 2}, {"retries": 1}, {"temprature": 1}, {"max_batch": 0}):
        with pytest.raises(UserError, match=next(iter(options))):
            ft.generate_many(["abc"], model, **options)


@pytest.mark.parametrize("prompts", ["abc", {"prompt": "abc"}, 5, None])
def test_what_is_no_list_of_prompts_is_refused(model, prompts):
    with pytest.raises(UserError, match="is no list of prompts"):
        ft.generate_many(prompts, model)


def test_closing_ends_what_runs(model):
    results = ft.generate_many(["abc", {"prompt": "abc", "max_new_tokens": 1}], model, "plain", max_new_tokens=4000)
    assert next(results)[0] == 1
    results.close()
    assert ft.generate("abc", model, "plain", max_new_tokens=1).finish_reason == "length"


def test_the_time_of_each_prompt_begins_when_it_is_taken(model):
    found = dict(
        ft.generate_many(["abc", "abc", {"prompt": "abc", "timeout": 60}], model, "plain", max_new_tokens=30, timeout=0, max_batch=1)
    )
    assert [found[i].finish_reason for i in range(3)] == ["timeout", "timeout", "length"]


def test_files_of_prompts(tmp_path):
    def read(name, text, **options):
        (tmp_path / name).write_bytes(text.encode())
        return [(line.line, line.prompt, line.id) for line in read_prompt_file(tmp_path / name, **options)]

    assert read("a.txt", "one\r\n\n  \ntwo \N{LINE SEPARATOR}x") == [(1, "one", None), (4, "two \N{LINE SEPARATOR}x", None)]
    assert read("b.csv", '\ufeffid;prompt\n1;one\n2;\n3;"two\nlines"\n') == [(2, "one", "1"), (3, None, "2"), (5, "two\nlines", "3")]
    assert read("c.csv", 'q\n"one, two"\n', column="q") == [(2, "one, two", None)]
    assert read("d.jsonl", '{"prompt": "a", "id": 5}\n\n"b"\n[1, 2]\n{"messages": [{"role": "user", "content": "c"}]}') == [
        (1, "a", 5), (3, "b", None), (4, [1, 2], None), (5, [{"role": "user", "content": "c"}], None)
    ]  # fmt: skip
    errors = read_prompt_file(_written(tmp_path / "e.jsonl", '{"a": 1}\n{\n5\n{"prompt": "x", "messages": []}'))
    assert all(line.error is not None for line in errors[:3])
    for name, text, message in [("f.csv", "a,b\n1,2", "no column 'prompt'"), ("g.txt", "\n \n", "holds no prompts")]:
        with pytest.raises(UserError, match=message):
            read_prompt_file(_written(tmp_path / name, text))
    (tmp_path / "h.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match="not UTF-8"):
        read_prompt_file(tmp_path / "h.txt")


def _written(path, text):
    path.write_text(text)
    return path
