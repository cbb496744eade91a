"""Tokenizers in GGUF files: what the metadata says is honoured, refused by name, or warned about; else llama.cpp's defaults hold."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from tokenizers import pre_tokenizers

from foretell.errors import UserError
from foretell.models.load import read_text
from foretell.models.text import Text
from foretell.models.weights.gguf_pre_tokenizers import PRE_TOKENIZERS
from foretell.models.weights.gguf_reader import GGUFFile
from foretell.models.weights.gguf_tokenizer import read_tokenizer
from tests.models.files import save_gguf

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
NAMES = [*ALPHABET, "ab", "bc", "abc", "<s>", "</s>", "<|im_end|>", "<|eot|>"]
BYTE_LEVEL = {
    "model": "gpt2", "pre": "gpt-2", "tokens": NAMES, "merges": ["b c", "a b"], "token_type": [1] * 259 + [3] * 4,
    "bos_token_id": 259, "eos_token_id": 260,
}  # fmt: skip
PIECES = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "b", "▁a", "ab", "▁ab"]
SENTENCE_PIECE = {
    "model": "llama", "tokens": PIECES, "token_type": [2, 3, 3, *[6] * 256, *[1] * 6],
    "scores": [0.0] * 259 + [-4.0, -5.0, -6.0, -2.0, -1.0, -3.0],
}  # fmt: skip


def read(values: dict, template: str | None = None, **changes) -> Text:
    """The text of a file with these keys, changed; None leaves a key out."""
    metadata = {f"tokenizer.ggml.{key}": value for key, value in {**values, **changes}.items() if value is not None}
    return read_tokenizer(GGUFFile(Path("m.gguf"), metadata | ({"tokenizer.chat_template": template} if template else {}), {}))


def names(text: Text, sample: str) -> list[str]:
    return [text.vocabulary[token] for token in text.encode(sample)]


@pytest.mark.parametrize(
    ("pre", "expected"),
    [
        *((pre, ["<s>", "abc"]) for pre in ("tekken", "llama-bpe", "llama3", "falcon3", "pixtral")),
        *((pre, ["a", "bc"]) for pre in ("dbrx", "smaug-bpe", "gpt-2", "qwen2", "smollm", "default", "falcon", "gpt-4o", "chatglm-bpe")),
        ("minicpm5", ["abc"]),
    ],
)
def test_whole_words_and_start_tokens_by_pre_tokenizer(pre, expected):
    text = read(BYTE_LEVEL, pre=pre)
    assert names(text, "abc") == expected
    assert names(read(BYTE_LEVEL, pre=pre, add_bos_token=False), "abc")[0] != "<s>"
    assert names(read(BYTE_LEVEL, pre=pre, add_bos_token=True, add_eos_token=True), "b") == ["<s>", "b", "</s>"]


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
def test_every_pre_tokenizer_loses_nothing(pre):
    text = read(BYTE_LEVEL, pre=pre)
    for sample in ("abc 12345 it's I'LL\r\n\n  x!?", "né 北京 한국 $5+`3` ~|^", "  \t a/b\n"):
        assert text.decode(text.encode(sample)) == sample


@pytest.mark.parametrize(
    ("pre", "pieces"),
    [
        ("gpt-2", ["12345", " ab", "!!"]),
        ("smollm", ["1", "2", "3", "4", "5", " ab", "!!"]),
        ("llama-bpe", ["123", "45", " ab", "!!"]),
        ("qwen2", ["1", "2", "3", "4", "5", " ab", "!!"]),
        ("default", ["123", "45", " ab", "!!"]),
        ("falcon", ["123", "45", " ab", "!!"]),
        ("deepseek-v3", ["123", "45", " ab", "!!"]),
    ],
)
def test_how_text_is_cut(pre, pieces):
    sample = "12345 ab!!"
    spans = read(BYTE_LEVEL, pre=pre).tokenizer.pre_tokenizer.pre_tokenize_str(sample)
    assert [sample[start:end] for _, (start, end) in spans] == pieces


@pytest.mark.parametrize(("pre", "said"), [(None, "pre is missing"), ("odd", "pre='odd' is not known here")])
def test_an_unknown_pre_tokenizer_is_said_with_what_is_assumed(pre, said):
    with pytest.warns(UserWarning, match=f"{said}: text is cut as 'default' says"):
        read(BYTE_LEVEL, pre=pre)


@pytest.mark.parametrize("key", ["eos", "bos", "eot", "eom", "fim_pad"])
@pytest.mark.parametrize("token", [4294967295, -1, 263, "2", 1.5, True])
def test_ids_that_are_no_tokens_are_ignored_and_named(key, token):
    with pytest.warns(UserWarning, match=f"tokenizer.ggml.{key}_token_id={token!r} is no id of the 263 tokens; it is ignored"):
        text = read(BYTE_LEVEL, **{f"{key}_token_id": token})
    assert text.stop_tokens == {260, 261}


def test_sentence_piece_defaults():
    text = read(SENTENCE_PIECE)
    assert (text.stop_tokens, text.bos_token, text.eos_token) == ({2}, "<s>", "</s>")
    assert names(text, "ab a") == ["<s>", "▁ab", "▁a"]
    assert names(read(SENTENCE_PIECE, add_space_prefix=False), "ab") == ["<s>", "ab"]
    renamed = {**SENTENCE_PIECE, "tokens": ["<unk>", "<s>", "stop", *PIECES[3:]]}
    assert read(renamed).stop_tokens == {2}
    with pytest.warns(UserWarning, match="eos_token_id=4294967295"):
        assert read(renamed, eos_token_id=4294967295).stop_tokens == {2}
    ordinary = {**renamed, "token_type": [2, 3, 1, *[6] * 256, *[1] * 6]}  # a word there is not what ends a text
    assert read(ordinary).stop_tokens == frozenset()
    assert read(SENTENCE_PIECE, eos_token_id=264).stop_tokens == {2, 264}  # by its key, and by its text


def test_ends_of_an_answer():
    text = read(BYTE_LEVEL, eos_token_id=None, eot_token_id=262)
    assert text.stop_tokens == {260, 261, 262}  # </s> and <|im_end|> by their texts
    assert text.eos_token == ""
    harmony = {**BYTE_LEVEL, "tokens": [*NAMES[:-4], "<|return|>", "<|call|>", "<|end|>", "[PAD]"]}
    assert read(harmony, bos_token_id=None, eos_token_id=259, padding_token_id=262).stop_tokens == {259, 260}
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}<|eot|>{% endfor %}"
    assert read(BYTE_LEVEL, template).stop_tokens == {260, 261, 262}


def test_types_of_tokens():
    kinds = [1] * 259 + [3, 3, 4, 5]
    text = read(BYTE_LEVEL, tokens=[*NAMES[:-2], "<tool>", "<unused1>"], token_type=kinds)
    assert text.decode([97 - 33, 261, 262, 260]) == "a" + "<tool>"
    assert text.encode("<tool>") == [261]
    assert 262 not in text.encode("<unused1>")
    assert set(text.control_tokens.values()) == {"<s>", "</s>", "<unused1>"}
    with pytest.warns(UserWarning, match="token_type is missing"):
        text = read(BYTE_LEVEL, token_type=None)
    assert set(text.control_tokens.values()) == {"<s>", "</s>", "<|im_end|>", "<|eot|>"}


def test_what_is_damaged_is_refused():
    for changes, match in (
        ({"tokens": None}, "tokens has 0 tokens"),
        ({"tokens": [*NAMES[:-1], "ab"]}, "'ab' twice, as 256 and 262"),
        ({"token_type": [1] * 5}, "263 tokens with 5 token types"),
        ({"model": "bert"}, "'bert' is not one of gpt2, llama"),
    ):
        with pytest.raises(UserError, match=match):
            read(BYTE_LEVEL, **changes)
    for scores in ([0.0] * 5, [float("nan")] * len(PIECES), ["x"] * len(PIECES)):
        with pytest.raises(UserError, match="scores has"):
            read(SENTENCE_PIECE, scores=scores)


def test_what_is_odd_is_said():
    with pytest.warns(UserWarning, match=r"merges: 2 name no tokens, such as \('x', 'y'\)"):
        assert names(read(BYTE_LEVEL, merges=["x y", "b c", "nonsense"]), "abc") == ["a", "bc"]
    with pytest.warns(UserWarning, match="merges is missing: text is cut into single bytes"):
        assert names(read(BYTE_LEVEL, merges=None), "abc") == ["a", "b", "c"]
    with pytest.warns(UserWarning, match="139 common bytes are missing"):
        text = read(BYTE_LEVEL, tokens=["a", "b", "<s>"], merges=[], token_type=[1, 1, 3], bos_token_id=2, eos_token_id=None)
    assert text.encode("axé") == [0]
    with pytest.warns(UserWarning, match="scores is missing"):
        assert names(read(SENTENCE_PIECE, scores=None), "a")[0] == "<s>"
    with pytest.warns(UserWarning, match="1 of 256 bytes are missing; rare characters become <unk>"):
        text = read(SENTENCE_PIECE, tokens=[*PIECES[:-1][:258], "x", *PIECES[259:]], token_type=SENTENCE_PIECE["token_type"])
    with pytest.warns(UserWarning, match="add_bos_token is true, but there is no bos token"):
        read(BYTE_LEVEL, bos_token_id=None, add_bos_token=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(BYTE_LEVEL, tokens=[*NAMES[:-1], ""], token_type=[1] * 259 + [3, 3, 3, 1]).vocabulary[262] == "[EMPTY_262]"


def test_warnings_are_given_at_every_load(tmp_path, cache):
    save_gguf(tmp_path / "m.gguf", "llama-plain")  # a vocabulary of few bytes
    texts = []
    for _ in range(2):
        with pytest.warns(UserWarning, match="common bytes are missing"):
            texts.append(read_text(tmp_path / "m.gguf"))
    assert texts[0].to_json() == texts[1].to_json()


def test_templates_for_tools_and_marks_of_phi():
    metadata = {f"tokenizer.ggml.{key}": value for key, value in SENTENCE_PIECE.items()}
    metadata |= {"tokenizer.chat_template": "chat", "tokenizer.chat_template.tool_use": "tools", "general.name": "Phi-3 mini"}
    text = read_tokenizer(GGUFFile(Path("m.gguf"), metadata, {}))
    assert text.render([{"role": "user", "content": "x"}]) == "chat"
    assert text.render([{"role": "user", "content": "x"}], tools=[{}]) == "tools"
    assert text.decode(text.encode("</s> a", parse_special=True)) == "a"
    assert text.encode("</s>   a", parse_special=True) == text.encode("</s>a", parse_special=True)
