"""JSON as users hand it in: whatever is not JSON, or is another kind of value than the reader needs, is refused by the name of its source.

Text may be no JSON in more ways than one: it may not be UTF-8, be nested deeper than Python follows, or have a number with more digits
than Python reads. Each is a UserError.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.words import with_article

#: The remedy for files that come from elsewhere.
AGAIN = "download it again"


def parse_json(text: str | bytes, name: str | Path, remedy: str = AGAIN) -> Any:
    """The value of a text. name: what the message calls it.

    >>> parse_json("[1, 2]", "numbers.json")
    [1, 2]
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise UserError(f"{name}: not readable JSON (it is nested too deeply); {remedy}") from None
    except ValueError as error:
        raise UserError(f"{name}: not readable JSON ({error}); {remedy}") from error


def read_json(path: Path, remedy: str = AGAIN) -> Any:
    """The value in a file, whose texts are all such that UTF-8 can hold them. Raises OSError for a file that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); {remedy}") from error
    value = parse_json(text, path, remedy)
    if "\\ud" in text.lower():
        _check_surrogates(value, path, remedy)
    return value


def _check_surrogates(value: Any, name: str | Path, remedy: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"{name}: holds half a surrogate pair, which is no text; {remedy}") from None


def read_object(path: Path, remedy: str = AGAIN) -> dict[str, Any]:
    """The object in a file."""
    return as_object(read_json(path, remedy), path, remedy)


def as_object(value: Any, name: str | Path, remedy: str = AGAIN) -> dict[str, Any]:
    """A value that must be an object.

    >>> as_object([1], "config.json")
    Traceback (most recent call last):
    foretell.errors.UserError: config.json: holds a list where an object should be; download it again
    """
    if not isinstance(value, dict):
        raise UserError(f"{name}: holds {with_article(type(value).__name__)} where an object should be; {remedy}")
    return value
