"""The command group: every verb's errors, warnings and interruptions end here, in one readable line."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from rich.text import Text

#: Exit codes: as a shell reports a program ended by SIGINT, and by SIGPIPE.
INTERRUPTED, BROKEN_PIPE = 130, 141


def say(message: str | Text, style: str = "") -> None:
    """One line on stderr, coloured where that is a terminal."""
    from rich.console import Console
    from rich.text import Text

    line = message if isinstance(message, Text) else Text(message, style)
    Console(stderr=True, soft_wrap=True, highlight=False).print(line)


class VerbGroup(TyperGroup):
    """A group of verbs that turns a user's mistakes into one red line and exit code 2; `--debug` shows the traceback."""

    debug = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options, with `--debug` before or after the verb."""
        # Taken out here, so that it works before and after the verb without every verb declaring it.
        end = args.index("--") if "--" in args else len(args)
        self.debug = "--debug" in args[:end]
        return super().parse_args(ctx, [arg for i, arg in enumerate(args) if arg != "--debug" or i > end])

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; errors end in one line and an exit code."""
        with warnings.catch_warnings():
            if not self.debug:
                warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except (typer.Exit, typer.Abort):
                raise
            except KeyboardInterrupt:
                say("interrupted", "yellow")
                raise typer.Exit(INTERRUPTED) from None
            except BrokenPipeError:
                # The reader has had enough, as `head` has; what is still buffered must not fail again at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(BROKEN_PIPE) from None
            except Exception as error:
                if self.debug or hasattr(error, "show"):  # typer's own show themselves
                    raise
                say(describe(error), "red")
                raise typer.Exit(2 if _is_mistake(error) else 1) from None


def describe(error: Exception) -> str:
    """One line for an error: what its message says, and for what is not the user's doing, where to report it."""
    if isinstance(error, OSError) and error.strerror:
        return f"error: {error.filename}: {error.strerror}" if error.filename is not None else f"error: {error.strerror}"
    message = " ".join(str(error).splitlines()) or type(error).__name__
    if _is_mistake(error):
        return f"error: {message}"
    return f"error: {type(error).__name__}: {message} (this is a bug of Foretell's: please report what --debug shows)"


def _is_mistake(error: Exception) -> bool:
    """Whether the user can mend it: values, files and missing packages, as opposed to bugs."""
    return isinstance(error, ValueError | OSError | ImportError | MemoryError)


def _show_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    if issubclass(category, UserWarning):  # other categories speak to developers
        say(f"warning: {message}", "yellow")
