"""What a GGUF file says of single tokens: their types, the start and end tokens, and which of them end an answer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foretell.models.control_tokens import looks_like_control
from foretell.models.stop_tokens import end_of_turn, ends_of_turn, valid_ids
from foretell.models.text import Text
from foretell.models.weights.checkpoint import DamagedFileError
from foretell.models.weights.gguf_reader import GGUFFile

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
#: Tokens that end a text by their name, as in llama.cpp, where no id says so. Elsewhere a configuration names them.
_ENDS = ("</s>", "[EOS]", "<eos>")
#: Keys of tokens that end an answer: `tokenizer.ggml.<key>_token_id`.
_END_KEYS = ("eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep")
_DEFAULTS = {"bos": 1, "eos": 2, "unknown": 0}


def read_kinds(file: GGUFFile, names: Sequence[str]) -> list[int]:
    """The type of each token. Without types, those that look like control tokens are, and a warning says so."""
    kinds = file.metadata.get("tokenizer.ggml.token_type")
    if kinds is None:
        warnings.warn("tokenizer.ggml.token_type is missing: control tokens are known by their looks, such as <|im_end|>", stacklevel=4)
        return [CONTROL if looks_like_control(name) else NORMAL for name in names]
    if not isinstance(kinds, list) or len(kinds) != len(names) or not all(isinstance(kind, int) for kind in kinds):
        num = len(kinds) if isinstance(kinds, list) else 0
        raise DamagedFileError(file.path, f"{len(names)} tokens with {num} token types")
    return [kind if NORMAL <= kind <= BYTE else NORMAL for kind in kinds]


@dataclass(frozen=True)
class Specials:
    """names: of the tokens by id. kinds: their types; tokens that end an answer are control tokens. ids: start, end and unknown tokens and
    the like, by the file's keys, as far as they are tokens. ends: names of tokens that end an answer."""

    names: Sequence[str]
    kinds: list[int]
    ids: Mapping[str, int]
    ends: frozenset[str]

    @classmethod
    def read(cls, values: Mapping[str, Any], names: Sequence[str], kinds: Sequence[int], is_sentence_piece: bool) -> Specials:
        """From the file's metadata. A warning names each id that is no token; it is ignored."""
        ids = {}
        for key in ("bos", "unknown", "padding", *_END_KEYS):
            said = f"tokenizer.ggml.{key}_token_id"
            found = valid_ids(said, values.get(said), len(names))
            default = _DEFAULTS.get(key, len(names)) if is_sentence_piece else len(names)
            if found:
                ids[key] = found[0]
            elif default < len(names) and (kinds[default] != NORMAL or "tokenizer.ggml.token_type" not in values):
                ids[key] = default
        ends = ends_of_turn(names) | set(names).intersection(_ENDS) | {names[ids[key]] for key in _END_KEYS if key in ids}
        if "<|tool_response>" in ends:
            ends.discard("</s>")
        special = ends | {names[token] for key, token in ids.items() if key not in ("unknown", "padding")}
        typed = [CONTROL if name in special and kind != BYTE else kind for name, kind in zip(names, kinds, strict=True)]
        return cls(names, [NORMAL if kind == BYTE else kind for kind in typed], ids, frozenset(ends))

    def name(self, key: str) -> str:
        """The name of the token of a key such as "bos"; "" where there is none."""
        return self.names[self.ids[key]] if key in self.ids else ""

    def text(self, tokenizer: Any, values: Mapping[str, Any]) -> Text:
        """The tokenizer with stop tokens and chat templates."""
        templates = [values.get(f"tokenizer.chat_template{name}") for name in ("", ".tool_use")]
        chat, tool = (template if isinstance(template, str) and template else None for template in templates)
        stops = frozenset(token for token, name in enumerate(self.names) if name in self.ends)
        others = {f"{short}_token": self.name(key) for short, key in (("unk", "unknown"), ("pad", "padding")) if key in self.ids}
        text = Text(tokenizer, stops, chat, self.name("bos"), self.name("eos"), tool, others)
        text.stop_tokens |= end_of_turn(text)
        return text
