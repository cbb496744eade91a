"""The contract of static analysers: which names may continue a program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence

from foretell.errors import UserError


class AnalysisTimeoutError(Exception):
    """An analysis took longer than its budget and was stopped."""


class AnalysisFailedError(Exception):
    """The analyser raised an error, or its process died. The next query may succeed."""


class Analyser(ABC):
    """What a monitor needs to know of a programming language and of a project. Texts are whole files and may be incomplete."""

    @abstractmethod
    def is_dereference(self, text: str) -> bool:
        """Whether the dot at the end of `text` must be followed by the name of an existing attribute. Reads the text only, so it is
        cheap."""

    @abstractmethod
    def is_delimiter(self, char: str) -> bool:
        """Whether a name ends before `char`."""

    @abstractmethod
    def complete(self, path: str, text: str, offset: int) -> Sequence[str]:
        """The names that may follow the first `offset` characters of `text`, the content of the file `path`; none if nothing is known.

        Errors: UserError for an offset outside of the text, `AnalysisTimeoutError` if the budget is spent, `AnalysisFailedError` for
        errors of the analyser.
        """

    def project_version(self) -> Hashable:
        """A value that changes when the project's files change; None if there are none."""
        return None


def check_offset(text: str, offset: int) -> None:
    """UserError unless the offset is within the text."""
    if not 0 <= offset <= len(text):
        raise UserError(f"complete: offset={offset!r} is outside the file, whose text has {len(text)} characters; give one within it")
