"""The program `foretell`: one verb, one file.

Each module of this package is a verb: it exposes a function of the module's name, whose signature is its options. A new verb
is a new file. What verbs share lives in `common/`. Verbs import what is heavy inside their function, so that help is instant.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from typing import Annotated

import typer

from foretell.cli.common.program import Program


def make_app() -> typer.Typer:
    """The program with all verbs found in this package."""
    app = typer.Typer(
        name="foretell",
        cls=Program,
        rich_markup_mode="markdown",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog='Start with: `foretell generate "Name three rivers in Europe."`',
    )
    app.callback()(_program)
    for info in pkgutil.iter_modules(__path__):
        if not info.ispkg:
            app.command(name=info.name)(getattr(importlib.import_module(f"{__name__}.{info.name}"), info.name))
    return app


def main() -> None:
    """What the command `foretell` runs."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows another, it does not fail
    try:
        make_app()()
    finally:
        _flush()


def _flush() -> None:
    """Python would complain at exit about a reader that has gone."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _version(wanted: bool) -> None:
    if wanted:
        from foretell import __version__

        typer.echo(f"foretell {__version__}")
        raise typer.Exit


def _program(
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, metavar="", help="Say the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", metavar="", help="Show the traceback of an error; works after a verb too.")] = False,
) -> None:
    """Say the next words sooner: exact speculative decoding from small parts that combine."""
