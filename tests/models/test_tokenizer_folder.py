"""A tokenizer's folder: every file that says something of tokens is honoured, or a warning names what is ignored."""

from __future__ import annotations

import json
import warnings

import pytest
from tokenizers import processors

from foretell.errors import UserError
from foretell.models.text import Text
from tests.models.tiny_tokenizers import byte_level, sentence_piece


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def save(tmp_path):
    """Writes a folder's JSON files and reads it: `save(config={...}, tokenizer_config={...})`."""

    def write(tokenizer=None, templates=(), **files) -> Text:
        (tokenizer or byte_level()).save(str(tmp_path / "tokenizer.json"))
        for name, content in files.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        for name, content in dict(templates).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        return Text.from_folder(tmp_path)

    return write


END = byte_level().token_to_id("<|im_end|>")


@pytest.mark.parametrize("said", [5, [5], None])
def test_stop_ids(save, said):
    files = {"config": {"eos_token_id": said}, "generation_config": {"eos_token_id": 7}}
    text = save(**files, tokenizer_config={"eos_token": {"content": "</s>", "lstrip": False}})
    assert text.stop_tokens == {END, 7, text.tokenizer.token_to_id("</s>"), *([5] if said else [])}


@pytest.mark.parametrize("said", [-1, 10**6, 4294967295, 2.0, True, "2", {"id": 2}])
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("name", ["config", "generation_config"])
def test_stop_ids_that_are_none_are_named_and_ignored(save, said, as_list, name):
    with pytest.warns(
        UserWarning, match=rf"^{name}.json: eos_token_id=.* is no id of the {len(Text(byte_level()))} tokens; it is ignored$"
    ):
        text = save(**{name: {"eos_token_id": [said] if as_list else said}})
    assert text.stop_tokens == {END}


def test_stop_ids_of_models_that_read_more_than_text(save):
    assert 6 in save(config={"text_config": {"eos_token_id": 6}}).stop_tokens


def test_ids_of_a_padded_vocabulary_count(save):
    assert 999 in save(config={"vocab_size": 1000, "eos_token_id": 999}).stop_tokens


def test_end_tokens_from_other_files(save):
    assert save(special_tokens_map={"eos_token": {"content": "</s>"}}).eos_token == "</s>"
    text = save(special_tokens_map={"eos_token": "</s>"}, tokenizer_config={"eos_token": "<|im_start|>"})
    assert text.eos_token == "<|im_start|>"
    text = save(tokenizer_config={"pad_token": "<|im_start|>", "unk_token": "<s>"})
    assert text.tokenizer.token_to_id("<|im_start|>") not in text.stop_tokens
    with pytest.warns(UserWarning, match="eos_token='<nowhere>' is no token of tokenizer.json"):
        save(tokenizer_config={"eos_token": "<nowhere>"})
    with pytest.warns(UserWarning, match=r"eos_token=\['</s>'\] is no token's name; it is ignored"):
        save(tokenizer_config={"eos_token": ["</s>"]})


def test_what_a_template_writes_after_an_answer_ends_one(save):
    start = byte_level().token_to_id("<|im_start|>")
    template = "{% for m in messages %}{{ m['content'] }}\n<|im_start|>{% endfor %}"
    assert save(tokenizer_config={"chat_template": template}).stop_tokens == {END, start}
    assert save(tokenizer_config={"chat_template": "{{ raise_exception('no') }}"}).stop_tokens == {END}
    assert save(tokenizer_config={"chat_template": "{{ messages[0]['content'] }}<|im_start|>"}).stop_tokens == {END}


def test_added_tokens_of_the_configuration(save):
    size = len(Text(byte_level()))
    entries = {
        str(size): {"content": "<new>", "special": True, "lstrip": False, "rstrip": True, "normalized": False, "single_word": False},
        str(ord("a") - 33): {"content": "a", "special": False, "single_word": True},
        str(END): {"content": "<|im_end|>", "special": False},
    }
    text = save(tokenizer_config={"added_tokens_decoder": entries})
    assert text.encode("<new>  b", parse_special=True) == [size, ord("b") - 33]
    assert text.decode([END]) == "<|im_end|>"
    assert text.control_tokens[size] == "<new>"
    with pytest.warns(UserWarning, match="gives '<s>' the id 3, tokenizer.json id 261; it is ignored"):
        save(tokenizer_config={"added_tokens_decoder": {"3": {"content": "<s>"}}})
    with pytest.raises(UserError, match="must map ids to tokens"):
        save(tokenizer_config={"added_tokens_decoder": {"x": "<s>"}})


def test_named_special_tokens_are_control_tokens(save):
    tokenizer = byte_level()
    word = tokenizer.token_to_id("hello")
    text = save(tokenizer, tokenizer_config={"additional_special_tokens": ["hello", "nothing like it"]})
    assert text.control_tokens[word] == "hello"


