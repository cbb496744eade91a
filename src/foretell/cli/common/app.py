"""The program as a whole: its verbs and its own options."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Annotated

import typer

import foretell.cli
from foretell.cli.common.program import VerbGroup
from foretell.cli.common.verb import Verb


def make_app() -> typer.Typer:
    """The program, with a verb for each module of `foretell.cli`."""
    app = typer.Typer(
        name="foretell",
        cls=VerbGroup,
        rich_markup_mode="markdown",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog='Start with: `foretell generate "Name three rivers in Europe."`',
    )
    app.callback()(_program)
    for info in pkgutil.iter_modules(foretell.cli.__path__):
        if not info.ispkg:
            module = importlib.import_module(f"{foretell.cli.__name__}.{info.name}")
            facts = {"examples": getattr(module, "EXAMPLES", ()), "keeps_results": getattr(module, "KEEPS_RESULTS", False)}
            verb = type("Verb", (Verb,), facts)
            app.command(name=info.name.replace("_", "-"), cls=verb)(getattr(module, info.name))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from foretell import __version__

        typer.echo(f"foretell {__version__}")
        raise typer.Exit


def _program(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, metavar="", help="Show the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", metavar="", help="Show the traceback of an error, as FORETELL_DEBUG=1 does; works after a verb too.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            metavar="",
            show_default=False,
            help="Log what is used and how long it takes, on standard error; -vv says more; works after a verb too.",
        ),
    ] = 0,
) -> None:
    """Text generation with exact speculative decoding, constrained output, and regression with language models."""
