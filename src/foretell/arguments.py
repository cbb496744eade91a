"""Arguments as users write them, made into what the code behind works with: at the border, once, and nowhere else.

Each reader takes the argument's name and its value, and returns the value in the one form that is used inside; a value that has no such
form raises `UserError` with the argument, the value and the remedy. NumPy's and torch's numbers are read as Python's. None is the
default, which the caller chooses before.
"""

from __future__ import annotations

import math
import numbers
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.words import with_article

#: A prompt as used inside: text, the messages of a chat, or token ids.
Prompt = str | list[dict[str, Any]] | list[int]
_LONGEST_SHOWN = 80
_LARGE = 2**63
#: Most answers to one prompt in a call.
MOST_ANSWERS = 4096


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """A whole number from `least` to `most`, both included, and of 64 bits unless `most` is larger; a float such as 4.0 counts.

    >>> whole("top_k", 4.0, least=0)
    4
    """
    number = _scalar(value)
    is_whole = isinstance(number, numbers.Integral) or (isinstance(number, numbers.Real) and float(number).is_integer())
    good = is_whole and not isinstance(number, bool) and _within(number, least, most) and -_LARGE <= number <= max(_LARGE - 1, most or 0)
    if not good:
        raise UserError(f"{name}={shown(value)} must be a whole number{_range(least, most)}")
    return int(number)


def real(name: str, value: Any, least: float | None = None, most: float | None = None, infinite: bool = False) -> float:
    """A number from `least` to `most`, both included. infinite: whether infinity, which means "no bound", is one.

    >>> real("temperature", 1)
    1.0
    """
    number = _scalar(value)
    good = isinstance(number, numbers.Real) and not isinstance(number, bool)
    try:
        result = float(number) if good else math.nan
    except OverflowError:
        result = math.inf
    if math.isnan(result) or (math.isinf(result) and not infinite) or not _within(result, least, most):
        raise UserError(f"{name}={shown(value)} must be a number{_range(least, most)}")
    return result


def flag(name: str, value: Any) -> bool:
    """True or False."""
    answer = _scalar(value)
    if not isinstance(answer, bool):
        raise UserError(f"{name}={shown(value)} must be True or False")
    return answer


def text(name: str, value: Any) -> str:
    """Text that UTF-8 can hold."""
    if not isinstance(value, str):
        raise UserError(f"{name}={shown(value)} must be text (str)")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(f"{name}: character {error.start} is half a surrogate pair, which no text file can hold; remove it") from None
    return str(value)


def texts(name: str, value: Any) -> tuple[str, ...]:
    """One text, or a list of texts.

    >>> texts("stop", "END"), texts("stop", ["a", "b"])
    (('END',), ('a', 'b'))
    """
    if isinstance(value, str):
        return (text(name, value),)
    if not isinstance(value, Sequence | set | frozenset) or isinstance(value, bytes | bytearray):
        raise UserError(f"{name}={shown(value)} must be text, or a list of texts")
    return tuple(text(name, each) for each in value)


def bias(name: str, value: Any) -> dict[int, float]:
    """Numbers by token id; ids may be texts of digits, as JSON has them. -inf forbids a token.

    >>> bias("logit_bias", {"5": -1})
    {5: -1.0}
    """
    if not isinstance(value, Mapping):
        raise UserError(f"{name}={shown(value)} must be a dict from token ids to numbers")
    read = {}
    for token, amount in value.items():
        number = int(token) if isinstance(token, str) and token.isascii() and token.isdigit() else token
        added = real(f"{name}[{token!r}]", amount, infinite=True)
        if added == math.inf:
            raise UserError(f"{name}[{token!r}]=inf must be a number, or -inf, which forbids the token")
        read[whole(f"{name}: token", number, least=0)] = added
    return read


def split_prompts(value: Any) -> tuple[list[Any], bool]:
    """The prompts, each still to be read by `prompt`, and whether they were given as a list of several: a list of prompts, or a table of
    token ids. An iterator is read as the list of what it gives.

    >>> split_prompts("Hello"), split_prompts(["Hello"]), split_prompts([5, 7]), split_prompts([])
    ((['Hello'], False), (['Hello'], True), ([[5, 7]], False), ([], True))
    """
    value = list(value) if isinstance(value, Iterator) else _plain(value)
    if isinstance(value, list | tuple) and not (value and (isinstance(value[0], Mapping) or _is_number(value[0]))):
        return list(value), True
    return [value], False


def prompt(value: Any) -> Prompt:
    """One prompt: text; a chat, which is a list of messages; or token ids, which are a list, an array or a tensor of whole numbers.

    >>> prompt("Hello"), prompt([5.0, 7])
    ('Hello', [5, 7])
    """
    value = _plain(value)
    if isinstance(value, str):
        return text("prompt", value)
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        return messages(value)
    if isinstance(value, list | tuple) and all(_is_number(each) for each in value):
        return [whole("prompt: token", each, least=0) for each in value]
    raise UserError(
        f'prompt={shown(value)} must be text, a chat (a list of {{"role": ..., "content": ...}}), token ids, or a list of such prompts'
    )


