"""What the files about numbers, strings, arrays and objects may ask of the lowering whose halves they are."""

from __future__ import annotations

from typing import Any, Protocol

from foretell.rules.schemas.effort import Effort
from foretell.rules.schemas.engine_schema import Plain
from foretell.rules.schemas.graph import Node


class Work(Protocol):
    """A lowering in hand. formats: whether those that are known are enforced. ignored: (node, word, why) of annotations."""

    formats: bool
    effort: Effort
    ignored: list[tuple[Node, str, str]]

    def lower(self, node: Node) -> Plain:
        """The node in the engine's words."""

    def relax(self, node: Node, word: str, why: str) -> None:
        """Note that the word is left out, or allows more than it should."""

    def valid(self, node: Node, value: Any) -> bool:
        """Whether the value is valid at the node."""
