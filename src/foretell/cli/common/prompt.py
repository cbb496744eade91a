"""The prompt, from an argument, a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from foretell.errors import UserError


def read_prompt(argument: str | None, file: Path | None) -> str:
    """The prompt's text, without the line break that ends a file or standard input. Raises UserError for no prompt or for two."""
    if argument is not None and file is not None:
        raise UserError("PROMPT and --file are both given; remove one of them")
    if file is not None:
        text, source = _decoded(file.read_bytes(), f"--file {file}"), f"--file {file}"
    elif argument is None or argument == "-":
        if sys.stdin is None or (argument is None and sys.stdin.isatty()):
            raise UserError("PROMPT is missing; give it as an argument, with --file, or on standard input")
        text, source = _decoded(sys.stdin.buffer.read(), "standard input"), "standard input"
    else:
        if argument != argument.encode(errors="replace").decode():  # the shell handed over bytes that are not UTF-8
            raise UserError(f"PROMPT={argument!r} is not UTF-8 text; convert it, for example with iconv")
        return _filled(argument, "PROMPT")
    return _filled(text.removesuffix("\n").removesuffix("\r"), source)


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{source} is not UTF-8 text (byte {error.start}); convert it, for example with iconv") from error


def _filled(text: str, source: str) -> str:
    if not text.strip():
        raise UserError(f"{source} is empty; give some text")
    return text
