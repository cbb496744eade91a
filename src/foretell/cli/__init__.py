"""The command line program `foretell`: one file for each verb.

Each module of this package is a verb: it has a function of the module's name, whose signature gives the options. A new verb is a new
file. Code that verbs share is in `common/`. Verbs import torch and other heavy packages inside their function, so that help is instant.
A module has EXAMPLES, command lines that end its help page, and KEEPS_RESULTS = True where Ctrl-C leaves results (`common/interrupts.py`).
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the command `foretell`."""
    from foretell.cli.common.interrupts import INTERRUPTED, install

    install()
    try:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # characters that the terminal cannot show are replaced
        from foretell.cli.common.app import make_app
        from foretell.models.cache_folder import lead_libraries

        lead_libraries()
        make_app()(prog_name="foretell")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        _flush()


def _flush() -> None:
    """Flush standard output; without a reader, redirect it, so that Python does not fail at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
