"""The bytes that each token of a tokenizer writes: a token may end within a character, so text is not enough."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_WORD_START = "\u2581"


def token_bytes(tokenizer: Any, names: Sequence[str]) -> tuple[bytes | None, ...]:
    """tokenizer: a `tokenizers.Tokenizer`. names: its tokens as the vocabulary writes them, by id ("" where an id has none).

    Byte-level vocabularies write bytes as stand-in characters; sentence-piece ones write a word's space as a bar and rare bytes as
    <0x0A>. Of others, whose decoder may put text between tokens, a token writes what the decoder makes of it alone.
    """
    settings = json.loads(tokenizer.to_str())
    kinds = set(_types(settings.get("decoder")))
    added = {entry["id"]: entry for entry in settings.get("added_tokens", ())}
    found: list[bytes | None] = []
    for token, name in enumerate(names):
        if token in added or not name:
            plain = name and not added[token]["special"]
            found.append(name.encode("utf-8") if plain else None)
        elif "ByteLevel" in kinds:
            found.append(_from_stand_ins(name))
        elif kinds & {"ByteFallback", "Metaspace", "Replace"}:
            byte = _BYTE.fullmatch(name)
            found.append(bytes([int(byte.group(1), 16)]) if byte else name.replace(_WORD_START, " ").encode("utf-8"))
        else:
            text = tokenizer.decode([token], skip_special_tokens=False)
            found.append(text.encode("utf-8") if text and "\ufffd" not in text else None)
    return tuple(found)


def _types(decoder: Any) -> list[str]:
    """Names of a decoder and of those within it."""
    if not decoder:
        return []
    return [decoder["type"], *(name for part in decoder.get("decoders", ()) for name in _types(part))]


def _from_stand_ins(name: str) -> bytes | None:
    stand_ins = _stand_ins()
    return bytes(stand_ins[char] for char in name) if all(char in stand_ins for char in name) else None


@cache
def _stand_ins() -> dict[str, int]:
    """Byte-level BPE's characters for bytes: printable Latin-1 stands for itself, the rest for characters from 256 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + place): byte for place, byte in enumerate(rest)}}
