"""Calls of the tokenizers package, whose errors are bare exceptions, and whose panics are not even that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from foretell.arguments import shown
from foretell.errors import UserError

T = TypeVar("T")


def tokenizers_call(what: str, call: Callable[[], T]) -> T:
    """What `call` returns. UserError for whatever it raises, since it is the tokenizer's file that the package cannot work with. what:
    what fails then, for the message."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, MemoryError, OSError):
        raise
    except BaseException as error:
        raise UserError(f"{what} ({type(error).__name__}: {error}); download the tokenizer again") from error


def encoding_of(tokenizer: Any, text: str, special: bool) -> Any:
    """The tokenizer's encoding of `text`. UserError where it has no token for a piece of it, or it is no text that UTF-8 can hold."""
    return tokenizers_call(f"the tokenizer cannot read {shown(text)}", lambda: tokenizer.encode(text, add_special_tokens=special))


def copy_of(settings: str) -> Any:
    """The tokenizer that `Tokenizer.to_str` wrote."""
    from tokenizers import Tokenizer

    return tokenizers_call("tokenizer.json contradicts itself", lambda: Tokenizer.from_str(settings))
