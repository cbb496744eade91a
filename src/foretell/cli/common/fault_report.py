"""The report of a fault of Foretell's own: what whoever mends it needs to know, in a file that can be sent along."""

from __future__ import annotations

import platform
import shlex
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: Name of the file in the cache folder; each fault replaces the one before.
FILE = "last-fault.txt"
_PACKAGES = ("torch", "transformers", "numpy", "numba", "tokenizers", "llguidance", "scikit-learn")


def fault_report(error: BaseException, words: Sequence[str]) -> str:
    """Version, machine, packages, command line and traceback, as text."""
    from foretell import __version__

    lines = [
        f"foretell {__version__}, Python {platform.python_version()}, {platform.platform()}",
        ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        f"command: foretell {shlex.join(words)}",
        "",
        "".join(traceback.format_exception(error)),
    ]
    return "\n".join(lines)


def write_fault_report(error: BaseException, words: Sequence[str] | None = None) -> Path | None:
    """Write the report of `error` and return its path; None where the folder cannot be written. words: the command line, without the
    program's name."""
    from foretell.models.cache_folder import cache_folder

    path = cache_folder() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fault_report(error, sys.argv[1:] if words is None else words), encoding="utf-8", errors="replace")
    except OSError:
        return None
    return path


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
