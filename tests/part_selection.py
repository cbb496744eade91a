"""Runs only what concerns one part: `pytest -p tests.part_selection --part NAME`, which is what `python3 go.py test NAME` does.

NAME is a part of any kind, ours or an installed plug-in's, by the name that recipes use or by its class; or a paper by its short name
or title, which stands for the parts that implement it.

Run are the examples in its docstrings; tests whose parameters hold it (its class, an object of it at any depth, its entry in the
catalogue, its file or its name), which takes in the contract checks and the combinations of the law kit; the test file of its name, or
where there is none the tests that use its class; and tests marked `every_part`, such as those of the structure.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from foretell.catalog import KINDS, Entry, entries, find
from foretell.catalog.papers import find_paper, papers, parts_of
from foretell.parts import UnknownNameError, nearest

#: What a test file says that is about every part, or finds parts by itself.
_DISCOVERY = re.compile(r"every_part|\b(examples|entries|parts|mutants|components|pairs|all_\w+|covering_\w+)\(")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", metavar="NAME", help="run only what concerns this part, or the parts of this paper")


def pytest_configure(config: pytest.Config) -> None:
    name = config.getoption("part")
    if name is None:
        return
    try:
        selection = Selection(entries_of(name))
    except UnknownNameError as error:
        raise pytest.UsageError(f"--part: {error}") from None
    config.pluginmanager.register(selection, "part selection")
    if config.args_source is config.ArgsSource.TESTPATHS:  # no path was given: what else the package's modules hold is not collected
        config.args = ["tests", *sorted(map(str, selection.files))]


def entries_of(name: str) -> list[Entry]:
    """The part of that name, of every kind that has one; or the parts of the paper of that name. Raises UnknownNameError with the nearest
    name otherwise."""
    found = []
    for kind in KINDS:
        try:
            found.append(find(name, kind))
        except UnknownNameError:
            continue
    if found:
        return found
    try:
        found = parts_of(find_paper(name))
    except UnknownNameError:
        known = [*(entry.name for kind in KINDS for entry in entries(kind)), *papers()]
        raise UnknownNameError(f"there is no part or paper called {name!r}: {nearest(name, known)}") from None
    if not found:
        raise UnknownNameError(f"no part implements the paper {name!r}; name a part")
    return found


class Selection:
    """Chooses the tests that concern some parts."""

    def __init__(self, chosen: Iterable[Entry]) -> None:
        self.entries = list(chosen)
        self.names = {entry.name for entry in self.entries}
        self.classes = tuple({entry.load() for entry in self.entries})
        self.files = {Path(source) for cls in self.classes if (source := inspect.getsourcefile(cls))}
        self.has_own_file = False

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Test files that neither name a part nor discover parts are not even imported."""
        if collection_path.suffix != ".py" or collection_path in self.files or collection_path.name == "conftest.py":
            return None
        words = {*self.names, *(cls.__name__ for cls in self.classes), *(file.stem for file in self.files)}
        text = f"{collection_path.stem} {collection_path.read_text(encoding='utf-8')}"
        return None if _DISCOVERY.search(text) or any(word in text for word in words) else True

    def pytest_report_header(self) -> list[str]:
        return [f"part: {entry.name} ({entry.kind}, {entry.file})" for entry in self.entries]

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        own = {f"test_{file.stem}" for file in self.files}
        self.has_own_file = any(item.path.stem in own for item in items)
        chosen = [item for item in items if self.concerns(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen

    def concerns(self, item: pytest.Item) -> bool:
        """Whether a test is among those that this file's docstring names."""
        if item.path in self.files or item.get_closest_marker("every_part"):
            return True
        if item.path.stem in {f"test_{file.stem}" for file in self.files}:
            return True
        callspec = getattr(item, "callspec", None)
        if callspec is not None and self.holds(tuple(callspec.params.values())):
            return True
        return not self.has_own_file and self.is_used_in(item)

    def holds(self, value: Any) -> bool:
        """Whether a parameter is one of the parts, or holds one at any depth."""
        if isinstance(value, type):
            return value in self.classes
        if isinstance(value, str):
            return value in self.names
        if isinstance(value, self.classes) or value in self._values(value):
            return True
        if isinstance(value, tuple | list | set | frozenset):
            return any(map(self.holds, value))
        if isinstance(value, dict):
            return self.holds(tuple(value.values()))
        if dataclasses.is_dataclass(value):
            inside = [getattr(value, field.name, None) for field in dataclasses.fields(value)]
            return self.holds(getattr(type(value), "breaks", None)) or any(map(self.holds, inside))
        return hasattr(value, "get_params") and self.holds(tuple(value.get_params(deep=False).values()))

    def _values(self, value: Any) -> Iterable[Any]:
        """What a value of this type may be equal to."""
        return self.entries if isinstance(value, Entry) else self.files if isinstance(value, Path) else ()

    def is_used_in(self, item: pytest.Item) -> bool:
        """Whether the source of a test function names one of the classes."""
        function = getattr(item, "function", None)
        if function is None:
            return False
        source = inspect.getsource(function)
        return any(re.search(rf"\b{cls.__name__}\b", source) for cls in self.classes)
