"""`SuccessorTable`: the successors of contexts, best first, for all drafters that use a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foretell.decoding.drafting.successors import kernels
from foretell.decoding.drafting.successors.kernels import (
    ADD,
    COUNT,
    DENSE,
    EVICTED,
    MEAN,
    NEWEST,
    NOTHING_WRONG,
    OLDEST,
    OVERWRITE,
    ROWS,
    WEIGHTED,
    Store,
)
from foretell.locks import ForkSafeLock
from foretell.parts import require

RULES = {"overwrite": OVERWRITE, "add": ADD, "mean": MEAN, "count": COUNT}
_FIRST_ROWS = 64
_PIECE = 1024  # tokens of a long text learnt between two checks of the room left


class SuccessorTable:
    """Successors of contexts, at most `width` each, best first; empty entries are -1.

    vocab_size: width of the model's logits. orders: context lengths, the longest is looked up first. rule: how a known context learns.
    "overwrite": the latest predictions replace the old ones (Token Recycling). "mean": distributions are averaged over occurrences (STAND).
    "add": an occurrence adds `step` to one successor's weight, up to `cap` (ADED). "count": as "add" with step 1 and no cap, and `total`
    includes successors that were evicted from a full row (n-gram models). weighted: whether weights are kept; without them, successor j has
    the share 2**-(j + 1). capacity: most rows of all orders together; beyond it the least recently used row is evicted. A table of the
    single order 1 has a row for every token instead, and never evicts.

    `statistics` counts lookups and hits of `find`, and what drafters add. Thread-safe: each call holds `lock`. Code that reads `store`
    directly must hold it too.

    Cost: microseconds per call, compiled. Memory: rows * (width * (12 or 4) + 4 * longest order + 40) bytes.
    Errors: UserError for settings out of range, token ids outside the vocabulary, probabilities that are negative or not finite,
    and for learning with a `frozen` table.

    >>> table = SuccessorTable(vocab_size=10, orders=(2, 1), rule="count")
    >>> table.learn_text([1, 2, 3, 1, 2, 4, 1, 2, 4])
    >>> table.successors([1, 2]), table.successors([9, 2])
    (([4, 3], [2.0, 1.0]), ([4, 3], [2.0, 1.0]))
    """

    def __init__(
        self,
        vocab_size: int,
        orders: Sequence[int] = (1,),
        width: int = 8,
        rule: str = "overwrite",
        *,
        step: float = 1.0,
        cap: float = math.inf,
        weighted: bool | None = None,
        capacity: int = 200_000,
    ) -> None:
        orders = tuple(sorted(orders, reverse=True))
        require(vocab_size >= 1, self, "vocab_size", vocab_size, "must be at least 1")
        require(bool(orders) and orders[-1] >= 1, self, "orders", orders, "must name at least one length of context, each 1 or more")
        require(len(set(orders)) == len(orders), self, "orders", orders, "must not repeat a length")
        require(width >= 1, self, "width", width, "must be at least 1 successor")
        require(rule in RULES, self, "rule", rule, f"must be one of {', '.join(RULES)}")
        require(capacity >= 1, self, "capacity", capacity, "must be at least 1 row")
        if rule == "add":
            require(0 < step < math.inf, self, "step", step, "must be above 0")
            require(cap > step, self, "cap", cap, f"must be above step={step!r}")
        if rule != "add":
            step, cap = 1.0, math.inf
        weighted = rule != "overwrite" if weighted is None else weighted
        require(weighted or rule == "overwrite", self, "weighted", weighted, f"must be True for rule={rule!r}")
        self.vocab_size, self.orders, self.width, self.rule = vocab_size, orders, width, rule
        self.step, self.cap, self.weighted, self.capacity = step, cap, weighted, capacity
        self.longest = orders[0]
        self.dense = orders == (1,)
        self.frozen = False
        self.lock = ForkSafeLock()
        self.statistics: Counter[str] = Counter()
        self.order_array = np.array(orders, dtype=np.int64)
        self.store = self._make(vocab_size if self.dense else min(_FIRST_ROWS, capacity))

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that create an empty table with the same settings."""
        names = ("vocab_size", "orders", "width", "rule", "step", "cap", "weighted", "capacity")
        return {name: getattr(self, name) for name in names}

    def _make(self, rows: int) -> Store:
        hashed = 0 if self.dense else rows
        meta = np.zeros(6, dtype=np.int64)
        meta[[NEWEST, OLDEST]] = -1
        meta[DENSE], meta[WEIGHTED] = self.dense, self.weighted
        links = [np.full(hashed, -1, dtype=np.int32) for _ in range(3)]
        return Store(
            context=np.full((hashed, self.longest), -1, dtype=np.int32),
            tokens=np.full((rows, self.width), -1, dtype=np.int32),
            weights=np.zeros((rows, self.width)) if self.weighted else 0.5 ** np.arange(1.0, self.width + 1)[None],
            totals=np.zeros(rows if self.weighted else 0),
            counts=np.zeros(rows, dtype=np.int32),
            heads=np.full(1 << max(hashed - 1, 1).bit_length(), -1, dtype=np.int32),
            chain=links[0],
            newer=links[1],
            older=links[2],
            meta=meta,
        )

    def reserve(self, more: int) -> None:
        """Make room for `more` new rows, or for as many as `capacity` allows."""
        if self.dense:
            return
        old, num = self.store, int(self.store.meta[ROWS])
        need = min(num + more, self.capacity)
        if need <= len(old.context):
            return
        self.store = self._make(min(max(need, 2 * len(old.context)), self.capacity))
        for name in ("context", "tokens", "counts", "newer", "older", *(("weights", "totals") if self.weighted else ())):
            getattr(self.store, name)[:num] = getattr(old, name)[:num]
        self.store.meta[:] = old.meta
        kernels.rehash(self.store)

    def rehash(self) -> None:
        """Rebuild the hash table after rows of `store` were written directly."""
        kernels.rehash(self.store)

    def copy(self) -> SuccessorTable:
        """A table with the same settings and content."""
        table = SuccessorTable(**self.settings)
        with self.lock:
            table.store = Store(**{name: array.copy() for name, array in self.store._asdict().items()})
        return table

    # Learning

    def learn_rows(self, contexts: ArrayLike, tokens: ArrayLike, probs: ArrayLike | None = None) -> None:
        """Learn rows of predicted successors; later rows replace earlier ones. For the rules "overwrite" and "mean".

        contexts: (n, at least the longest order), the tokens up to and including each position, -1 before the text's beginning.
        tokens: (n, k), best first. probs: (n, k), needed where weights are kept.
        """
        self._teachable("overwrite", "mean")
        contexts, tokens = np.ascontiguousarray(contexts, dtype=np.int64), np.ascontiguousarray(tokens, dtype=np.int64)
        if len(contexts) == 0:
            return
        if self.weighted:
            probs = np.ascontiguousarray(probs, dtype=np.float64)
            require(probs.shape == tokens.shape, self, "probs", probs.shape, f"must have the shape of tokens, {tokens.shape}")
            good = probs.min() >= 0 and probs.max() < math.inf  # false for NaN
            require(good, self, "probs", "...", "must be finite and not negative")
        weights = probs if self.weighted else _NO_PROBS
        with self.lock:
            self.reserve(len(contexts) * len(self.orders))
            wrong = kernels.learn_rows(self.store, self.order_array, contexts, tokens, weights, RULES[self.rule], self.vocab_size)
        self._known(wrong)

    def learn_text(self, text: ArrayLike, first: int = 0, last: int | None = None) -> None:
        """Learn text[i] as the successor of the tokens before it, for i from `first` to `last` - 1 (None: the end). For the rules "add" and
        "count"."""
        self._teachable("add", "count")
        text = np.ascontiguousarray(text, dtype=np.int64)
        self._known(kernels.first_wrong(text[None], self.vocab_size))
        last = len(text) if last is None else min(last, len(text))
        for begin in range(max(first, 0), last, _PIECE):
            end = min(begin + _PIECE, last)
            with self.lock:
                self.reserve((end - begin) * len(self.orders))
                kernels.learn_text(self.store, self.order_array, text, begin, end, self.step, self.cap, RULES[self.rule])

    def _teachable(self, *rules: str) -> None:
        require(not self.frozen, self, "frozen", True, "cannot learn; set it to False, or take a copy")
        require(self.rule in rules, self, "rule", self.rule, f"learns otherwise; this way of learning is for {' and '.join(rules)}")

    def _known(self, wrong: int) -> None:
        if wrong != NOTHING_WRONG:
            require(False, self, "tokens", wrong, f"is outside the vocabulary of {self.vocab_size}")

    # Looking up

    def context(self, tokens: Sequence[int]) -> NDArray[np.int32]:
        """The last tokens of a text as an int32 array (longest,), with -1 before the beginning."""
        tail = [*tokens[-self.longest :]]
        return np.array([-1] * (self.longest - len(tail)) + tail, dtype=np.int32)

    def find(self, tokens: Sequence[int], order: int | None = None) -> tuple[int, int]:
        """(row, order) of the longest known context that ends `tokens`, or of that `order` only; (-1, 0) where none is known."""
        orders = self.order_array if order is None else np.array([order], dtype=np.int64)
        with self.lock:
            row, length = kernels.find_longest(self.store, self.context(tokens), orders)
            self.statistics["lookups"] += 1
            if row >= 0:
                self.statistics["hits"] += 1
                kernels.touch(self.store, row)
        return row, length

    def successors(self, tokens: Sequence[int], order: int | None = None) -> tuple[list[int], list[float]]:
        """Successors of the longest known context that ends `tokens`, best first, and their weights."""
        return self.entries(self.find(tokens, order)[0])

    def entries(self, row: int) -> tuple[list[int], list[float]]:
        """Tokens and weights of a row; empty for row -1."""
        if row < 0:
            return [], []
        tokens = self.store.tokens[row]
        num = int((tokens >= 0).sum())
        return tokens[:num].tolist(), self.store.weights[row if self.weighted else 0, :num].tolist()

    def total(self, row: int) -> float:
        """The sum that a row's weights are divided by: occurrences for "count", 1 for distributions, else the weights' sum."""
        return float(self.store.totals[row]) if self.weighted else 1.0

    def __getitem__(self, rows: Any) -> NDArray[np.int32]:
        """Tokens of rows by NumPy indexing, -1 where empty. In a dense table, a row's number is its token."""
        return self.store.tokens[rows]

    def __setitem__(self, rows: Any, tokens: ArrayLike) -> None:
        self.store.tokens[rows] = tokens

    # Sizes

    @property
    def shape(self) -> tuple[int, int]:
        """(number of allocated rows, width)."""
        rows, width = self.store.tokens.shape
        return rows, width

    def __len__(self) -> int:
        """Number of known contexts."""
        return int((self.store.tokens[:, 0] >= 0).sum()) if self.dense else int(self.store.meta[ROWS])

    @property
    def evicted(self) -> int:
        """Number of evicted rows."""
        return int(self.store.meta[EVICTED])

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.store)

    def __repr__(self) -> str:
        return f"SuccessorTable(orders={self.orders}, width={self.width}, rule={self.rule!r}, {len(self)} contexts)"


_NO_PROBS = np.empty((0, 0))
