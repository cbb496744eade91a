"""Python through jedi: names of a project's modules, of what is installed and of Python itself."""

from __future__ import annotations

import keyword
import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from foretell.errors import MissingPackageError
from foretell.rules.analysis.base import Analyser, FailedError, check_offset
from foretell.rules.analysis.jedi_process import JediProcess, shared_process
from foretell.rules.analysis.python_lexing import dereferences

INSTALL = "pip install 'foretell[monitors]'"


@dataclass(frozen=True)
class JediAnalyser(Analyser):
    """project: a folder, or None for what is installed only. budget: seconds of an analysis, after which it is given up. own: whether
    `self.` and `cls.` ask too. Modules are those that the Python which runs this program would import. ImportError where jedi is
    not installed."""

    project: str | None = None
    budget: float = 5.0
    own: bool = False
    process: JediProcess = field(default_factory=shared_process, compare=False, repr=False)

    def __post_init__(self) -> None:
        if find_spec("jedi") is None:
            raise MissingPackageError(f"to monitor Python code, install jedi: {INSTALL}")
        self.process.warm_up()

    def asks(self, text: str) -> bool:
        return dereferences(text, self.own)

    def ends_name(self, char: str) -> bool:
        # Beyond ASCII all that Python reads outside of strings and comments are names.
        return char.isascii() and not f"a{char}".isidentifier()

    def complete(self, path: str, text: str, offset: int) -> list[str]:
        check_offset(text, offset)
        before = text[:offset]
        folder = str(Path(self.project).resolve()) if self.project is not None else None
        query = {
            "project": folder,
            "path": str(Path(folder or "").joinpath(path).resolve()),
            "text": text,
            "line": before.count("\n") + 1,
            "column": offset - before.rfind("\n") - 1,
        }
        answer = self.process.ask(query, self.budget)
        if "error" in answer:
            raise FailedError(answer["error"])
        return sorted({name for name in answer["names"] if name.isidentifier() and not keyword.iskeyword(name)})

    def stamp(self) -> Hashable:
        return None if self.project is None else frozenset(_states(self.project))


def _states(folder: str) -> Iterator[tuple[str, int, int]]:
    """(path, time of change, length) of a folder's Python files, hidden folders left out."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith((".", "__pycache__")):
                    yield from _states(entry.path)
            elif entry.name.endswith((".py", ".pyi")):
                state = entry.stat()
                yield entry.path, state.st_mtime_ns, state.st_size
