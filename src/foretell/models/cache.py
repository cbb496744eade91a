"""What a model keeps of one sequence: `Cache`, and the `Context` that it was made for.

A cache is *committed rows* (the text so far) plus *pending rows* (a tree of drafted tokens hanging on its end). `Model.forward`
appends pending rows; `keep(path)` commits one root path of them and drops the rest. A chain is a tree of width one, and a
prompt is a chain whose rows are all kept.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from foretell.errors import UserError


@dataclass(frozen=True, eq=False)
class Context:
    """What the rows of one sequence depend on beside its tokens. It does not change while the sequence grows.

    prompt_length: how many first tokens are given rather than generated (0: none), for models whose rows depend on it.
    memory: (rows, width) float, what a model with cross-attention reads: an encoder's output, or a picture; None is none.
    Errors: `UserError` for a negative length and for a memory that is not a matrix.

    >>> Context(prompt_length=3).prompt_length
    3
    """

    prompt_length: int = 0
    memory: Tensor | None = None

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "prompt_length", operator.index(self.prompt_length))
        except TypeError:
            raise UserError(f"Context: prompt_length={self.prompt_length!r} must be a whole number") from None
        if self.prompt_length < 0:
            raise UserError(f"Context: prompt_length={self.prompt_length!r} must be 0 or above")
        if self.memory is not None and (not isinstance(self.memory, Tensor) or self.memory.ndim != 2):
            shape = tuple(getattr(self.memory, "shape", ())) or type(self.memory).__name__
            raise UserError(f"Context: memory={shape} must be a tensor of shape (rows, width)")


#: The context of a text of which nothing is given.
NO_CONTEXT = Context()


class Cache(ABC):
    """Keys and values of one sequence.

    `length` counts committed rows; `pending` lists the parent of each pending row (-1: hangs on the committed end) and
    `depths` its distance from that end (0 for the first). The position of a pending row is `length + depth` unless its feed
    named another. `context` is what `Model.new_cache` was given.
    Rows that see each other (`Attention.PREFIX` and `FULL`) form a *block*, which is kept or dropped as a whole:
    `pending_blocks` lists first and last + 1 of the pending rows of each, `blocks` those of the committed rows.
    `placed`: whether a row was fed at an explicit position, which is not remembered.
    Subclasses say how rows are stored, in the methods with an underscore.
    """

    def __init__(self) -> None:
        self.length = 0
        self.context = NO_CONTEXT
        self.pending: list[int] = []
        self.depths: list[int] = []
        self.blocks: list[tuple[int, int]] = []
        self.pending_blocks: list[tuple[int, int]] = []
        self.placed = False

    def keep(self, path: Sequence[int]) -> None:
        """Commit the pending rows `path` (a path from the root, parents first) and drop all others.

        UserError for rows that are no such path, and for a path that holds a part of a block.
        """
        parent = -1
        for row in path:
            if not 0 <= row < len(self.pending) or self.pending[row] != parent:
                raise UserError(f"keep: path={list(path)!r} is not a root path of the {len(self.pending)} pending rows")
            parent = row
        if self.pending_blocks:
            self._keep_blocks(list(path))
        self._keep(list(path))
        self.length += len(path)
        self.pending, self.depths = [], []

    def reopen(self, num: int) -> None:
        """Make the last `num` committed rows pending again, as a chain: rows that passed only some layers can then be completed.

        There must be no pending rows, and no rows of a block or at explicit positions. UserError where this cache cannot.
        """
        if self.pending or not 0 <= num <= self.length:
            raise UserError(f"reopen: num={num!r} must lie between 0 and the {self.length} committed rows, with none pending")
        if num:
            self.check_plain("reopen")
        self._reopen(num)
        self.length -= num
        self.append(range(-1, num - 1))

    def truncate(self, length: int) -> None:
        """Forget pending rows and all committed rows from `length` on. UserError where that would cut a block in two."""
        if not 0 <= length <= self.length:
            raise UserError(f"truncate: length={length!r} must lie between 0 and the {self.length} committed rows")
        if self.blocks:
            for first, last in self.blocks:
                if first < length < last:
                    raise UserError(f"truncate: length={length!r} cuts rows {first} to {last - 1}, which see each other; cut at {first}")
            self.blocks = [(first, last) for first, last in self.blocks if last <= length]
        self._keep([])
        self._truncate(length)
        self.length, self.pending, self.depths, self.pending_blocks = length, [], [], []
        self.placed = self.placed and length > 0

    def reuse(self, prompt_length: int) -> None:
        """Begin a prompt of `prompt_length` tokens whose first ones are the committed rows.

        Rows from the prompt's last token on are forgotten, since its row is wanted anew, and the context gets the new length.
        """
        self.truncate(min(self.length, max(prompt_length - 1, 0)))
        self.context = replace(self.context, prompt_length=prompt_length)
        self._reuse()

    def fork(self) -> Cache:
        """An independent cache with the same context and committed rows (pending rows stay behind)."""
        twin = self._fork()
        twin.length, twin.context, twin.placed, twin.blocks = self.length, self.context, self.placed, list(self.blocks)
        return twin

    def append(self, parents: Sequence[int]) -> None:
        """Note new pending rows; called by `Model.forward`. Each parent is -1 or an earlier pending row."""
        pending, depths = self.pending, self.depths
        for parent in parents:
            if not -1 <= parent < len(pending):
                raise UserError(f"parent={parent!r} of pending row {len(pending)} must be -1 or an earlier pending row")
            pending.append(parent)
            depths.append(depths[parent] + 1 if parent >= 0 else 0)

    def ancestors(self, row: int) -> list[int]:
        """Pending rows from the root down to `row`, itself included."""
        path = []
        while row >= 0:
            path.append(row)
            row = self.pending[row]
        return path[::-1]

    def check_plain(self, owner: str) -> None:
        """UserError where rows of a block or at explicit positions are held: they pass all layers in the forward that feeds them."""
        if self.placed or self.blocks or self.pending_blocks:
            raise UserError(f"{owner}: this cache holds rows that see each other or that were given positions; they cannot be resumed")

    def check_parents(self, parents: Sequence[int]) -> None:
        """UserError for parents inside a pending block: what hangs there would be kept with a part of the block."""
        for first, last in self.pending_blocks:
            for parent in parents:
                if first <= parent < last - 1:
                    raise UserError(f"forward: parent={parent!r} lies in rows {first} to {last - 1}, which see each other; take {last - 1}")

    def _keep_blocks(self, path: list[int]) -> None:
        kept = []
        for first, last in self.pending_blocks:
            num = sum(first <= row < last for row in path)
            if 0 < num < last - first:
                raise UserError(f"keep: path={path!r} holds a part of rows {first} to {last - 1}, which see each other; keep all or none")
            if num:
                start = self.length + path.index(first)
                kept.append((start, start + num))
        self.blocks += kept
        self.pending_blocks = []

    @abstractmethod
    def _keep(self, path: list[int]) -> None: ...

    @abstractmethod
    def _truncate(self, length: int) -> None: ...

    @abstractmethod
    def _fork(self) -> Cache: ...

    def _reopen(self, num: int) -> None:
        raise UserError(f"{type(self).__name__} cannot reopen rows; take a model that keeps keys and values by row")

    def _reuse(self) -> None:  # noqa: B027 (most have nothing to do)
        """Drop what depended on the old prompt length; rows that do not see the change stay."""
