"""The tokenizer inside a GGUF file, rebuilt for the `tokenizers` package.

Byte-level BPE (`gpt2`) cuts text before merging by a rule that the file names in `tokenizer.ggml.pre`; sentence-piece BPE
(`llama`) stores scores, from which the merges follow.
"""

from __future__ import annotations

import warnings
from typing import Any

from foretell.errors import UserError
from foretell.models.text import Text, stop_tokens
from foretell.models.weights.checkpoint import DamagedFileError
from foretell.models.weights.gguf_reader import GGUFFile

_CONTROL, _USER_DEFINED = 3, 4
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: `tokenizer.ggml.pre` to the patterns applied one after the other.
_DIGITS = r"\p{N}"
PRE_TOKENIZERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("gpt-2", "default"), (_GPT2,)),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"), (_DIGITS, _GPT2)),
    **dict.fromkeys(("llama3", "llama-v3", "llama-bpe", "dbrx", "smaug-bpe", "falcon3"), (_WORDS % "{1,3}",)),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "megrez", "stablelm2"), (_WORDS % "",)),
    "tekken": (_TEKKEN,),
}


def read_tokenizer(file: GGUFFile) -> Text:
    """The `Text` of a GGUF file."""
    path, values = file.path, file.metadata
    kind = values.get("tokenizer.ggml.model")
    builders = {"gpt2": _byte_level, "llama": _sentence_piece}
    if kind not in builders:
        raise UserError(f"{path}: tokenizer.ggml.model={kind!r} is not one of {', '.join(builders)}; load the safetensors folder")
    names = values.get("tokenizer.ggml.tokens", [])
    kinds = values.get("tokenizer.ggml.token_type") or [1] * len(names)
    if not names or len(kinds) != len(names):
        raise DamagedFileError(path, f"{len(names)} tokens with {len(kinds)} token types")
    tokenizer = builders[kind](values, names)
    _add_specials(tokenizer, names, kinds)

    def token(key: str) -> str:
        number = values.get(f"tokenizer.ggml.{key}_token_id")
        return names[int(number)] if number is not None and int(number) < len(names) else ""

    _add_template(tokenizer, token("bos") if values.get("tokenizer.ggml.add_bos_token", kind == "llama") else "")
    template = values.get("tokenizer.chat_template")
    ends = [values[f"tokenizer.ggml.{key}_token_id"] for key in ("eos", "eot") if f"tokenizer.ggml.{key}_token_id" in values]
    return Text(tokenizer, stop_tokens(tokenizer, ends, token("eos")), template, token("bos"), token("eos"))


def _byte_level(values: dict[str, Any], names: list[str]) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    pre = values.get("tokenizer.ggml.pre", "default")
    if pre not in PRE_TOKENIZERS:
        warnings.warn(
            f"tokenizer.ggml.pre={pre!r} is not known here, so text may be cut into other tokens than in training; "
            f"known: {', '.join(sorted(PRE_TOKENIZERS))}",
            stacklevel=5,
        )
    patterns = PRE_TOKENIZERS.get(pre, (_GPT2,))
    merges = [tuple(merge.split(" ", 1)) for merge in values.get("tokenizer.ggml.merges", [])]
    vocabulary = {name: i for i, name in enumerate(names)}
    # Llama 3 takes a word that is a token as it is, even where the merges lead elsewhere.
    whole_words = patterns == PRE_TOKENIZERS["llama-bpe"]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, fuse_unk=False, byte_fallback=False, ignore_merges=whole_words))
    if patterns == PRE_TOKENIZERS["qwen2"]:
        tokenizer.normalizer = normalizers.NFC()
    splits = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in patterns]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _sentence_piece(values: dict[str, Any], names: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers

    scores = values.get("tokenizer.ggml.scores") or [-i for i in range(len(names))]
    vocabulary = {name: i for i, name in enumerate(names)}
    ranked = []
    for name, score in zip(names, scores, strict=False):
        for cut in range(1, len(name)):
            left, right = name[:cut], name[cut:]
            if left in vocabulary and right in vocabulary:
                ranked.append((-score, vocabulary[left], vocabulary[right], left, right))
    ranked.sort()
    unknown = names[int(values.get("tokenizer.ggml.unknown_token_id", 0))]
    merges = [(left, right) for *_, left, right in ranked]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True))
    prefix = bool(values.get("tokenizer.ggml.add_space_prefix", True))
    marks = [normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), *marks] if prefix else marks)
    strip = [decoders.Strip(content=" ", left=1)] if prefix else []
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    return tokenizer


def _add_specials(tokenizer: Any, names: list[str], kinds: list[int]) -> None:
    from tokenizers import AddedToken

    pairs = list(zip(names, kinds, strict=True))
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name, kind in pairs if kind == _CONTROL])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name, kind in pairs if kind == _USER_DEFINED])


def _add_template(tokenizer: Any, bos: str) -> None:
    if bos:
        from tokenizers import processors

        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
