"""The bytes that each token of a tokenizer writes within a text: a token may end within a character, so text is not enough."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from foretell.errors import UserError

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
#: A token between two of which a decoder shows what another one writes within a text.
_ANCHOR = "a"


@dataclass(frozen=True)
class TokenBytes:
    """What tokens write, from which every text is made: a text is these bytes, joined, as UTF-8.

    tokens: by id, as within a text; None for control tokens and for ids without a token. drops_first_space: whether a whole text begins
    without the space that its first token writes, as in sentence-piece and word-piece vocabularies; the continuation of a text never does.
    drops_last_space: likewise at the end, as in vocabularies that mark the ends of words.
    """

    tokens: tuple[bytes | None, ...]
    drops_first_space: bool = False
    drops_last_space: bool = False


def token_bytes(tokenizer: Any, names: Sequence[str]) -> TokenBytes:
    """tokenizer: a `tokenizers.Tokenizer`. names: its tokens as the vocabulary writes them, by id ("" where an id has none).

    Byte-level vocabularies write bytes as stand-in characters, sentence-piece ones rare bytes as <0x0A>; everything else is what the
    decoder makes of a token between two others. UserError for a decoder of speech (CTC), which writes no token twice in a row.
    """
    settings = json.loads(tokenizer.to_str())
    kinds = set(_types(settings.get("decoder")))
    if "CTC" in kinds:
        raise UserError("tokenizer.json: its decoder is CTC, which is for speech; use the tokenizer of a language model")
    special = {entry["id"]: entry["special"] for entry in settings.get("added_tokens", ())}
    is_byte_level = "ByteLevel" in kinds
    write = _from_stand_ins if is_byte_level else _within(tokenizer.decoder, "ByteFallback" in kinds)
    found = [  # in byte-level vocabularies, added tokens are found in the text before it becomes stand-ins
        None if not name or special.get(token) else name.encode("utf-8") if is_byte_level and token in special else write(name)
        for token, name in enumerate(names)
    ]
    if tokenizer.decoder is None or is_byte_level:
        return TokenBytes(tuple(found), drops_first_space=tokenizer.decoder is None)
    plain = [(names[token], data) for token, data in enumerate(found) if data and token not in special]
    first = next((name for name, data in plain if data.startswith(b" ") and data.strip()), None)
    last = next((name for name, data in plain if data.endswith(b" ") and data.strip()), None)
    return TokenBytes(
        tuple(found),
        first is not None and not tokenizer.decoder.decode([first]).startswith(" "),
        last is not None and not tokenizer.decoder.decode([_ANCHOR, last]).endswith(" "),
    )


def _within(decoder: Any, has_bytes: bool) -> Callable[[str], bytes]:
    """What a token writes within a text. has_bytes: whether <0x0A> is a byte."""
    if decoder is None:  # the tokenizers package puts a space between tokens then
        return lambda name: b" " + name.encode("utf-8")
    before = decoder.decode([_ANCHOR])
    after = decoder.decode([_ANCHOR, _ANCHOR]).removeprefix(before)

    def write(name: str) -> bytes:
        byte = _BYTE.fullmatch(name) if has_bytes else None
        if byte:
            return bytes([int(byte.group(1), 16)])
        return decoder.decode([_ANCHOR, name, _ANCHOR]).removeprefix(before).removesuffix(after).encode("utf-8")

    return write


def _types(decoder: Any) -> list[str]:
    """Names of a decoder and of those within it."""
    if not decoder:
        return []
    return [decoder["type"], *(name for part in decoder.get("decoders", ()) for name in _types(part))]


def _from_stand_ins(name: str) -> bytes:
    stand_ins = _stand_ins()
    return bytes(stand_ins[char] for char in name) if all(char in stand_ins for char in name) else name.encode("utf-8")


@cache
def _stand_ins() -> dict[str, int]:
    """Byte-level BPE's characters for bytes: printable Latin-1 stands for itself, the rest for characters from 256 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + place): byte for place, byte in enumerate(rest)}}
