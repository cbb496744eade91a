"""Drafters that draft from a table of successors, so that several can be interpolated."""

from __future__ import annotations

from abc import abstractmethod

from foretell.decoding.drafter import Ask, Drafter, Memory, State
from foretell.decoding.drafting.successors.table import SuccessorTable


class TableDrafter(Drafter[Memory, State]):
    """Abstract: a drafter that drafts from a table of successors, so that it can be interpolated with others (`a + b`)."""

    @abstractmethod
    def table_for(self, ask: Ask) -> SuccessorTable:
        """The table that this ask is answered from."""
