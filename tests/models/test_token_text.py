"""One path from tokens to text: whole texts, streams and the vocabulary's bytes agree, for every kind of tokenizer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders

from foretell.errors import UserError
from foretell.models.text import Text
from tests.models.tiny_tokenizers import ALL, byte_level, metaspace, sentence_piece

TEXTS = {name: Text(make()) for name, make in ALL.items()}
IDS = st.lists(st.integers(0, 290), max_size=30)


@pytest.mark.parametrize("kind", ALL)
@given(ids=IDS, context=IDS, cuts=st.lists(st.integers(0, 30), max_size=4))
@settings(max_examples=40, deadline=None)
def test_whole_stream_and_bytes_agree(kind, ids, context, cuts):
    text = TEXTS[kind]
    for special in (False, True):
        stream, pieces, places = text.stream(context, special), [], sorted({0, len(ids), *(min(cut, len(ids)) for cut in cuts)})
        for start, end in itertools.pairwise(places):
            pieces.append(stream.push(*ids[start:end]))
        assert "".join(pieces) + stream.finish() == text.decode(ids, special, context)
    known = [token for token in ids if token < len(text)]
    data = b"".join(text.token_bytes[token] or b"" for token in known)
    assert text.decode(ids, context=[len(text)]) == data.decode("utf-8", "replace")
    assert data.decode("utf-8", "replace").strip(" ") == text.decode(ids).strip(" ")


@pytest.mark.parametrize(
    ("kind", "samples"),
    [
        ("byte-level", ["hello world", " hello", "  née 𝄞 ", ""]),
        ("sentence-piece", ["hello world", " hello", "  two 𝄞 é\n", ""]),
        ("metaspace", ["hello world", "hello", "two 𝄞 é\n", ""]),
        ("word-piece", ["hello, world. hello", "abc hello", "i"]),
        ("word-ends", ["ab cd", "a"]),
        ("words", ["hello world i"]),
    ],
)
def test_texts_come_back_as_the_tokenizers_package_shows_them(kind, samples):
    text = TEXTS[kind]
    for sample in samples:
        ids = text.encode(sample)
        if "née" not in sample:  # which the package shows as broken bytes
            assert text.decode(ids) == text.tokenizer.decode(ids)
        if kind != "word-piece":
            assert text.decode(ids) == sample


@pytest.mark.parametrize("kind", ["sentence-piece", "metaspace", "word-piece"])
def test_a_continuation_keeps_its_space(kind):
    text = TEXTS[kind]
    ids = text.encode("hello world", special=False)
    half = next(num for num in range(1, len(ids)) if text.decode(ids[:num]) == "hello")
    assert text.decode(ids[half:], context=ids[:half]) == " world"
    assert text.decode(ids[half:]) == "world"


def test_bytes_that_are_no_character_are_one_mark():
    for text in (TEXTS["sentence-piece"], TEXTS["byte-level"]):
        ids = text.encode("x 𝄞", special=False)
        for cut in (1, 2, 3):
            stream = text.stream()
            assert text.decode(ids[:-cut]) == "x \ufffd" == stream.push(*ids[:-cut]) + stream.finish()
        assert text.decode([ids[-1], *ids]) == text.decode([ids[-1]]) + text.decode(ids, context=[0])


def test_a_context_may_end_within_a_character():
    text = TEXTS["sentence-piece"]
    ids = text.encode("a é")
    assert text.decode(ids[-1:], context=ids[:-1]) == "é"


def test_added_words_are_text_and_ids_beyond_the_vocabulary_are_none():
    text = TEXTS["byte-level"]
    assert text.decode(text.encode("a née<|im_end|>", parse_special=True)) == "a née"
    assert text.decode([0, len(text), 10**6, -1]) == "!"
    assert text.token_text(text.tokenizer.token_to_id("<|im_end|>")) == "<|im_end|>"


def test_odd_tokens():
    tokenizer = sentence_piece()
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])  # without bytes, <0x41> is its name
    text = Text(tokenizer)
    assert text.token_bytes[3 + 0x41] == b"<0x41>"
    assert Text(metaspace("never")).decode(text.encode(" h")[1:]) == "  h"
    tokenizer = byte_level()
    tokenizer.decoder = decoders.CTC()
    with pytest.raises(UserError, match="CTC, which is for speech"):
        Text(tokenizer).decode([0])
