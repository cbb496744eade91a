"""The contract of routers: which member of a group of models speaks next."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from foretell.errors import UserError
from foretell.parts import Guarantee, Part

#: The two members of the usual group.
SMALL, LARGE = 0, 1


class Router(Part):
    """Settings of a routing rule for the `ModelGroup` that holds it; members are numbered from the smallest.

    A state belongs to one text up to one position. It is a value: rows of a tree that share a beginning share states, so
    `choose` returns a new one and leaves the old as it is. What is chosen must follow from the state and the row alone.
    """

    guarantee: ClassVar[Guarantee] = Guarantee("lossy", "several models take turns, and the text is none's own")

    def check(self, num_members: int) -> None:
        """UserError where the rule does not fit a group of so many members."""
        if num_members != 2:
            raise UserError(f"{type(self).__name__}: it routes between 2 members, but the group has {num_members}")

    @abstractmethod
    def begin(self, prompt: Sequence[int]) -> Any:
        """The state before the first token after `prompt`."""

    def listener(self, state: Any) -> int | None:
        """The member whose row `choose` must hear first; None where it chooses unheard."""
        return None

    @abstractmethod
    def choose(self, state: Any, row: Tensor | None) -> tuple[int, Any]:
        """(the member whose row the next token is drawn from, the state after that token).

        row: the listener's raw logits (vocab_size,) at this position.
        """
