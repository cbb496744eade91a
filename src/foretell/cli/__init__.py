"""The program `foretell`: one verb, one file.

Each module of this package is a verb: it exposes a function of the module's name, whose signature is its options. A new verb
is a new file. What verbs share lives in `common/`. Verbs import what is heavy inside their function, so that help is instant.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """What the command `foretell` runs."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that lacks a character shows another, it does not fail
        from foretell.cli.common.app import make_app  # here, so that Ctrl-C during imports ends quietly too

        make_app()()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        _flush()


def _flush() -> None:
    """Python would complain at exit about a reader that has gone."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
