"""Control tokens that somebody wrote into a text or a message: they are text, cut into ordinary tokens, unless asked for.

A chat template writes control tokens of its own around the messages. What is inside the messages may come from anywhere, and must not
end a turn or begin another one.
"""

from __future__ import annotations

import json
import random
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from foretell.errors import UserError
from foretell.models.tokenizers_call import copy_of, encoding_of

#: Names that only control tokens have, though some files do not call them special.
_LOOK = re.compile(r"<[|｜].+[|｜]>")
#: What placeholders are made of: characters that nobody writes, else letters, for templates that escape the former.
_ALPHABETS = (tuple(map(chr, range(0xE000, 0xF800))), tuple("bcdfghjkmnpqrtvwxz"))
_NUM_TRIALS = 1000
#: Renders a template, after applying a function to every text that it is given.
Render = Callable[[Callable[[str], str]], str]


class ControlTokens:
    """The control tokens of a `tokenizers.Tokenizer`: those that it calls special, and those that look like it ("<|user|>")."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder().items()
        self._added = {token: each for token, each in added if each.special or looks_like_control(each.content)}

    def encode(self, text: str, special: bool) -> list[int]:
        """Token ids of `text`, in which control tokens are text. special: add what the model expects around a text."""
        encoding = encoding_of(self._tokenizer, text, special)
        inside = (token for token, outside in zip(encoding.ids, encoding.special_tokens_mask, strict=True) if not outside)
        if self._added.keys().isdisjoint(inside):
            return encoding.ids
        return encoding_of(self._plain, text, special).ids

    def encode_chat(self, rendered: str, render: Render, given: Sequence[str]) -> list[int]:
        """Token ids of a rendered chat template, in which control tokens are those that the template wrote.

        rendered: its text. render: renders it again. given: all texts that it was given. A name that the template itself looks for in
        them (`content.split("</think>")`) is left to it. UserError where the template's own tokens cannot be told from the others.
        """
        found = {piece for text in given for piece in self._suspect(text)} if self._added else set()
        hidden = _hide(rendered, render, sorted(found, key=len, reverse=True)) if found else None
        if hidden is None:
            return encoding_of(self._tokenizer, rendered, special=False).ids
        text, names = hidden
        encoding, pieces, end = encoding_of(self._tokenizer, text, special=False), [], 0
        for token, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if token in self._added and self._names.fullmatch(text[start:stop].strip()):
                pieces += [text[end:start], self._marks[token]]
                end = stop
        marked = _replaced("".join([*pieces, text[end:]]), {placeholder: name for name, placeholder in names.items()})
        marks = {self._plain.token_to_id(mark): token for token, mark in self._marks.items()}
        return [marks.get(token, token) for token in encoding_of(self._plain, marked, special=False).ids]

    def _suspect(self, text: str) -> set[str]:
        """Names of control tokens in a text, and what at its ends may become one together with its neighbours."""
        found, bare = {match.group() for match in self._names.finditer(text)}, text.strip()
        beginnings, ends = self._parts
        longest = min(len(bare), max(map(len, beginnings), default=0))
        found |= set(next(([bare[-n:]] for n in range(longest, 0, -1) if bare[-n:].lower() in beginnings), []))
        return found | set(next(([bare[:n]] for n in range(longest, 0, -1) if bare[:n].lower() in ends), []))

    @cached_property
    def _parts(self) -> tuple[set[str], set[str]]:
        """Proper beginnings and proper ends of the names, in lower case."""
        names = [each.content.lower() for each in self._added.values()]
        places = [(name, place) for name in names for place in range(1, len(name))]
        return {name[:place] for name, place in places}, {name[place:] for name, place in places}

    @cached_property
    def _names(self) -> re.Pattern[str]:
        names = sorted((each.content for each in self._added.values()), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, names)), re.IGNORECASE)  # tokenizers may change the case before they look

    @cached_property
    def _marks(self) -> dict[int, str]:
        """For each control token a text that stands for it in `_plain`, and that nobody can guess."""
        return {token: secrets.token_hex(16) for token in self._added}

    @cached_property
    def _plain(self) -> Any:
        """The tokenizer to which control tokens are text, and `_marks` stand for them."""
        from tokenizers import AddedToken

        settings = json.loads(self._tokenizer.to_str())
        for each in settings["added_tokens"]:
            each["special"] = each["id"] in self._added
        plain = copy_of(json.dumps(settings))
        plain.encode_special_tokens = True
        plain.add_tokens([AddedToken(mark, normalized=self._added[token].normalized) for token, mark in self._marks.items()])
        return plain


def looks_like_control(name: str) -> bool:
    """Whether a token of this name is a control token even if no file says so.

    >>> looks_like_control("<|im_end|>"), looks_like_control("<b>")
    (True, False)
    """
    return _LOOK.fullmatch(name) is not None


def texts_in(value: Any) -> list[str]:
    """All texts within a value of mappings and lists."""
    found: list[str] = []
    mapped(value, lambda text: found.append(text) or text)  # type: ignore[func-returns-value]
    return found


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A value of mappings and lists with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {mapped(key, change): mapped(each, change) for key, each in value.items()}
    return [mapped(each, change) for each in value] if isinstance(value, list | tuple) else value


def _hide(rendered: str, render: Render, names: Sequence[str]) -> tuple[str, dict[str, str]] | None:
    """The text rendered with a placeholder for each of the names that were given to the template, and the placeholders by name; without
    names that the template itself looks for. None where none is left. Names are the longest first."""
    every = _try_to_hide(rendered, render, names)
    if every is not None or len(names) == 1:
        return every
    alone = [name for name in names if _try_to_hide(rendered, render, [name]) is not None]
    found = _try_to_hide(rendered, render, alone) if alone else None
    if alone and found is None:
        raise UserError(f"messages hold the control tokens {', '.join(names)}, and the chat template mixes them with its own; remove them")
    return found


def _try_to_hide(rendered: str, render: Render, names: Sequence[str]) -> tuple[str, dict[str, str]] | None:
    for alphabet in _ALPHABETS:
        placeholders = _placeholders(rendered, names, alphabet)
        if len(placeholders) < len(names):
            continue
        try:
            text = render(lambda given, known=placeholders: _replaced(given, known))  # type: ignore[misc]
        except UserError:
            continue
        if _replaced(text, {placeholder: name for name, placeholder in placeholders.items()}) == rendered:
            return text, placeholders
    return None


def _placeholders(rendered: str, names: Sequence[str], alphabet: Sequence[str]) -> dict[str, str]:
    """For each name a text of its length that is nowhere else, so that templates which measure texts do the same with both. Names for
    which there is none are left out."""
    chosen: dict[str, str] = {}
    for name in names:
        candidates = ("".join(random.Random(f"{name} {number}").choices(alphabet, k=len(name))) for number in range(_NUM_TRIALS))
        placeholder = next((each for each in candidates if each not in rendered and each not in chosen.values()), None)
        if placeholder is not None:
            chosen[name] = placeholder
    return chosen


def _replaced(text: str, names: Mapping[str, str]) -> str:
    return re.sub("|".join(map(re.escape, names)), lambda match: names[match.group()], text)
