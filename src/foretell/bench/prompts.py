"""Prompts to measure on: the built-in set, files of Spec-Bench, or plain text.

The built-in set holds four prompts of each of eight kinds, in the format of Spec-Bench (Xia et al., "Unlocking Efficiency in Large
Language Model Inference: A Comprehensive Survey of Speculative Decoding", section 6): one JSON object a line with
"question_id", "category" and "turns".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import zip_longest
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.parts import nearest

BUILTIN = "builtin"
#: The kind of a category. MT-Bench's eight categories are one kind, "chat", as in Spec-Bench's reports.
_MT_BENCH = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
KINDS = {
    **dict.fromkeys(_MT_BENCH, "chat"),
    "summarization": "summary",
    "qa": "question answering",
    "math_reasoning": "maths",
    "rag": "retrieval",
    "json": "JSON",
}


class PromptFileError(UserError):
    """A prompt file cannot be read. The message names the file, the line and the remedy."""


@dataclass(frozen=True)
class Prompt:
    """The user turns of a conversation; speed is measured on the first. question_id, category: as in the file."""

    question_id: int | str
    category: str
    turns: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of prompt that its category is reported as.

        >>> Prompt(81, "writing", ("Hello",)).kind
        'chat'
        """
        return KINDS.get(self.category, self.category)


def read_prompts(source: str | Path = BUILTIN) -> list[Prompt]:
    """Prompts of a file, or of the built-in set for "builtin".

    A file is in Spec-Bench's format, one JSON object a line, if its name ends in .jsonl or its first line begins with a brace. Otherwise
    each line that is not blank is a prompt, of the kind "text". Raises PromptFileError.
    """
    if str(source) == BUILTIN:
        text, name = resources.files("foretell.data").joinpath("prompts.jsonl").read_text(encoding="utf-8"), "prompts.jsonl"
    else:
        text, name = _read(Path(source)), str(source)
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise PromptFileError(f"{name}:1: no prompts; write one a line, or one JSON object a line")
    if name.endswith(".jsonl") or lines[0][1].startswith("{"):
        return [_parse(line, f"{name}:{number}", number) for number, line in lines]
    return [Prompt(number, "text", (line,)) for number, line in lines]


def spread(prompts: Sequence[Prompt], limit: int | None = None) -> list[Prompt]:
    """Prompts in an order that takes one of each kind in turn, so that any beginning is a fair sample.

    limit: number of prompts; None means all. Raises UserError for a limit below 1.

    >>> [prompt.kind for prompt in spread(read_prompts(), 3)]
    ['chat', 'translation', 'summary']
    """
    if limit is not None and limit < 1:
        raise UserError(f"limit={limit!r} must be at least 1 prompt")
    kinds: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        kinds.setdefault(prompt.kind, []).append(prompt)
    # Evenly spaced within a kind, since similar prompts tend to be neighbours in a file.
    if limit is not None and limit < len(prompts):
        share = -(-limit // len(kinds))
        kinds = {kind: _evenly(group, share) for kind, group in kinds.items()}
    rounds = zip_longest(*kinds.values())
    return [prompt for each in rounds for prompt in each if prompt is not None][:limit]


def _evenly(group: Sequence[Prompt], num: int) -> list[Prompt]:
    return [group[i * len(group) // num] for i in range(num)] if num < len(group) else list(group)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        meant = f"; did you mean {BUILTIN!r}?" if nearest(str(path), [BUILTIN]).startswith("did") else ""
        raise PromptFileError(f"{path}: there is no such prompt file; give a path, or {BUILTIN!r} for the built-in set{meant}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise PromptFileError(f"{path}:{line}: not UTF-8 text (byte {error.object[error.start]:#x}); save it as UTF-8") from None
    except OSError as error:
        raise PromptFileError(f"{path}: cannot be read ({error.strerror}); give a file of prompts") from None


def _parse(line: str, place: str, number: int) -> Prompt:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PromptFileError(f"{place}: not JSON ({error}); write one object a line") from None
    if not isinstance(entry, dict):
        raise PromptFileError(f'{place}: {_short(entry)} is not an object; write {{"category": ..., "turns": [...]}}')
    turns = entry.get("turns")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) and turn.strip() for turn in turns):
        raise PromptFileError(f"{place}: turns={_short(turns)} must be a list of one text or more")
    category = entry.get("category", "text")
    if not isinstance(category, str) or not category:
        raise PromptFileError(f"{place}: category={_short(category)} must be a word")
    return Prompt(_identity(entry.get("question_id", number)), category, tuple(turns))


def _identity(value: Any) -> int | str:
    return value if isinstance(value, int | str) else str(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def kinds_of(items: Iterable[Any]) -> list[str]:
    """The kinds of prompts, tasks or groups, in order of first appearance."""
    return list(dict.fromkeys(item.kind for item in items))
