"""Python analysed by jedi: names of a project's modules, of installed packages and of Python itself."""

from __future__ import annotations

import keyword
import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from foretell.errors import MissingPackageError
from foretell.rules.analysis.analyser import Analyser, AnalysisFailedError, check_offset
from foretell.rules.analysis.jedi_process import JediProcess, shared_process
from foretell.rules.analysis.python_lexing import is_dereference

INSTALL = "pip install 'foretell[monitors]'"


@dataclass(frozen=True)
class JediAnalyser(Analyser):
    """Analyses with jedi in a process of its own; modules are found as the running Python would import them.

    project: a folder, or None for installed packages only. budget: seconds of an analysis, after which it is stopped. own: whether `self.`
    and `cls.` are dereferences too. process: shared by all analysers of the program. ImportError if jedi is not installed.
    """

    project: str | None = None
    budget: float = 5.0
    own: bool = False
    process: JediProcess = field(default_factory=shared_process, compare=False, repr=False)

    def __post_init__(self) -> None:
        if find_spec("jedi") is None:
            raise MissingPackageError(f"to monitor Python code, install jedi: {INSTALL}")
        self.process.warm_up()

    def is_dereference(self, text: str) -> bool:
        return is_dereference(text, self.own)

    def is_delimiter(self, char: str) -> bool:
        # Outside of strings and comments, all non-ASCII characters that Python allows belong to names.
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
            raise AnalysisFailedError(answer["error"])
        return sorted({name for name in answer["names"] if name.isidentifier() and not keyword.iskeyword(name)})

    def project_version(self) -> Hashable:
        return None if self.project is None else frozenset(_file_versions(self.project))


def _file_versions(folder: str) -> Iterator[tuple[str, int, int]]:
    """(path, modification time in ns, size in bytes) of the Python files in a folder, without hidden folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith((".", "__pycache__")):
                    yield from _file_versions(entry.path)
            elif entry.name.endswith((".py", ".pyi")):
                status = entry.stat()
                yield entry.path, status.st_mtime_ns, status.st_size