def messages(value: Sequence[Any]) -> list[dict[str, Any]]:
    """The messages of a chat, each with a role and its content as one text: content that comes as parts is joined by line breaks, and
    None, or none (of a message that only calls tools), is no text. Further keys are kept.

    >>> messages([{"role": "user", "content": [{"type": "text", "text": "Hello"}]}])
    [{'role': 'user', 'content': 'Hello'}]
    """
    read = []
    for number, message in enumerate(value):
        if not isinstance(message, Mapping) or "role" not in message or not ("content" in message or message.get("tool_calls")):
            raise UserError(f"prompt: message {number} is {shown(message)}; it must be a dict with 'role' and 'content'")
        role = text(f"prompt: the role of message {number}", message["role"])
        read.append({**message, "role": role, "content": _content(number, message.get("content"))})
    return read


def _content(number: int, content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return text(f"prompt: the content of message {number}", content)
    parts = list(content) if isinstance(content, list | tuple) else [content]
    for part in parts:
        if not isinstance(part, Mapping) or part.get("type") != "text" or "text" not in part:
            raise UserError(
                f'prompt: the content of message {number} has {shown(part)}; it must be text, or a list of {{"type": "text", "text": ...}}'
            )
    return "\n".join(text(f"prompt: the content of message {number}", part["text"]) for part in parts)


def path(name: str, value: Any) -> Path:
    """A path, with `~` as the home folder. Whether something is there is another question."""
    if not isinstance(value, str | os.PathLike) or "\0" in str(value):
        raise UserError(f"{name}={shown(value)} must be a path")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # a `~name` of nobody
        raise UserError(f"{name}={shown(value)}: {error}; write the folder in full") from error


def platform_folder(variable: str, find: Callable[..., str]) -> Path:
    """The platform's folder for files of Foretell, such as `platformdirs.user_cache_dir` finds; below the folder for temporary files, with
    the user's number, where the user has no home: an unknown number without HOME, as in containers."""
    try:
        return Path(find("foretell", appauthor=False))
    except RuntimeError:
        user = os.getuid() if hasattr(os, "getuid") else "user"
        above = Path(tempfile.gettempdir()) / f"foretell-{user}"
        if hasattr(os, "getuid") and above.exists() and above.stat().st_uid != user:  # code is loaded from it
            raise UserError(f"there is no home folder, and {above} belongs to another user; set {variable} to a folder") from None
        return above / variable.lower().removeprefix("foretell_")


def is_file(path: Path) -> bool:
    """Whether a file is there; not so for a path that no file can have, such as one that is too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def choice(name: str, value: Any, known: Sequence[str]) -> str:
    """One of the words `known`; the nearest is suggested."""
    from foretell.parts import nearest

    if not isinstance(value, str) or value not in known:
        raise UserError(f"{name}={shown(value)} is unknown, {nearest(value if isinstance(value, str) else '', known)}")
    return value


def logprobs(name: str, value: Any) -> int | None:
    """How many of the best tokens to report; True reports none beside the token itself, as in the OpenAI API, and False is off.

    >>> logprobs("logprobs", True), logprobs("logprobs", 5), logprobs("logprobs", False)
    (0, 5, None)
    """
    number = _scalar(value)
    if isinstance(number, bool):
        return 0 if number else None
    return whole(name, value, least=0)


#: How the options of `generate` and `stream` are read, but for those that say a rule, and for `sampler`, `model` and `recipe`.
_OPTIONS: dict[str, Callable[[str, Any], Any]] = {
    "max_new_tokens": whole,
    "temperature": real,
    "top_k": whole,
    "top_p": real,
    "min_p": real,
    "repetition_penalty": real,
    "presence_penalty": real,
    "frequency_penalty": real,
    "logit_bias": bias,
    "stop": texts,
    "seed": partial(whole, most=2**64 - 1),
    "logprobs": logprobs,
    "chat": flag,
    "ending": flag,
    "parse_special": flag,
    "max_batch": whole,
    "retries": partial(whole, least=0),
    "n": partial(whole, least=1, most=MOST_ANSWERS),
    "timeout": partial(real, least=0, infinite=True),
}


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a request as given, without those that are None, which are the defaults; the others read.

    >>> options({"temperature": 1, "top_k": None})
    {'temperature': 1.0}
    """
    return {name: _OPTIONS[name](name, value) if name in _OPTIONS else value for name, value in given.items() if value is not None}


def shown(value: Any) -> str:
    """A value's repr, shortened; its type where it has no repr."""
    try:
        written = repr(value)
    except Exception:  # whatever an object of the user's raises there
        written = with_article(type(value).__name__)
    return written if len(written) <= _LONGEST_SHOWN else f"{written[: _LONGEST_SHOWN - 4]} ..."


def _scalar(value: Any) -> Any:
    """A NumPy or torch number, or an array of one without dimensions, as Python's."""
    if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)):
        return value.item()
    return value


def _plain(value: Any) -> Any:
    """An array or tensor as lists of Python's numbers."""
    if getattr(value, "ndim", 0) and callable(getattr(value, "tolist", None)):
        return value.tolist()
    return value


def _is_number(value: Any) -> bool:
    number = _scalar(value)
    return isinstance(number, numbers.Real) and not isinstance(number, bool)


def _within(number: Any, least: float | None, most: float | None) -> bool:
    return (least is None or number >= least) and (most is None or number <= most)


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return f" of at least {least}" if least is not None else f" of at most {most}" if most is not None else ""
