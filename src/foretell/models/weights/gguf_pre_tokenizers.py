"""How byte-level vocabularies in GGUF files cut text into words before merging, by the name in `tokenizer.ggml.pre`.

The names and what goes with each are those of llama.cpp; the patterns are those of the models' own tokenizer.json.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_WORDS = rf"{_ENDING}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}%s| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CASED = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+%s|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*%s|\p{{N}}%s"
    rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
)
_MARKS = rf"{_ENDING}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
_PUNCTUATED = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
    rf"|{_SPACES}"
)
_SIGNS = r"[\p{P}\$\+<=>\^~\|%s]+"
_SENTENCES = r" ?[^(\s|.,!?…。，、।۔،)]+"


@dataclass(frozen=True)
class PreTokenizer:
    """patterns: regular expressions, applied one after the other. whole_words: whether a word that is a token is taken as it is, even
    where the merges lead elsewhere. adds_start: whether a text gets a start token where the file does not say. composes: whether text is
    brought to Unicode's composed form before."""

    patterns: tuple[str, ...]
    whole_words: bool = False
    adds_start: bool = False
    composes: bool = False


_DEFAULT = PreTokenizer((_SIGNS % "", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]"))
_LLAMA3 = PreTokenizer((_WORDS % "{1,3}",), whole_words=True, adds_start=True)
_BY_KIND: dict[PreTokenizer, str] = {
    _DEFAULT: "default",
    PreTokenizer((_GPT2,)): (
        "gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert exaone4 "
        "mpt olmo jais trillion granite-docling"
    ),
    PreTokenizer((r"\p{N}", _GPT2)): "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2",
    _LLAMA3: "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
    replace(_LLAMA3, whole_words=False, adds_start=False): "dbrx smaug-bpe glm4 chatglm-bpe",
    PreTokenizer((_WORDS % "",), composes=True): "qwen2 deepseek-r1-qwen megrez stablelm2 kormo f2llmv2",
    PreTokenizer((_WORDS % "",)): "hunyuan solar-open grok-2",
    PreTokenizer((_MARKS,), composes=True): "qwen35",
    PreTokenizer((_CASED % ("", "", ""),), whole_words=True, adds_start=True): "tekken",
    PreTokenizer((_CASED % (f"{_ENDING}?", f"{_ENDING}?", "{1,3}"),)): "gpt-4o llama4 kanana2 talkie minimax-m2",
    PreTokenizer((_SIGNS % "`", _GPT2, "[0-9][0-9][0-9]")): "falcon",
    PreTokenizer((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}")): "deepseek-coder",
    PreTokenizer((r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", _PUNCTUATED)): "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
    PreTokenizer((rf"'(?i:[sdmt]|ll|ve|re)|{_LETTERS}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",)): (
        "bailingmoe bailingmoe2 llada-moe"
    ),
    PreTokenizer((rf"{_ENDING}|{_LETTERS}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{_SPACES}",)): "seed-coder",
    PreTokenizer((rf"{_LETTERS}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}",)): "ufakzeka",
    PreTokenizer((r"[^\n]+|[\n]+", _WORDS % "")): "laguna",
    PreTokenizer((_SENTENCES,)): "poro-chat bloom gpt3-finnish",
    PreTokenizer((_SENTENCES, r"\p{N}")): "viking",
    PreTokenizer((r"\p{N}{1,3}", _WORDS % "+"), whole_words=True): "minicpm5",
}
#: By the name in `tokenizer.ggml.pre`.
PRE_TOKENIZERS = {name: kind for kind, names in _BY_KIND.items() for name in names.split()}
