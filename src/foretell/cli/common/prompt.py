"""The prompt, from an argument, a file or standard input."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path

from foretell.errors import UserError

#: After so many seconds without input from a pipe, it is said that there is something to wait for.
PATIENCE = 2.0


def read_prompt(argument: str | None, file: Path | None, joined: bool = True) -> str:
    """The prompt's text, without the line break that ends a file or standard input. Raises UserError for no prompt or for two.

    joined: where text is piped in beside an argument or a file, it follows after an empty line.
    """
    if argument is not None and file is not None:
        raise UserError("PROMPT and --file are both given; remove one of them")
    if file is not None:
        return _joined(_filled(_ended(file.read_bytes(), f"--file {file}"), f"--file {file}"), joined)
    if argument is None or argument == "-":
        if sys.stdin is None or (argument is None and sys.stdin.isatty()):
            raise UserError("PROMPT is missing; give it as an argument, with --file, or on standard input")
        return _filled(_ended(sys.stdin.buffer.read(), "standard input"), "standard input")
    if argument != argument.encode(errors="replace").decode():  # the shell handed over bytes that are not UTF-8
        raise UserError(f"PROMPT={argument!r} is not UTF-8 text; convert it, for example with iconv")
    return _joined(_filled(argument, "PROMPT"), joined)


def _joined(text: str, joined: bool) -> str:
    """The text, and after an empty line what is piped in."""
    piped = _ended(_piped(), "standard input") if joined else ""
    return f"{text}\n\n{piped}" if piped.strip() else text


def _piped() -> bytes:
    """What a pipe or a redirected file holds; nothing of a terminal or a device."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return b""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # no file behind it, as in tests
        return sys.stdin.buffer.read()
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        return b""
    if not stat.S_ISREG(mode) and os.name == "posix" and not select.select([sys.stdin], [], [], PATIENCE)[0]:
        # A program that runs this one may have left its own pipe open: then nothing would ever come.
        sys.stderr.write("reading standard input, which follows the prompt; `< /dev/null` leaves it out\n")
        sys.stderr.flush()
    return sys.stdin.buffer.read()


def _ended(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UserError(f"{source} is not UTF-8 text (byte {error.start}); convert it, for example with iconv") from error


def _filled(text: str, source: str) -> str:
    if not text.strip():
        raise UserError(f"{source} is empty; give some text")
    return text
