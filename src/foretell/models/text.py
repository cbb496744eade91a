"""Text to tokens and back: encode, decode, stream without half characters, chat templates, stop tokens.

Built on the light `tokenizers` package: importing transformers would cost seconds that a short command cannot spare.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.models.text_stream import TextStream

#: Tokens that end an answer whatever the configuration forgot to say.
END_OF_TURN = ("<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>", "<|end|>", "<|eom_id|>")
Messages = str | Sequence[Mapping[str, Any]]


@dataclass(eq=False)
class Text:
    """A tokenizer with what surrounds it.

    tokenizer: a `tokenizers.Tokenizer`. stop_tokens: ids after which an answer is over. chat_template: a Jinja template, or
    None. bos_token, eos_token: what the template calls by these names.
    """

    tokenizer: Any
    stop_tokens: frozenset[int] = frozenset()
    chat_template: str | None = None
    bos_token: str = ""
    eos_token: str = ""
    _warned: bool = field(default=False, repr=False)

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Token ids of `text`; with `special`, those that the model expects around a text (a start token, say) are added."""
        return self.tokenizer.encode(text, add_special_tokens=special).ids

    def decode(self, ids: Iterable[int], special: bool = False) -> str:
        """The text of `ids`; control tokens such as <|im_end|> are shown only with `special`."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=not special)

    def stream(self, context: Sequence[int] = (), special: bool = False) -> TextStream:
        """A decoder for tokens that come one by one, after the tokens `context` (whose text is not repeated)."""
        return TextStream(lambda ids: self.decode(ids, special), context)

    def chat(self, messages: Messages, answer: bool = True, **variables: Any) -> list[int]:
        """Token ids of a conversation (one user message where a string is given), up to where the `answer` begins.

        Without a chat template the contents are joined by line breaks and encoded as they are, and a warning says so once.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        for message in messages:
            if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
                raise UserError(f"chat: message={message!r} must be a mapping with 'role' and 'content'")
        if self.chat_template is None:
            if not self._warned:
                self._warned = True
                warnings.warn("this model has no chat template: the messages are fed as plain text", stacklevel=2)
            return self.encode("\n".join(str(message["content"]) for message in messages))
        return self.encode(self.render(messages, answer, **variables), special=False)

    def render(self, messages: Sequence[Mapping[str, Any]], answer: bool = True, **variables: Any) -> str:
        """The conversation as the chat template writes it."""
        if self.chat_template is None:
            raise UserError("render: this model has no chat template; use encode() on plain text")
        from foretell.models.chat_template import rendered

        names = {"bos_token": self.bos_token, "eos_token": self.eos_token, "add_generation_prompt": answer, "tools": None}
        return rendered(self.chat_template, messages=[dict(message) for message in messages], **{**names, **variables})

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The tokens as the vocabulary writes them, by id ("" where an id has none): for comparing vocabularies."""
        ids = self.tokenizer.get_vocab(with_added_tokens=True)
        names = [""] * (max(ids.values(), default=-1) + 1)
        for name, i in ids.items():
            names[i] = name
        return tuple(names)

    @cached_property
    def token_bytes(self) -> tuple[bytes | None, ...]:
        """What each token writes, by id; None for control tokens and for ids without a token."""
        from foretell.models.token_bytes import token_bytes

        return token_bytes(self.tokenizer, self.vocabulary)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types; `Text.from_json` reads it back."""
        return {
            "tokenizer": self.tokenizer.to_str(),
            "stop_tokens": sorted(self.stop_tokens),
            "chat_template": self.chat_template,
            "bos_token": self.bos_token,
            "eos_token": self.eos_token,
        }

    def save(self, folder: Path | str) -> None:
        """Write tokenizer.json and tokenizer_config.json, which `from_folder` reads back; stop tokens belong to generation_config.json."""
        self.tokenizer.save(str(Path(folder) / "tokenizer.json"))
        settings = {"bos_token": self.bos_token, "eos_token": self.eos_token, "chat_template": self.chat_template}
        named = {name: value for name, value in settings.items() if value} | {"tokenizer_class": "PreTrainedTokenizerFast"}
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Text:
        """The inverse of `to_json`."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(values["tokenizer"])
        return cls(tokenizer, frozenset(values["stop_tokens"]), values["chat_template"], values["bos_token"], values["eos_token"])

    @classmethod
    def from_folder(cls, folder: Path | str) -> Text:
        """From a folder with tokenizer.json, or any tokenizer that transformers can turn into one."""
        from tokenizers import Tokenizer

        folder = Path(folder)
        path = folder / "tokenizer.json"
        settings = _read_json(folder / "tokenizer_config.json")
        try:
            tokenizer = Tokenizer.from_file(str(path)) if path.is_file() else _converted(folder)
        except FileNotFoundError:
            raise
        except Exception as error:  # the tokenizers package raises bare exceptions
            raise UserError(f"{path}: not a readable tokenizer ({error}); download it again") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        template = settings.get("chat_template")
        if isinstance(template, list):  # named templates
            template = next((each["template"] for each in template if each.get("name") == "default"), None)
        jinja = folder / "chat_template.jinja"
        if jinja.is_file():
            template = jinja.read_text(encoding="utf-8")
        bos, eos = _token(settings.get("bos_token")), _token(settings.get("eos_token"))
        stops: set[int] = set()
        for name in ("generation_config.json", "config.json"):
            found = _read_json(folder / name).get("eos_token_id")
            stops |= set(found if isinstance(found, list) else [found]) - {None}
        return cls(tokenizer, stop_tokens(tokenizer, stops, eos), template, bos, eos)


def first_difference(a: Text, b: Text) -> str | None:
    """A sentence naming the first token in which two vocabularies differ; None if all tokens agree. Padding at the end does not count."""
    first, second = _without_padding(a.vocabulary), _without_padding(b.vocabulary)
    for i, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return f"token {i} is {one!r} in the first vocabulary and {other!r} in the second"
    if len(first) == len(second):
        return None
    longer, shorter, which = (first, second, "first") if len(first) > len(second) else (second, first, "second")
    return f"token {len(shorter)} ({longer[len(shorter)]!r}) is in the {which} vocabulary only"


def _without_padding(vocabulary: Sequence[str]) -> Sequence[str]:
    """Without the last tokens that llama.cpp's converter made up, `[PAD151665]` for id 151665, and without ids that have no token."""
    num = len(vocabulary)
    while num and vocabulary[num - 1] in ("", f"[PAD{num - 1}]"):
        num -= 1
    return vocabulary[:num]


def stop_tokens(tokenizer: Any, ids: Iterable[int], eos_token: str) -> frozenset[int]:
    """Ids that end an answer: those configured, the tokenizer's own, and every known end of turn that it has."""
    named = map(tokenizer.token_to_id, filter(None, (eos_token, *END_OF_TURN)))
    return frozenset(int(i) for i in ids) | {i for i in named if i is not None}


def _converted(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder).backend_tokenizer
    except (OSError, ValueError, AttributeError, ImportError) as error:
        raise FileNotFoundError(f"{folder} has no tokenizer.json and no tokenizer that transformers can convert ({error})") from error


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not readable JSON ({error}); download it again") from error


def _token(value: Any) -> str:
    return value.get("content", "") if isinstance(value, dict) else value or ""
