"""One member gives all tokens: the baseline for other routers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from foretell.decoding.router import Router
from foretell.parts import Guarantee, require


@dataclass(frozen=True)
class Always(Router):
    """The group behaves like its member number `member` alone.

    member: counted from 0, the smallest.

    Guarantee: exact; the rows are those of that member. Needs: nothing. Cost: none; other members never compute. State: none.
    Errors: UserError for a member that the group does not have.

    The end points of the curve in Tufa Labs, "Entropy Adaptive Decoding: Dynamic Model Switching for Efficient Inference", section 4.

    >>> Always(1).choose(None, None)
    (1, None)
    """

    papers = ("entropy-adaptive",)

    member: int = 0

    guarantee = Guarantee("exact", "the rows are those of the one member that speaks")

    def __post_init__(self) -> None:
        require(isinstance(self.member, int) and self.member >= 0, self, "member", self.member, "must be a number from 0 on")

    @classmethod
    def examples(cls) -> list[Always]:
        return [cls(), cls(1)]

    def check(self, num_members: int) -> None:
        require(self.member < num_members, self, "member", self.member, f"is not one of the group's {num_members}, counted from 0")

    def begin(self, prompt: Sequence[int]) -> None:
        return None

    def choose(self, state: None, row: Tensor | None) -> tuple[int, None]:
        return self.member, None
