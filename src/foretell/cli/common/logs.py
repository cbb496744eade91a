"""`-v`: the log of the library on standard error."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Sequence

from foretell.cli.common.terminal import say

#: Levels by the number of `-v`.
LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_SWITCH = re.compile(r"-(v+)")
_begun = time.perf_counter()


class _Lines(logging.Handler):
    """Writes records as lines, with the seconds since the program began."""

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        if record.levelno >= logging.WARNING:
            say(f"warning: {record.getMessage()}", "yellow")
        else:
            room = record.name.removeprefix("foretell.")
            say(Text(f"{time.perf_counter() - _begun:7.2f} s  {room}: {record.getMessage()}", "dim"))


def take_verbosity(args: Sequence[str]) -> tuple[int, list[str]]:
    """How often `-v` or `--verbose` is among these words (`-vv` counts twice), and the other words.

    >>> take_verbosity(["generate", "-vv", "Hello", "--verbose"])
    (3, ['generate', 'Hello'])
    """
    counts = [len(match[1]) if (match := _SWITCH.fullmatch(arg)) else int(arg == "--verbose") for arg in args]
    return sum(counts), [arg for arg, count in zip(args, counts, strict=True) if not count]


def show_logs(verbosity: int) -> None:
    """Show the library's log on standard error: warnings, with one `-v` what is used and how long it took, with two all."""
    logger = logging.getLogger("foretell")
    for handler in [each for each in logger.handlers if isinstance(each, _Lines)]:
        logger.removeHandler(handler)
    logger.addHandler(_Lines())
    logger.setLevel(LEVELS[min(verbosity, len(LEVELS) - 1)])
    if verbosity:
        from foretell import __version__

        python = ".".join(map(str, sys.version_info[:3]))
        logger.info("foretell %s, Python %s", __version__, python)
