"""Tables by scope: for one request, for all requests with the same prompt, or for all requests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from foretell.decoding.drafting.successors.table import SuccessorTable

SCOPES = ("request", "problem", "global")
_MOST_PROBLEMS = 32


class ScopedTables:
    """Tables by scope. make: creates a table. scope: "request" (one per request), "problem" (one per prompt; the least recently used of
    more than 32 are dropped) or "global" (one for all requests).

    >>> tables = ScopedTables(lambda: SuccessorTable(5), "problem")
    >>> tables.of([1, 2]) is tables.of([1, 2]), tables.of([1, 2]) is tables.of([1, 3])
    (True, False)
    """

    def __init__(self, make: Callable[[], SuccessorTable], scope: str) -> None:
        self._make, self.scope = make, scope
        self.tables: OrderedDict[tuple[int, ...], SuccessorTable] = OrderedDict()

    def of(self, prompt: Sequence[int]) -> SuccessorTable:
        """The table of a new request with this prompt."""
        if self.scope == "request":
            return self._make()
        key = tuple(prompt) if self.scope == "problem" else ()
        if key not in self.tables:
            self.tables[key] = self._make()
            if len(self.tables) > _MOST_PROBLEMS:
                self.tables.popitem(last=False)
        self.tables.move_to_end(key)
        return self.tables[key]
