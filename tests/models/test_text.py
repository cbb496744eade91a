"""Text comes back from tokens, also piece by piece, and chat templates are rendered as transformers renders them."""

from __future__ import annotations

import json
import random

import pytest

from foretell.errors import UserError
from foretell.models.text import Text, first_difference
from foretell.models.weights.gguf_reader import open_gguf
from foretell.models.weights.gguf_tokenizer import read_tokenizer
from tests.models.files import save_gguf, save_tokenizer

SAMPLES = ["Hello world", "naïve café — 北京 😀🎉👩‍👩‍👧", "  two  spaces\n\ttab\r\n", "", "\ufffd already broken \ufffd\ufffd", "1234 5"]


def from_gguf(path) -> Text:
    return read_tokenizer(open_gguf(path))


@pytest.fixture
def text(tmp_path) -> Text:
    save_tokenizer(tmp_path)
    return Text.from_folder(tmp_path)


@pytest.mark.parametrize("sample", SAMPLES)
def test_pieces_join_to_the_text_and_never_split_a_character(text, sample):
    ids = text.encode(sample)
    assert text.decode(ids) == sample
    stream = text.stream()
    pieces = [stream.push(i) for i in ids] + [stream.finish()]
    assert "".join(pieces) == sample
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in sample


def test_streams_of_random_bytes_equal_the_whole(text):
    source = random.Random(0)
    for _ in range(200):
        ids = [source.randrange(len(text)) for _ in range(source.randrange(120))]
        stream, pieces = text.stream(), []
        while len(pieces) * 3 < len(ids):
            pieces.append(stream.push(*ids[len(pieces) * 3 : len(pieces) * 3 + 3]))
        assert "".join(pieces) + stream.finish() == text.decode(ids)


def test_a_stream_continues_its_context(text):
    ids = text.encode("caf") + text.encode("é!")
    stream = text.stream(ids[:4])  # the context ends inside the é
    assert stream.push(ids[4]) == "é"
    assert stream.push(ids[5]) == "!"


def test_chat_is_rendered_as_transformers_does(tmp_path, text):
    from transformers import PreTrainedTokenizerFast

    theirs = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    talk = [{"role": "system", "content": "Be <b>brief</b>."}, {"role": "user", "content": "Hé?"}]
    for answer in (True, False):
        expected = theirs.apply_chat_template(talk, add_generation_prompt=answer, tokenize=False)
        assert text.render(talk, answer) == expected
        assert text.chat(talk, answer) == theirs(expected, add_special_tokens=False)["input_ids"]
    assert text.decode(text.chat("Hi"), special=True) == "<s><|user|>Hi<|assistant|>"


def test_without_a_template_the_text_is_fed_as_it_is_and_says_so(tmp_path):
    save_tokenizer(tmp_path, chat_template=None)
    text = Text.from_folder(tmp_path)
    with pytest.warns(UserWarning, match="no chat template"):
        assert text.chat("Hi") == text.encode("Hi")
    with pytest.raises(ValueError, match="no chat template"):
        text.render([])


@pytest.mark.parametrize(("template", "problem"), [("{% if %}", "not valid Jinja"), ("{{ raise_exception('no system') }}", "no system")])
def test_template_problems_are_explained(text, template, problem):
    text.chat_template = template
    with pytest.raises(ValueError, match=problem):
        text.chat("Hi")


@pytest.mark.parametrize("made", ["'a' * 10**9", "10**9 * 'a'", "[0] * 10**9", "9**(9**9)", "(messages|list) * 10**9"])
def test_templates_cannot_fill_the_memory_by_a_product(text, made):
    text.chat_template = f"{{{{ {made} }}}}"
    with pytest.raises(UserError, match="which is too large"):
        text.chat("Hi")


def test_templates_multiply(text):
    text.chat_template = "{{ 'ab' * 2 }}{{ 2 * 3 }}{{ 2 ** 3 }}{{ 2 ** -1 }}{{ 1.5 * 2 }}{{ '%d' % 5 }}"
    assert text.render([{"role": "user", "content": "a"}]) == "abab680.53.05"


