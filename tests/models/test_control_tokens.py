"""Control tokens in texts and messages are text; those that a chat template writes are control tokens."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, normalizers

from foretell.errors import UserError
from foretell.models.text import Text
from tests.models.tiny_tokenizers import byte_level, metaspace, sentence_piece, word_piece

CHAT = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NAMES = ("<s>", "</s>", "<|im_start|>", "<|im_end|>")


def text_of(tokenizer: Tokenizer, template: str = CHAT) -> Text:
    return Text(tokenizer, chat_template=template, bos_token="<s>", eos_token="</s>")


def controls(text: Text, ids: list[int]) -> list[str]:
    return [text.vocabulary[token] for token in ids if token in text.control_tokens]


@pytest.mark.parametrize("make", [byte_level, sentence_piece, metaspace])
def test_texts_hold_no_control_tokens_unless_asked_for(make):
    text = text_of(make())
    for sample in ("a<|im_end|>b", "<|im_start|>system\n", "</s>", "<s><s>"):
        ids = text.encode(sample, special=False)
        assert controls(text, ids) == []
        assert text.decode(ids) == sample
        assert controls(text, text.encode(sample, special=False, parse_special=True))
    assert text.encode("plain née") == text.encode("plain née", parse_special=True)


def test_a_start_token_is_not_added_twice():
    text = text_of(sentence_piece())
    assert controls(text, text.encode("a")) == ["<s>"]
    assert controls(text, text.encode("<s>a", parse_special=True)) == ["<s>"]
    assert controls(text, text.encode("<s><s>a", parse_special=True)) == ["<s>", "<s>"]
    assert controls(text, text.chat("a")).count("<s>") == 1


@pytest.mark.parametrize("make", [byte_level, sentence_piece, metaspace])
@given(
    contents=st.lists(
        st.lists(st.sampled_from([*NAMES, "a", " ", "b c", "\n", "née", "<", "|im_end|>"]), max_size=5), min_size=1, max_size=3
    )
)
@settings(max_examples=30, deadline=None)
def test_a_chat_has_the_templates_control_tokens_and_no_others(make, contents):
    text = text_of(make())
    messages = [{"role": "user", "content": "".join(parts)} for parts in contents]
    ids = text.chat(messages)
    assert controls(text, ids) == ["<s>", *["<|im_start|>", "<|im_end|>"] * len(messages), "<|im_start|>"]
    plain = text.encode(text.render(messages), special=False, parse_special=True)
    if not any(name in message["content"] for message in messages for name in NAMES):
        assert ids == plain
    assert text.chat(messages, parse_special=True) == plain
    # What stands for a name is cut as the name is: the ids are those of the pieces between the template's control tokens.
    if make is byte_level:
        pieces = [text.encode(f"user\n{message['content'].strip()}", special=False) for message in messages]
        start, end, line = (
            text.tokenizer.token_to_id("<|im_start|>"),
            text.tokenizer.token_to_id("<|im_end|>"),
            text.encode("\n", special=False),
        )
        expected = [each for piece in pieces for each in (start, *piece, end, *line)]
        assert ids[1:] == [*expected, start, *text.encode("assistant\n", special=False)]


@pytest.mark.parametrize(
    "template",
    [
        "<|im_start|>{{ messages | tojson }}<|im_end|>",
        "<|im_start|>{{ messages | tojson(ensure_ascii=True) }}<|im_end|>",
        "<|im_start|>{{ messages[0]['content'] | capitalize }}<|im_end|>",
        "<|im_start|>{{ messages[0]['content'][:14] + messages[0]['content'][14:] }}<|im_end|>",
        "<|im_start|>{% if messages[0]['content'] | length == 14 %}{{ messages[0]['content'] }}{% endif %}<|im_end|>",
        "{% for part in messages[0]['content'].split(' ') %}{% endfor %}<|im_start|>{{ messages[0]['content'] }}<|im_end|>",
    ],
)
def test_templates_that_transform_contents(template):
    text = text_of(byte_level(), template)
    assert controls(text, text.chat("x  <|im_end|>")) == ["<|im_start|>", "<|im_end|>"]


def test_a_name_that_the_template_looks_for_is_left_to_it():
    text = text_of(byte_level(), "<s>{{ messages[0]['content'].split('</s>')[-1] }}<|im_end|>")
    ids = text.chat("thought</s>said <|im_start|> it")
    assert text.decode(ids) == "said <|im_start|> it"
    assert controls(text, ids) == ["<s>", "<|im_end|>"]


def test_messages_that_make_a_name_together():
    text = text_of(byte_level(), "{% for m in messages %}{{ m['content'] | trim }}{% endfor %}|im_end|><|im_start|>")
    for contents in (["a<|im_ ", " end|>b"], ["a<|im_end", "|", ">b"], ["<"], ["> a", "a <"]):
        messages = [{"role": "user", "content": content} for content in contents]
        ids = text.chat(messages)
        assert controls(text, ids) == ["<|im_start|>"]
        assert text.decode(ids, special=True) == text.render(messages)


def test_names_in_roles_tools_and_calls_are_text():
    text = text_of(byte_level(), "<|im_start|>{{ tools | tojson }}{{ messages | tojson }}<|im_end|>")
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "</s>", "arguments": {"<s>": "<|im_end|>"}}}]}
    ids = text.chat([{"role": "<|im_start|>", "content": "a"}, call], tools=[{"name": "f", "description": "</s>"}])
    assert controls(text, ids) == ["<|im_start|>", "<|im_end|>"]


def test_spaces_that_control_tokens_swallow_and_names_in_other_cases():
    tokenizer = byte_level()
    tokenizer.add_special_tokens([AddedToken("<end>", lstrip=True, rstrip=True, normalized=False), AddedToken("<turn>", normalized=True)])
    tokenizer.normalizer = normalizers.Lowercase()
    text = text_of(tokenizer, "<turn>{{ messages[0]['content'] }}  <end>  b")
    plain, odd = text.chat("a"), text.chat("<TURN> <end> <Turn>")
    assert controls(text, plain) == controls(text, odd) == ["<turn>", "<end>"]
    assert text.decode(odd) == "<turn> <end> <turn>b"
    assert plain == text.encode(text.render([{"role": "user", "content": "a"}]), special=False, parse_special=True)


def test_tokens_that_look_like_control_tokens_are_such():
    tokenizer = byte_level()
    tokenizer.add_tokens(
        [AddedToken("<｜User｜>", special=False, normalized=False), AddedToken("<think>", special=False, normalized=False)]
    )
    text = text_of(tokenizer, "<｜User｜>{{ messages[0]['content'] }}")
    user, think = (tokenizer.token_to_id(name) for name in ("<｜User｜>", "<think>"))
    ids = text.chat("<think>a<｜User｜>")
    assert ids.count(user) == 1
    assert ids.count(think) == 1  # an added word, which messages may use


def test_word_pieces_and_chats_without_a_template():
    text = Text(word_piece())
    with pytest.warns(UserWarning, match="no chat template"):
        assert controls(text, text.chat("hello </s> world")) == []


def test_a_template_that_mixes_names_is_refused():
    count = "{% set c = messages[0]['content'] %}"
    template = count + "{% if '</s>' in c or '<s>' in c %}{{ c }}{% else %}odd{% endif %}"
    text = text_of(byte_level(), template)
    with pytest.raises(UserError, match="the chat template mixes them with its own"):
        text.chat("</s> and <s>")


def test_the_marks_of_a_tokenizer_survive_json():
    text = Text.from_json(json.loads(json.dumps(text_of(byte_level()).to_json())))
    assert controls(text, text.chat("</s>")) == ["<s>", "<|im_start|>", "<|im_end|>", "<|im_start|>"]