def test_start_tokens_that_files_disagree_about(save):
    config = {"bos_token": "<s>", "eos_token": "</s>"}
    assert save(sentence_piece(), tokenizer_config={**config, "add_bos_token": True, "add_eos_token": False}).encode("a")[0] == 1
    with pytest.warns(UserWarning, match="add_bos_token=False, but tokenizer.json adds it; it decides, as in transformers"):
        assert save(sentence_piece(), tokenizer_config={**config, "add_bos_token": False}).encode("a")[0] == 1
    with pytest.warns(UserWarning, match="add_eos_token=True, but tokenizer.json does not add it"):
        assert save(tokenizer_config={**config, "add_eos_token": True}).encode("a") == [64]


def test_a_space_that_files_disagree_about(save):
    save(tokenizer_config={"add_prefix_space": False})
    save(sentence_piece(), tokenizer_config={"add_prefix_space": True})
    with pytest.warns(UserWarning, match="add_prefix_space=False, but tokenizer.json adds one"):
        save(sentence_piece(), tokenizer_config={"add_prefix_space": False})


def test_templates_know_every_named_token(save, tmp_path):
    template = "{{ pad_token }}{{ image_token }}{% if documents is not none %}documents{% endif %}"
    text = save(tokenizer_config={"chat_template": template, "pad_token": {"content": "<s>"}, "image_token": "née"})
    text.save(tmp_path)
    for each in (text, Text.from_json(text.to_json()), Text.from_folder(tmp_path)):
        assert each.render(CHAT) == "<s>née"


def test_settings_of_the_training_are_switched_off(save):
    tokenizer = byte_level()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=8)
    assert len(save(tokenizer).encode("a long text")) == 10  # one of them "lo"


def test_spaces_between_tokens_are_kept(save):
    text = save(tokenizer_config={"clean_up_tokenization_spaces": True})  # as transformers does for such vocabularies
    assert text.decode(text.encode("f ( x , y ) . isn 't")) == "f ( x , y ) . isn 't"


CHAT = [{"role": "user", "content": "x"}]


def test_chat_templates_in_every_place(save, tmp_path):
    assert save(tokenizer_config={"chat_template": "config"}).render(CHAT) == "config"
    assert save(chat_template={"chat_template": "json"}).render(CHAT) == "json"
    text = save(templates={"chat_template.jinja": "jinja", "additional_chat_templates/tool_use.jinja": "tools"})
    assert (text.render(CHAT), text.render(CHAT, tools=[{}]), text.render(CHAT, tools=None)) == ("jinja", "tools", "jinja")
    text.save(tmp_path)
    for again in (Text.from_folder(tmp_path), Text.from_json(text.to_json())):
        assert again.render(CHAT, tools=[{}]) == "tools"


def test_named_chat_templates(save):
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "chat"}, {"name": "rag", "template": "rag"}]
    text = save(tokenizer_config={"chat_template": named})
    assert (text.render(CHAT), text.render(CHAT, tools=[{}])) == ("chat", "tools")
    assert save(tokenizer_config={"chat_template": named[2:]}).render(CHAT) == "rag"
    with pytest.warns(UserWarning, match="none of tool_use, rag is named 'default'"):
        assert save(tokenizer_config={"chat_template": [named[0], named[2]]}).chat_template is None
    with pytest.raises(UserError, match=r"the chat template 'default' is 5, not text"):
        save(tokenizer_config={"chat_template": 5})


def test_files_that_are_no_objects(save):
    for name in ("config", "generation_config", "tokenizer_config", "special_tokens_map", "chat_template"):
        with pytest.raises(UserError, match=rf"{name}\.json: holds a list where an object should be"):
            save(**{name: [1]})
        save(**{name: {}})


def test_post_processors_of_two_tokens(save):
    tokenizer = byte_level()
    ids = [(name, tokenizer.token_to_id(name)) for name in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A $B </s>", special_tokens=ids)
    config = {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True, "add_eos_token": True}
    assert save(tokenizer, tokenizer_config=config).encode("a") == [ids[0][1], 64, ids[1][1]]


def broken(**changes) -> str:
    """The text of a small tokenizer with other settings of its model."""
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]], **changes}
    control = {"id": 3, "content": "<s>", "special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return json.dumps({"version": "1.0", "added_tokens": [control], "model": model})


CONTRADICTIONS = {
    "two tokens with one id": broken(vocab={"a": 0, "b": 0, "ab": 1}),
    "a token twice": broken().replace('"b": 1', '"ab": 1'),
    "no token for the rest": broken(type="Unigram", vocab=[["b", 0.0]], unk_id=None),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_tokenizers_that_contradict_themselves(tmp_path, name):
    (tmp_path / "tokenizer.json").write_text(CONTRADICTIONS[name])
    with pytest.raises(UserError, match="download the tokenizer again"):
        Text.from_folder(tmp_path).encode("ab <s>")


def test_text_that_utf_8_cannot_hold(save):
    text = save(tokenizer_config={"chat_template": "{{ '\\ud800' }}"})
    with pytest.raises(UserError, match=r"the tokenizer cannot read '\\ud800'"):
        text.chat("a")
