"""Text to tokens and back: encode, decode, stream without half characters, chat templates, stop tokens.

Built on the light `tokenizers` package: importing transformers would cost seconds that a short command cannot spare.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from foretell import arguments
from foretell.errors import UserError
from foretell.models.control_tokens import ControlTokens, mapped, texts_in
from foretell.models.text_stream import TextStream
from foretell.models.token_bytes import TokenBytes, token_bytes
from foretell.models.tokenizers_call import copy_of, encoding_of

Messages = str | Sequence[Mapping[str, Any]]


@dataclass(eq=False)
class Text:
    """A tokenizer with what surrounds it.

    tokenizer: a `tokenizers.Tokenizer`. stop_tokens: ids after which an answer is over. chat_template: a Jinja template, or
    None. bos_token, eos_token: what the template calls by these names. tool_template: the template for chats with tools, or None where
    there is one template for all chats. other_tokens: further tokens that the template may call by a name, such as "pad_token".
    """

    tokenizer: Any
    stop_tokens: frozenset[int] = frozenset()
    chat_template: str | None = None
    bos_token: str = ""
    eos_token: str = ""
    tool_template: str | None = None
    other_tokens: Mapping[str, str] = field(default_factory=dict)
    _warned: bool = field(default=False, repr=False)

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str, special: bool = True, parse_special: bool = False) -> list[int]:
        """Token ids of `text`; with `special`, those that the model expects around a text (a start token, say) are added.

        parse_special: read the names of control tokens in it ("<|im_end|>") as these tokens, for text that is written as a chat template
        would; a start token in it is then not added once more. By default they are text like any other.
        """
        if not parse_special:
            return self._control.encode(text, special)
        ids = encoding_of(self.tokenizer, text, special).ids
        start = self.tokenizer.token_to_id(self.bos_token) if special and self.bos_token else None
        return ids[1:] if start is not None and ids[:2] == [start, start] and text.startswith(self.bos_token) else ids

    def decode(self, ids: Iterable[int], special: bool = False, context: Sequence[int] = ()) -> str:
        """The text of `ids`; control tokens such as <|im_end|> are shown only with `special`.

        context: the tokens before, if `ids` continue a text. At the beginning of a text, sentence-piece and word-piece vocabularies drop
        a space; a continuation keeps it. The text is the tokens' bytes (`token_bytes`) as UTF-8, and what is none is shown as U+FFFD.
        """
        stream = self.stream(context, special)
        return stream.push(*ids) + stream.finish()

    def stream(self, context: Sequence[int] = (), special: bool = False) -> TextStream:
        """A decoder for tokens that come one by one, after the tokens `context` (whose text is not repeated); else as `decode`."""
        written = self._named if special else self._written
        return TextStream(written, context, self._spelling.drops_first_space, self._spelling.drops_last_space)

    def token_text(self, token: int) -> str:
        """What one token writes within a text; the name of a control token."""
        return self._named(token).decode("utf-8", "replace")

    def _written(self, token: int) -> bytes:
        tokens = self._spelling.tokens
        return tokens[token] or b"" if 0 <= token < len(tokens) else b""  # rows of logits may be wider than the vocabulary

    def _named(self, token: int) -> bytes:
        return self._written(token) or self.control_tokens.get(token, "").encode("utf-8")

    def chat(self, messages: Messages, answer: bool = True, parse_special: bool = False, **variables: Any) -> list[int]:
        """Token ids of a conversation (one user message where a string is given), up to where the `answer` begins.

        Control tokens are those that the template writes; their names within messages are text, unless `parse_special`. Without a chat
        template the contents are joined by line breaks and encoded as they are, and a warning says so once.
        """
        messages = arguments.messages([{"role": "user", "content": messages}] if isinstance(messages, str) else messages)
        if self.chat_template is None:
            if not self._warned:
                self._warned = True
                warnings.warn("this model has no chat template: the messages are fed as plain text", stacklevel=2)
            return self.encode("\n".join(message["content"] for message in messages), parse_special=parse_special)
        rendered = self.render(messages, answer, **variables)
        if parse_special:
            return self.encode(rendered, special=False, parse_special=True)

        def render(change: Callable[[str], str]) -> str:
            return self.render(mapped(messages, change), answer, **mapped(variables, change))

        return self._control.encode_chat(rendered, render, texts_in([messages, variables]))

    def render(self, messages: Sequence[Mapping[str, Any]], answer: bool = True, **variables: Any) -> str:
        """The conversation as the chat template writes it."""
        messages, tools = arguments.messages(messages), variables.get("tools")
        template = self.tool_template if tools and self.tool_template is not None else self.chat_template
        if template is None:
            raise UserError("render: this model has no chat template; use encode() on plain text")
        from foretell.models.chat_template import rendered

        tokens = {**self.other_tokens, "bos_token": self.bos_token, "eos_token": self.eos_token}
        return rendered(
            template, **{**tokens, "tools": None, "documents": None, "add_generation_prompt": answer, **variables, "messages": messages}
        )

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The tokens as the vocabulary writes them, by id ("" where an id has none): for comparing vocabularies."""
        ids = self.tokenizer.get_vocab(with_added_tokens=True)
        names = [""] * (max(ids.values(), default=-1) + 1)
        for name, i in ids.items():
            names[i] = name
        return tuple(names)

    @property
    def token_bytes(self) -> tuple[bytes | None, ...]:
        """What each token writes within a text, by id; None for control tokens and for ids without a token."""
        return self._spelling.tokens

    @cached_property
    def control_tokens(self) -> dict[int, str]:
        """The names of the control tokens, which texts do not show, by id."""
        return {token: name for token, name in enumerate(self.vocabulary) if name and self.token_bytes[token] is None}

    @cached_property
    def _control(self) -> ControlTokens:
        return ControlTokens(self.tokenizer)

    @cached_property
    def _spelling(self) -> TokenBytes:
        return token_bytes(self.tokenizer, self.vocabulary)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types; `Text.from_json` reads it back."""
        return {
            "tokenizer": self.tokenizer.to_str(),
            "stop_tokens": sorted(self.stop_tokens),
            "chat_template": self.chat_template,
            "bos_token": self.bos_token,
            "eos_token": self.eos_token,
            "tool_template": self.tool_template,
            "other_tokens": dict(self.other_tokens),
        }

    def save(self, folder: Path | str) -> None:
        """Write tokenizer.json and tokenizer_config.json, which `from_folder` reads back; stop tokens belong to generation_config.json."""
        self.tokenizer.save(str(Path(folder) / "tokenizer.json"))
        template: Any = self.chat_template
        if self.tool_template is not None:
            named = {"default": self.chat_template, "tool_use": self.tool_template}
            template = [{"name": name, "template": source} for name, source in named.items() if source is not None]
        settings = {**self.other_tokens, "bos_token": self.bos_token, "eos_token": self.eos_token, "chat_template": template}
        given = {name: value for name, value in settings.items() if value} | {"tokenizer_class": "PreTrainedTokenizerFast"}
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(given, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Text:
        """The inverse of `to_json`."""
        others = {name: values[name] for name in ("chat_template", "bos_token", "eos_token", "tool_template", "other_tokens")}
        return cls(copy_of(values["tokenizer"]), frozenset(values["stop_tokens"]), **others)

    @classmethod
    def from_folder(cls, folder: Path | str) -> Text:
        """From a folder with tokenizer.json, or any tokenizer that transformers can turn into one."""
        from foretell.models.tokenizer_folder import read_folder

        return read_folder(Path(folder), cls)


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
