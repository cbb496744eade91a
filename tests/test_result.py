"""`Result` as it is shown, kept and gone on from."""

from __future__ import annotations

import copy
import pickle

import pytest

import foretell as ft
from tests.test_api import letters_model


@pytest.fixture(scope="module")
def model():
    return letters_model()


def test_the_repr_is_one_short_line(model):
    result = ft.generate("abcab", model, max_new_tokens=400)
    assert repr(result).startswith("Result('")
    assert len(repr(result)) < 200
    for text in ("\n" * 90, "\U0001f600" * 90, "\x00" * 500, "'\"" * 90):
        odd = copy.copy(result)
        odd.text, odd.error = text, ValueError(text)
        assert len(repr(odd)) < 200
        assert "\n" not in repr(odd)
    assert str(result) == result.text

    class LongError(ValueError):
        def __repr__(self):
            return "several\nlines"

    odd.error = LongError()
    assert repr(odd).endswith("error=several lines)")


def test_notebooks_show_drafted_parts_in_colour_and_escaped(model):
    result = ft.generate("abcabcabc", model, "prompt-lookup, pace=4", max_new_tokens=60)
    assert "".join(text for text, _ in result.spans) == result.text
    assert {source for _, source in result.spans} == {"", "prompt-lookup"}
    assert 'title="prompt-lookup"' in result._repr_html_()
    result.spans = [("<script>", ""), ("&", '"x"')]
    assert "<script>" not in result._repr_html_()
    assert "&lt;script&gt;" in result._repr_html_()
    assert "&quot;x&quot;" in result._repr_html_()


def test_a_result_is_pickled_and_copied(model):
    result = ft.generate("abcab", model, max_new_tokens=40, logprobs=1)
    assert pickle.loads(pickle.dumps(result)) == result == copy.deepcopy(result)
    assert len(pickle.dumps(result)) < 30_000

    class OddError(Exception):
        def __init__(self, a, b):
            super().__init__(f"{a} {b}")

    result.error = OddError(1, 2)
    kept = pickle.loads(pickle.dumps(result))
    assert "OddError: 1 2" in str(kept.error)
    assert kept.text == result.text


def test_a_conversation_goes_on_from_its_messages(model):
    first = ft.generate("abc", model, max_new_tokens=4)
    assert first.messages == [{"role": "user", "content": "abc"}, {"role": "assistant", "content": first.text}]
    second = ft.generate([*first.messages, {"role": "user", "content": "de"}], model, max_new_tokens=4)
    assert second.messages[:3] == [*first.messages, {"role": "user", "content": "de"}]
    assert second.trace.prompt_length == len("abc" + first.text + "de")
    assert ft.generate("abc", model, max_new_tokens=4, chat=False).messages == []
    assert ft.generate([0, 1], model, max_new_tokens=4).messages == []
