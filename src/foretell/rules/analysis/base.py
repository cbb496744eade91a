"""The contract of static analysers: which names a program may go on with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence

from foretell.errors import UserError


class LateError(Exception):
    """An analysis took longer than its budget, and was given up."""


class FailedError(Exception):
    """An analyser made a mistake, or its process died; the next question may be answered again."""


class Analyser(ABC):
    """What a monitor must know of a language and of a project written in it. Texts are whole files, which may be half written."""

    @abstractmethod
    def asks(self, text: str) -> bool:
        """Whether the dot that ends `text` asks for the name of an attribute that must be there. Cheap: it only reads the text."""

    @abstractmethod
    def ends_name(self, char: str) -> bool:
        """Whether a name ends before `char`."""

    @abstractmethod
    def complete(self, path: str, text: str, offset: int) -> Sequence[str]:
        """The names that may stand after the first `offset` characters of `text`, the content of the file `path`; none where nothing
        is known. ValueError for an offset beyond the text, `LateError` where the budget is spent, `FailedError` for its mistakes."""

    def stamp(self) -> Hashable:
        """Changes when the project's files do."""
        return None


def check_offset(text: str, offset: int) -> None:
    """ValueError unless the offset is within the text."""
    if not 0 <= offset <= len(text):
        raise UserError(f"complete: offset={offset!r} is outside the file, whose text has {len(text)} characters; give one within it")
