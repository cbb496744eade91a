"""The tokenizer beside a model's weights: read, or converted once and kept in the cache folder."""

from __future__ import annotations

import warnings
from pathlib import Path

from foretell.models.cache_folder import read_json, write_json
from foretell.models.text import Text
from foretell.models.weights.checkpoint import fingerprint

_TEXT_VERSION = 4
#: Files of tokenizers that transformers can convert.
_TOKENIZERS = ("tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "merges.txt", "tokenizer_config.json")
#: Files beside them that say more: control tokens, stop ids, chat templates.
_BESIDE = (
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "chat_template.json",
    "chat_template.jinja",
)


def read_text(source: Path) -> Text | None:
    """The tokenizer beside a model's weights (converted ones come from the cache folder), None where there is none."""
    if source.is_dir() and (source / "tokenizer.json").is_file():
        return Text.from_folder(source)
    convertible = [source] if source.is_file() else [source / name for name in _TOKENIZERS if (source / name).is_file()]
    if not convertible:
        return None
    beside = [source / name for name in _BESIDE if (source / name).is_file()]
    name = f"text-{fingerprint([*convertible, *beside])}-{_TEXT_VERSION}.json"
    cached = read_json(name)
    if cached is None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            text = _convert_text(source)
        if text is None:
            return None
        cached = {**text.to_json(), "warnings": [str(each.message) for each in caught if each.category is UserWarning]}
        write_json(name, cached)
    for message in cached["warnings"]:  # at each load, not at the first one only
        warnings.warn(message, stacklevel=3)
    return Text.from_json(cached)


def _convert_text(source: Path) -> Text | None:
    if source.is_dir():
        return Text.from_folder(source)
    from foretell.models.weights.gguf_reader import open_gguf
    from foretell.models.weights.gguf_tokenizer import read_tokenizer

    file = open_gguf(source)
    return None if file.metadata.get("tokenizer.ggml.model") in (None, "none", "no_vocab") else read_tokenizer(file)
