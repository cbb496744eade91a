"""Answers of tiny models with real tokenizers: text, stream and value are one, whatever the vocabulary."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import foretell as ft
from foretell.errors import UserError
from foretell.models.text import Text
from foretell.models.tiny import TinyModel
from tests.models.tiny_tokenizers import byte_level, metaspace, sentence_piece

CHAT = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"


def model_of(tokenizer) -> TinyModel:
    text = Text(tokenizer, frozenset({tokenizer.token_to_id("</s>")}), CHAT, "<s>", "</s>")
    model = TinyModel(vocab_size=len(text), order=1, seed=3)
    model.tokenizer = text
    return model


MODELS = {"byte-level": model_of(byte_level()), "sentence-piece": model_of(sentence_piece()), "metaspace": model_of(metaspace())}


def written(model, tokens, **options):
    """The answer of as many tokens, which are those."""
    bias = dict.fromkeys(tokens, 1000.0)
    return ft.generate("he", model, "plain", chat=False, max_new_tokens=len(tokens), logit_bias=bias, **options)


@pytest.mark.parametrize("kind", MODELS)
def test_a_rule_and_the_text_agree_on_the_first_space(kind):
    model = MODELS[kind]
    for pattern in (" he", "he", "  h", " [a-d]{2}"):
        result = ft.generate("he", model, "plain", chat=False, max_new_tokens=12, regex=pattern)
        pieces = ft.stream("he", model, "plain", chat=False, max_new_tokens=12, regex=pattern)
        assert result.text == result.value == "".join(pieces)


@pytest.mark.parametrize("kind", ["sentence-piece", "metaspace"])
def test_a_stop_string_may_begin_with_the_first_space(kind):
    model = MODELS[kind]
    space = model.tokenizer.tokenizer.token_to_id("▁h")
    result = written(model, [space], stop=" h")
    assert (result.text, result.finish_reason, result.tokens) == ("", "stop", [space])
    assert written(model, [space]).text == " h"


def test_a_character_that_is_cut_is_one_mark():
    model = MODELS["sentence-piece"]
    model_of_bytes = [model.tokenizer.tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in "𝄞".encode()]
    assert written(model, model_of_bytes[:1]).text == "\ufffd"


@pytest.mark.parametrize("kind", MODELS)
def test_a_control_token_stops_where_it_is_named(kind):
    model = MODELS[kind]
    token = model.tokenizer.tokenizer.token_to_id("<|im_start|>")
    options = {"recipe": "plain", "chat": False, "max_new_tokens": 9, "logit_bias": {token: 1000.0}}
    result = ft.generate("he", model, **options, stop=["zz", "<|im_start|>"])
    assert (result.text, result.finish_reason, result.tokens) == ("", "stop", [token])
    assert list(ft.stream("he", model, **options, stop="<|im_start|>")) == []
    assert ft.generate("he", model, **options, stop="im_start").finish_reason == "length"


@pytest.mark.parametrize("kind", MODELS)
@given(seed=st.integers(0, 1000), stop=st.lists(st.text("abhe ", min_size=1, max_size=2), max_size=3))
@settings(max_examples=10, deadline=None)
def test_text_and_stream_are_one(kind, seed, stop):
    options = {"recipe": "plain", "chat": False, "max_new_tokens": 12, "temperature": 1.0, "seed": seed, "stop": stop}
    result = ft.generate("he", MODELS[kind], **options)
    assert "".join(ft.stream("he", MODELS[kind], **options)) == result.text
    assert not any(string in result.text for string in stop)


def test_a_value_is_read_from_the_text_that_a_stop_string_left():
    model = MODELS["byte-level"]
    options = {"recipe": "plain", "chat": False, "max_new_tokens": 9, "constraint": None, "stop": "b"}
    assert (result := ft.generate("he", model, **options | {"regex": "aa(bc)?c?"})).value == result.text
    assert ft.generate("he", model, **options | {"regex": "aabc"}).value is None


def test_control_tokens_in_prompts_are_text_unless_asked_for():
    model = MODELS["byte-level"]
    end = model.tokenizer.tokenizer.token_to_id("<|im_end|>")
    counts = {}
    for chat in (False, True):
        for parse in (False, True, None):
            result = ft.generate("a<|im_end|>", model, "plain", max_new_tokens=1, chat=chat, parse_special=parse)
            counts[chat, parse] = result.trace.prompt_length
    assert counts[False, False] == counts[False, None] == 1 + len("<|im_end|>")
    assert counts[False, True] == 2
    assert counts[True, False] == counts[False, False] + 2
    assert counts[True, True] == 4
    with pytest.raises(UserError, match="parse_special=1 must be True or False"):
        ft.generate("a", model, parse_special=1)
    assert end in model.tokenizer.encode("a<|im_end|>", parse_special=True)


def test_tokens_beyond_the_models_vocabulary_are_named():
    model = TinyModel(vocab_size=200)
    model.tokenizer = Text(byte_level())
    with pytest.raises(UserError, match=r"prompt: ' hello' is token 260, outside the model's vocabulary of 200"):
        ft.generate("a hello", model, chat=False)


def test_tools_with_a_template_that_refuses_the_system_role():
    model = model_of(byte_level())
    model.max_length = 2000
    model.tokenizer.chat_template = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + CHAT
    result = ft.generate("Hi", model, "plain", tools=[{"name": "f"}], max_new_tokens=2)
    assert result.trace.prompt_length > 100
