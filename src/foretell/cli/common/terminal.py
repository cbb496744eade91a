"""Lines on standard error, beside the results on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text


def say(message: str | Text, style: str = "") -> None:
    """One line on stderr, coloured where that is a terminal."""
    from rich.console import Console
    from rich.text import Text

    line = message if isinstance(message, Text) else Text(message, style)
    Console(stderr=True, soft_wrap=True, highlight=False).print(line)
