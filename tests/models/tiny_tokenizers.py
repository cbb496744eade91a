"""Tiny tokenizers of every kind, made on the spot."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WORDS = ("hello", "world", ",", ".", "i")


def byte_level() -> Tokenizer:
    """Bytes and some words, with three control tokens and one added word."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("l", "o"), ("l", "lo"), ("e", "llo"), ("h", "ello"), ("Ġ", "hello")]
    names = [*alphabet, *("".join(merge) for merge in merges)]
    tokenizer = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _with_added(tokenizer)


def sentence_piece() -> Tokenizer:
    """As Llama 2's: a space before the text, and bytes for what is not in the vocabulary."""
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"abcdefghijklmnopqrstuvwxyz", "▁h", "▁w", "he"]
    merges = [("▁", "h"), ("▁", "w"), ("h", "e")]
    tokenizer = Tokenizer(models.BPE({n: i for i, n in enumerate(names)}, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)]
    tokenizer.decoder = decoders.Sequence(parts)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return _with_added(tokenizer)


def metaspace(scheme: str = "first") -> Tokenizer:
    """As Llama's newer files: a space before the first word."""
    tokenizer = sentence_piece()
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme=scheme)])
    return tokenizer


def word_piece() -> Tokenizer:
    """As BERT's: words, and pieces that continue them."""
    names = ["[UNK]", *WORDS, *(f"##{letter}" for letter in "abcde"), *"abcde"]
    tokenizer = Tokenizer(models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return _with_added(tokenizer)


def word_ends() -> Tokenizer:
    """As the first GPT's: the last piece of a word says so."""
    names = [*"abcd", *(f"{letter}</w>" for letter in "abcd"), "ab</w>"]
    tokenizer = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, [("a", "b</w>")], end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder()
    return _with_added(tokenizer)


def words() -> Tokenizer:
    """Words without a decoder."""
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(["[UNK]", *WORDS])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return _with_added(tokenizer)


ALL: dict[str, Any] = {
    "byte-level": byte_level, "sentence-piece": sentence_piece, "metaspace": metaspace, "word-piece": word_piece,
    "word-ends": word_ends, "words": words,
}  # fmt: skip


def _with_added(tokenizer: Tokenizer) -> Tokenizer:
    names = ("<s>", "</s>", "<|im_start|>", "<|im_end|>")
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    tokenizer.add_tokens([AddedToken("née", special=False, normalized=False)])
    return tokenizer