def test_template_helpers(text):
    text.chat_template = (
        "{% generation %}{{ messages|tojson }}{% endgeneration %}{{ strftime_now('%Y')|length }}{% for i in [1,2] %}{% break %}{% endfor %}"
    )
    assert text.render([{"role": "user", "content": "<é>"}]) == '[{"role": "user", "content": "<é>"}]4'
    with pytest.raises(ValueError, match="'role' and 'content'"):
        text.chat([{"content": "x"}])


def test_stop_tokens_are_gathered_from_everywhere(text):
    # generation config: 7 and 257; eos of the tokenizer: 257; an end of turn in the vocabulary: 258
    assert text.stop_tokens == {7, 257, 258}


def test_json_round_trip(text):
    again = Text.from_json(json.loads(json.dumps(text.to_json())))
    assert again.stop_tokens == text.stop_tokens
    assert again.vocabulary == text.vocabulary
    assert again.chat("Hé") == text.chat("Hé")


def test_first_difference(tmp_path, text):
    assert first_difference(text, Text.from_json(text.to_json())) is None
    other = Text.from_json(text.to_json())
    other.tokenizer.add_tokens(["extra"])
    assert first_difference(text, other) == "token 259 ('extra') is in the second vocabulary only"
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    assert "token 45 is" in first_difference(from_gguf(tmp_path / "m.gguf"), text)


def test_a_gguf_holds_its_tokenizer(tmp_path):
    save_gguf(tmp_path / "m.gguf", "llama-plain")
    text = from_gguf(tmp_path / "m.gguf")
    assert len(text) == 50
    assert text.stop_tokens == {47, 48}
    assert text.bos_token == "<s>"
    assert text.encode("!!<x></s>", parse_special=True) == [0, 0, 49, 47]
    assert text.decode([0, 49, 47]) == "!<x>"
    assert text.decode([0, 47], special=True) == "!</s>"
    assert text.decode(text.chat("1"), special=True).startswith("<s>")


def test_an_unknown_way_of_cutting_text_is_said(tmp_path):
    save_gguf(tmp_path / "m.gguf", "llama-plain", tokenizer=False, tokenizer__ggml__model="gpt2", tokenizer__ggml__pre="odd")
    with pytest.raises(ValueError, match=r"tokens has 0 tokens.*nothing says what ids mean"):
        from_gguf(tmp_path / "m.gguf")
    save_gguf(tmp_path / "n.gguf", "llama-plain", tokenizer=False, tokenizer__ggml__model="bert")
    with pytest.raises(ValueError, match="'bert' is not one of gpt2, llama"):
        from_gguf(tmp_path / "n.gguf")


def test_broken_tokenizer_files_are_named(tmp_path):
    save_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(ValueError, match=r"tokenizer\.json: not a readable tokenizer.*download"):
        Text.from_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="no tokenizer"):
        Text.from_folder(tmp_path / "nowhere")


def test_sentence_piece_vocabularies(tmp_path):
    import gguf

    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tokenizer_model("llama")
    names = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "▁", "a", "b", "▁a", "ab", "▁ab"]
    writer.add_token_list(names)
    writer.add_token_types([2, 3, 3, *([6] * 256), *([1] * 6)])
    writer.add_token_scores([0.0] * 259 + [-4.0, -5.0, -6.0, -2.0, -1.0, -3.0])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    text = from_gguf(tmp_path / "m.gguf")
    name = text.vocabulary
    assert [name[i] for i in text.encode("ab a")] == ["<s>", "▁ab", "▁a"]
    assert text.decode(text.encode("ab é a")) == "ab é a"
    for sample in ("ab é a", "北京", "😀 é😀", "北京éa😀" * 12):  # characters of two to four byte tokens
        stream, ids = text.stream(), text.encode(sample, special=False)
        pieces = [stream.push(i) for i in ids] + [stream.finish()]
        assert "".join(pieces) == sample
        assert not any("\ufffd" in piece for piece in pieces)
    assert text.stop_tokens == {2}
