"""The command group: every verb's errors, warnings and interruptions end here, in one readable line.

What users can mend (`UserError`, files, memory) exits with status 2 and says how. Anything else is a fault of Foretell's own: it exits
with status 1, says so, and names the file that holds its traceback. Mistakes in the command line itself, which typer finds, look the same.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from foretell.cli.common.extras import install_command
from foretell.cli.common.fault_report import write_fault_report
from foretell.cli.common.interrupts import INTERRUPTED, interrupted
from foretell.cli.common.logs import show_logs, take_verbosity
from foretell.cli.common.terminal import say
from foretell.cli.common.verb import HelpPage, in_options
from foretell.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

#: Exit codes: of a user's error, of a fault, and as a shell reports a program that SIGPIPE ended.
USER_ERROR, FAULT, BROKEN_PIPE = 2, 1, 141
#: Environment variable that does what `--debug` does, where it holds anything.
DEBUG = "FORETELL_DEBUG"


class VerbGroup(HelpPage, TyperGroup):
    """A group of verbs that turns errors into one red line and an exit code; `--debug`, or FORETELL_DEBUG, shows the traceback."""

    debug = False

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program; mistakes in the command line end in one line, as all others do."""
        standalone = extra.pop("standalone_mode", True)
        run: Callable[..., Any] = super().main
        if not standalone:
            return run(*args, **extra, standalone_mode=False)
        try:
            code = run(*args, **extra, standalone_mode=False)
        except typer.Abort:
            say("aborted", "yellow")
            sys.exit(FAULT)
        except Exception as error:
            if self.debug or not hasattr(error, "format_message"):  # typer's have it
                raise
            say_usage(error)
            sys.exit(getattr(error, "exit_code", USER_ERROR))
        sys.exit(code if isinstance(code, int) else 0)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options, with `--debug` and `-v` before or after the verb."""
        # Taken out here, so that they work before and after the verb without every verb declaring them.
        end = args.index("--") if "--" in args else len(args)
        self.debug = "--debug" in args[:end] or bool(os.environ.get(DEBUG))
        verbosity, before = take_verbosity([arg for arg in args[:end] if arg != "--debug"])
        show_logs(verbosity)
        return super().parse_args(ctx, [*before, *args[end:]])

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
            except SystemExit as end:
                if isinstance(end.__context__, BrokenPipeError):  # rich ends so
                    raise typer.Exit(BROKEN_PIPE) from None
                raise
            except Exception as error:
                if self.debug or hasattr(error, "show"):  # typer's own show themselves
                    raise
                if interrupted():  # some library took the interruption for a fault of its own
                    say("interrupted", "yellow")
                    raise typer.Exit(INTERRUPTED) from None
                is_users = is_users_error(error)
                verb = self.commands.get(ctx.invoked_subcommand or "")
                say(in_options(describe(error), verb) if is_users else describe_fault(error, write_fault_report(error)), "red")
                raise typer.Exit(USER_ERROR if is_users else FAULT) from None


def say_usage(error: Any) -> None:
    """One line for a mistake in the command line, with where to read on."""
    if type(error).__name__ == "NoArgsIsHelpError":  # typer has shown the help
        return
    context = getattr(error, "ctx", None)
    message = error.format_message().strip().rstrip(".")
    path = f"{context.command_path} --help" if context is not None else "foretell --help"
    say(f"error: {message[:1].lower()}{message[1:]}{' See' if message.endswith('?') else '; see'} `{path}`", "red")


def is_users_error(error: Exception) -> bool:
    """Whether the user can mend it: what was handed in, files and connections, too little memory, an extra that is not installed."""
    return isinstance(error, UserError | OSError) or _is_out_of_memory(error) or install_command(error) is not None


def describe(error: Exception) -> str:
    """One line for an error that the user can mend: what its message says."""
    if isinstance(error, OSError) and error.strerror:
        return f"error: {error.filename}: {error.strerror}" if error.filename is not None else f"error: {error.strerror}"
    message = " ".join(str(error).splitlines())
    command = install_command(error)
    if command is not None:
        return f"error: this needs the package {error.name.partition('.')[0]}: {command}"  # type: ignore[attr-defined]
    if _is_out_of_memory(error):
        return f"error: out of memory{f' ({message})' if message else ''}; take a smaller model, dtype or batch, or a shorter prompt"
    return f"error: {message or type(error).__name__}"


def describe_fault(error: Exception, report: Path | None) -> str:
    """One line for any other error: what it is, that it is not the user's doing, and what to report. report: the file that holds it."""
    message = " ".join(str(error).splitlines())
    what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    where = f"with {report}, which holds the command line and the traceback" if report is not None else "with what --debug shows"
    return f"error: {what} (this is a bug of Foretell's, not your mistake: please report it {where})"


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"  # torch's, which need not be imported


def _show_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    if issubclass(category, UserWarning):  # other categories speak to developers
        say(f"warning: {message}", "yellow")
