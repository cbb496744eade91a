"""The options of `generate` and `stream` as types, so that type checkers find misspelt ones and wrong values."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from foretell.arguments import shown
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.parts import UnknownNameError, nearest

if TYPE_CHECKING:
    from foretell.decoding.constraint import Constraint
    from foretell.decoding.sampler import Sampler
    from foretell.progress import ReportProgress

#: A message of a chat: {"role": ..., "content": ...}.
Message = Mapping[str, object]
#: One prompt: text, a chat, or token ids.
OnePrompt = str | Sequence[Message] | Sequence[int]
#: Several prompts.
ManyPrompts = Iterable[OnePrompt]
#: A loaded model, or the id or path of one; None is the default model.
ModelLike = Model | str | os.PathLike[str] | None


class RequestOptions(TypedDict, total=False):
    """What may be said of one prompt. `generate` documents each; None is the default."""

    max_new_tokens: int | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    logit_bias: Mapping[int, float] | None
    sampler: Sampler | None
    stop: str | Sequence[str] | None
    seed: int | None
    logprobs: int | bool | None
    chat: bool | None
    parse_special: bool | None
    schema: Any
    regex: str | re.Pattern[str] | None
    grammar: str | Path | None
    choices: Sequence[str] | None
    tools: Sequence[Any] | None
    tool_choice: Any
    parallel_tool_calls: bool | None
    constraint: Constraint | str | None
    closed: bool | None
    bounds: Any
    show_schema: bool | None
    ending: bool | None
    timeout: float | None


class StreamOptions(RequestOptions, total=False):
    """The options of `stream`."""

    progress: ReportProgress | None


class Options(RequestOptions, total=False):
    """The options of `generate`, but for `n`, which decides what it returns."""

    retries: int | None
    max_batch: int | None


#: Options of `generate` that `stream` and `generate_many` do not have, and why.
_NOT_ELSEWHERE = {
    "n": "it gives one answer to a prompt; use generate for several",
    "retries": "it does not ask again, since text that is streamed or handed out cannot be taken back; use generate",
}


def check_options(function: str, options: Mapping[str, Any], known: Collection[str]) -> None:
    """UserError for options that `function` does not have: why it has not, or the nearest name of `known`. None is no option."""
    for option, value in options.items():
        if option in known:
            continue
        if option in _NOT_ELSEWHERE:
            if value is not None:
                raise UserError(f"{function}: {option}={shown(value)}: {_NOT_ELSEWHERE[option]}")
            continue
        raise UnknownNameError(f"{function} has no option {option!r}: {nearest(option, list(known))}")
