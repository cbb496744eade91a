"""The tokenizer inside a GGUF file, rebuilt for the `tokenizers` package.

Byte-level BPE (`gpt2`) cuts text before merging by a rule that the file names in `tokenizer.ggml.pre`; sentence-piece BPE
(`llama`) stores scores, from which the merges follow. Where a file says nothing, llama.cpp's defaults hold.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from foretell.errors import UserError
from foretell.models.text import Text
from foretell.models.weights.checkpoint import DamagedFileError
from foretell.models.weights.gguf_pre_tokenizers import PRE_TOKENIZERS, PreTokenizer
from foretell.models.weights.gguf_reader import GGUFFile
from foretell.models.weights.gguf_specials import NORMAL, USER_DEFINED, Specials, read_kinds

_MODELS = ("gpt2", "llama")


def read_tokenizer(file: GGUFFile) -> Text:
    """The `Text` of a GGUF file. UserError for a kind of tokenizer that is not known here; a warning names whatever in it is ignored."""
    path, values = file.path, file.metadata
    model = values.get("tokenizer.ggml.model")
    if model not in _MODELS:
        raise UserError(f"{path}: tokenizer.ggml.model={model!r} is not one of {', '.join(_MODELS)}; load the safetensors folder")
    names = _names(file)
    kinds = read_kinds(file, names)
    specials = Specials.read(values, names, kinds, is_sentence_piece=model == "llama")
    if model == "llama":
        tokenizer, adds_start = _sentence_piece(file, names, kinds, specials), True
    else:
        pre = _pre_tokenizer(values)
        tokenizer, adds_start = _byte_level(file, names, pre), pre.adds_start
    _add_tokens(tokenizer, names, specials.kinds, values.get("general.name"))
    _add_ends(tokenizer, values, specials, adds_start)
    return specials.text(tokenizer, values)


def _names(file: GGUFFile) -> list[str]:
    """The tokens by id. DamagedFileError where there are none, or one is there twice."""
    names = file.metadata.get("tokenizer.ggml.tokens")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        num = len(names) if isinstance(names, list) else 0
        raise DamagedFileError(file.path, f"tokenizer.ggml.tokens has {num} tokens that are texts, so nothing says what ids mean")
    names = [name or f"[EMPTY_{token}]" for token, name in enumerate(names)]
    first: dict[str, int] = {}
    for token, name in enumerate(names):
        if first.setdefault(name, token) != token:
            raise DamagedFileError(file.path, f"tokenizer.ggml.tokens has {name!r} twice, as {first[name]} and {token}")
    return names


def _pre_tokenizer(values: dict[str, Any]) -> PreTokenizer:
    pre = values.get("tokenizer.ggml.pre")
    if isinstance(pre, str) and pre in PRE_TOKENIZERS:
        return PRE_TOKENIZERS[pre]
    said = "tokenizer.ggml.pre is missing" if pre is None else f"tokenizer.ggml.pre={pre!r} is not known here"
    warnings.warn(
        f"{said}: text is cut as 'default' says, which may be other tokens than in training; known: {', '.join(sorted(PRE_TOKENIZERS))}",
        stacklevel=5,
    )
    return PRE_TOKENIZERS["default"]


def _byte_level(file: GGUFFile, names: list[str], pre: PreTokenizer) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    given = file.metadata.get("tokenizer.ggml.merges")
    if given is not None and not isinstance(given, list):
        raise DamagedFileError(file.path, f"tokenizer.ggml.merges is a {type(given).__name__}, not a list")
    if given is None:
        warnings.warn("tokenizer.ggml.merges is missing: text is cut into single bytes", stacklevel=4)
    vocabulary = {name: i for i, name in enumerate(names)}
    pairs = [_pair(str(merge)) for merge in given or ()]
    merges = [pair for pair in pairs if all(each in vocabulary for each in (*pair, "".join(pair)))]
    if len(merges) < len(pairs):
        odd = next(pair for pair in pairs if pair not in set(merges))
        warnings.warn(f"tokenizer.ggml.merges: {len(pairs) - len(merges)} name no tokens, such as {odd}; they are ignored", stacklevel=4)
    missing = [char for char in map(chr, (*range(0x21, 0x7F), *range(0xC2, 0xF1))) if char not in vocabulary]
    if missing:  # of those that common characters are, or begin with
        warnings.warn(f"tokenizer.ggml.tokens: {len(missing)} common bytes are missing; characters with them are left out", stacklevel=4)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, fuse_unk=False, byte_fallback=False, ignore_merges=pre.whole_words))
    if pre.composes:
        tokenizer.normalizer = normalizers.NFC()
    splits = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in pre.patterns]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _pair(merge: str) -> tuple[str, str]:
    """The two tokens of a merge, with a space between; the first may begin with one itself."""
    left, _, right = merge[1:].partition(" ")
    return merge[:1] + left, right


def _sentence_piece(file: GGUFFile, names: list[str], kinds: list[int], specials: Specials) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers

    scores, pieces = _scores(file, names), {name: i for i, name in enumerate(names) if kinds[i] in (NORMAL, USER_DEFINED)}
    ranked = []
    for name, token in pieces.items():
        for cut in range(1, len(name)):
            left, right = name[:cut], name[cut:]
            if left in pieces and right in pieces:
                ranked.append((-scores[token], pieces[left], pieces[right], left, right))
    ranked.sort()
    unknown = specials.name("unknown") or None
    merges = [(left, right) for *_, left, right in ranked]
    vocabulary = {name: i for i, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True))
    missing = [byte for byte in range(256) if f"<0x{byte:02X}>" not in vocabulary]
    if missing:
        loss = f"become {unknown}" if unknown else "are left out"
        warnings.warn(f"tokenizer.ggml.tokens: {len(missing)} of 256 bytes are missing; rare characters {loss}", stacklevel=4)
    prefix = bool(file.metadata.get("tokenizer.ggml.add_space_prefix", True))
    marks = [normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), *marks] if prefix else marks)
    strip = [decoders.Strip(content=" ", left=1)] if prefix else []
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    return tokenizer


def _scores(file: GGUFFile, names: list[str]) -> list[float]:
    scores = file.metadata.get("tokenizer.ggml.scores")
    if scores is None:
        warnings.warn("tokenizer.ggml.scores is missing: tokens with lower ids are taken first, as if sorted by score", stacklevel=5)
        return [-float(i) for i in range(len(names))]
    if (
        not isinstance(scores, list)
        or len(scores) != len(names)
        or not all(isinstance(s, int | float) and not math.isnan(s) for s in scores)
    ):
        num = len(scores) if isinstance(scores, list) else 0
        raise DamagedFileError(file.path, f"tokenizer.ggml.scores has {num} values for {len(names)} tokens, or what is no number")
    return scores


def _add_tokens(tokenizer: Any, names: list[str], kinds: list[int], model_name: Any) -> None:
    from tokenizers import AddedToken

    # Phi 3's files do not say that its control tokens swallow the spaces behind them.
    strips = isinstance(model_name, str) and any(each in model_name.lower() for each in ("phi-3", "phi3"))
    plain = ("<unk>", "<s>", "<|endoftext|>")
    control = [name for name, kind in zip(names, kinds, strict=True) if kind not in (NORMAL, USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(n, special=True, normalized=False, rstrip=strips and n not in plain) for n in control])
    known = [name for name, kind in zip(names, kinds, strict=True) if kind == USER_DEFINED]
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in known])


def _add_ends(tokenizer: Any, values: dict[str, Any], specials: Specials, adds_start: bool) -> None:
    """Have the tokenizer put a start and an end token around a text, where the file says so."""
    from tokenizers import processors

    wanted = {"bos": values.get("tokenizer.ggml.add_bos_token", adds_start), "eos": values.get("tokenizer.ggml.add_eos_token", False)}
    ends = {key: specials.name(key) for key, is_wanted in wanted.items() if is_wanted}
    for key, name in ends.items():
        if not name and f"tokenizer.ggml.add_{key}_token" in values:
            warnings.warn(f"tokenizer.ggml.add_{key}_token is true, but there is no {key} token; none is added", stacklevel=4)
    around = [name for name in ends.values() if name]
    if around:
        start, end = ends.get("bos") or "", ends.get("eos") or ""
        single, pair = ([*filter(None, [start]), *texts, *filter(None, [end])] for texts in (["$A"], ["$A", "$B"]))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=single, pair=pair, special_tokens=[(name, tokenizer.token_to_id(name)) for name in dict.fromkeys(around)]
        )
