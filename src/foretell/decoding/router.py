"""The contract of routers: they choose which member of a group of models gives the next token."""

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
    """Settings of a routing rule of a `ModelGroup`; members are numbered from 0, the smallest.

    A state belongs to one position of one text. It is immutable, because rows of a tree with a common prefix share states: `choose` returns
    a new state. The choice must depend on the state and the row only.
    """

    guarantee: ClassVar[Guarantee] = Guarantee("lossy", "several models take turns, and the text is none's own")

    def check(self, num_members: int) -> None:
        """UserError where the rule does not fit a group of `num_members` models."""
        if num_members != 2:
            raise UserError(f"{type(self).__name__}: it routes between 2 members, but the group has {num_members}")

    @abstractmethod
    def begin(self, prompt: Sequence[int]) -> Any:
        """The state before the first token after `prompt`."""

    def listener(self, state: Any) -> int | None:
        """The member whose row `choose` needs; None where it needs none."""
        return None

    @abstractmethod
    def choose(self, state: Any, row: Tensor | None) -> tuple[int, Any]:
        """(the member whose row the next token is drawn from, the state after that token).

        row: raw logits (vocab_size,) of the member that `listener` named, at this position; None where it named none.
        """
