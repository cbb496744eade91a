"""`stream`: pieces, and the result at their end."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

import foretell as ft
from foretell.errors import UserError
from foretell.models.load import load
from tests.test_api import letters_model


@pytest.fixture(scope="module")
def model():
    return letters_model()


@pytest.fixture(scope="module")
def bytes_model(tmp_path_factory):
    """A model that can write any byte, for JSON."""
    from tests.models.files import save_tokenizer
    from tests.models.zoo import random_llama

    folder = tmp_path_factory.mktemp("bytes")
    random_llama(259, num_layers=1, context=4096).save_pretrained(folder)
    save_tokenizer(folder, "{% for m in messages %}{{ m['content'] }}{% endfor %}")
    return load(folder, dtype="fp32")


def test_a_stream_has_the_result_of_generate(model):
    stream = ft.stream("abcab", model, "prompt-lookup", max_new_tokens=30, temperature=1.0, seed=3, stop="hh")
    whole = ft.generate("abcab", model, "prompt-lookup", max_new_tokens=30, temperature=1.0, seed=3, stop="hh")
    with pytest.raises(UserError, match="has not ended"):
        stream.result  # noqa: B018
    pieces = list(stream)
    assert stream.text == "".join(pieces) == stream.result.text == whole.text
    assert (stream.result.tokens, stream.result.finish_reason) == (whole.tokens, whole.finish_reason)
    assert stream.result.trace.tokens_per_step > 0
    assert stream.result is stream.result


def test_pieces_have_all_tokens_and_their_logprobs(bytes_model):
    """Also where several tokens make one character."""
    stream = ft.stream(
        "é", bytes_model, "plain", max_new_tokens=60, logprobs=2, logit_bias=dict.fromkeys(bytes_model.tokenizer.stop_tokens, -1000)
    )
    pieces = list(stream)
    assert [token for piece in pieces for token in piece.tokens] == stream.result.tokens[: sum(len(piece.tokens) for piece in pieces)]
    assert [entry for piece in pieces for entry in piece.logprobs] == stream.result.logprobs[: sum(len(piece.tokens) for piece in pieces)]
    assert all(len(entry.top) == 2 for piece in pieces for entry in piece.logprobs)
    assert len(stream.result.logprobs) == 60
    assert not any(piece.logprobs for piece in ft.stream("a", bytes_model, "plain", max_new_tokens=3))


def test_a_stream_under_a_rule_has_a_value(bytes_model):
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["a"]}
    with ft.stream("a", bytes_model, schema=schema, closed=True, max_new_tokens=40) as stream:
        last = [piece.partial for piece in stream][-1]
    assert stream.result.value == last
    assert stream.result.has_value


def test_closing_ends_the_text_and_keeps_what_there_is(model):
    with ft.stream("abcab", model, "plain", max_new_tokens=4000) as stream:
        first = next(stream)
    assert (stream.result.finish_reason, stream.result.text) == ("cancelled", first)
    assert list(stream) == []
    assert ft.Session  # the session goes on:
    assert ft.generate("abcab", model, "plain", max_new_tokens=3).finish_reason == "length"
    never = ft.stream("abcab", model, "plain")
    never.close()
    assert (never.result.finish_reason, never.result.text) == ("cancelled", "")


def test_another_thread_may_close_a_stream(model):
    stream = ft.stream("abcab", model, "plain", max_new_tokens=4000)
    begun, pieces = threading.Event(), []

    def read():
        for piece in stream:
            pieces.append(piece)
            begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(30)
    stream.close()
    reader.join(30)
    assert not reader.is_alive()
    assert len(pieces) < 4000
    assert stream.result.finish_reason == "cancelled"


def test_a_stream_that_nobody_reads_any_more_leaves_the_batch(model):
    stream = ft.stream("abcab", model, "plain", max_new_tokens=4000)
    next(stream)
    scheduler = stream._call.session.scheduler
    assert scheduler.num_running == 1
    del stream
    assert scheduler.num_running == 0


@pytest.mark.parametrize("options", [{"n": 2}, {"retries": 1}, {"max_batch": 4}, {"temprature": 1.0}, {"progress": 5}])
def test_what_a_stream_cannot_do_is_refused_at_the_call(model, options):
    with pytest.raises(UserError, match=next(iter(options))):
        ft.stream("abc", model, **options)


def test_progress_of_a_long_prompt(model):
    told = []
    list(ft.stream("ab" * 400, model, "plain", max_new_tokens=2, progress=told.append))
    assert [round(each.share, 2) for each in told] == [0.32, 0.64, 0.96]
    told.clear()
    list(ft.stream("ab", model, "plain", max_new_tokens=2, progress=told.append))
    assert told == []


def test_a_stream_is_neither_pickled_nor_copied(model):
    stream = ft.stream("abc", model, "plain")
    for way in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="its `result`"):
            way(stream)
