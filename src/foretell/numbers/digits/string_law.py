"""The exact law of a language model over number strings behind a prompt."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.search import finite
from foretell.errors import UserError
from foretell.models.base import Cache, Feed, Model
from foretell.models.reading import read
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require

LAWS = ("masked", "conditioned")


@dataclass(frozen=True)
class StringLaw:
    """texts, masses: strings and their chances, which sum to 1. missed: the chance of all strings that were not looked at was at most
    this before what was found was made to sum to 1, so no chance and no sum of chances is off by more. num_rows: beginnings read."""

    texts: tuple[bytes, ...]
    masses: np.ndarray
    missed: float
    num_rows: int


@dataclass(frozen=True)
class StringLaws:
    """Works the law out. law: "masked" is the law that drawing under the constraint has: at each token what is not allowed gets no mass
    and the rest is made to sum to 1. "conditioned" is the model's own law of whole strings, given that it writes one of the set and
    ends there. They differ where the model would go on in a way that is not allowed. missed: how much mass may be left
    unseen; 0 looks at everything. most_rows: beginnings read of one prompt at most. batch: prompts that go through the model at once.
    width: beginnings of a prompt that are read in one pass.

    Best first: of all beginnings that are not yet read, those of most mass. All spellings of a string in tokens are summed. Prompts
    share what they begin with: it is read once. Cost: a row for every beginning; "conditioned" reads whole strings too, for the
    chance of ending there: ten times as many rows where nothing is missed. The same tree as `ExhaustiveSearch` looks at. Errors:
    ValueError for settings out of range, prompts that are too long.
    """

    law: str = "masked"
    missed: float = 0.01
    most_rows: int = 2000
    batch: int = 8
    width: int = 64

    def __post_init__(self) -> None:
        require(self.law in LAWS, self, "law", self.law, f"must be one of {', '.join(LAWS)}")
        require(0 <= self.missed < 1, self, "missed", self.missed, "must be 0 or above and below 1")
        for name in ("most_rows", "batch", "width"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 1, self, name, value, "must be a whole number of at least 1")

    def run(self, model: Model, prompts: Sequence[Sequence[int]], constraint: Constraint, stops: frozenset[int]) -> list[StringLaw]:
        """The law behind each prompt (token ids) of what the constraint allows and a stop token ends."""
        longest = max(map(len, prompts))
        if longest >= model.max_length:
            raise UserError(f"a prompt has {longest} tokens, but the model was made for {model.max_length}; show fewer or shorter examples")
        start = constraint.start(Vocabulary.of(model, stops))
        shared = _shared(prompts)
        cache = model.new_cache()
        read(model, [(cache, prompts[0][:shared])], num_logits=0)
        groups = [prompts[i : i + self.batch] for i in range(0, len(prompts), self.batch)]
        return [law for group in groups for law in self._group(model, cache, [list(prompt[shared:]) for prompt in group], start)]

    def _group(self, model: Model, shared: Cache, rests: list[list[int]], start: ConstraintState) -> list[StringLaw]:
        caches = [shared.fork() for _ in rests]
        rows = read(model, list(zip(caches, rests, strict=True)))
        walks = [_Walk(self, cache, start, row.logits[-1]) for cache, row in zip(caches, rows, strict=True)]
        while active := [walk for walk in walks if walk.is_open]:
            taken = [walk.take(self.width) for walk in active]
            feeds = [walk.feed(nodes) for walk, nodes in zip(active, taken, strict=True)]
            for walk, nodes, found in zip(active, taken, model.forward(feeds), strict=True):
                for node, logits in zip(nodes, found.logits, strict=True):
                    walk.read(node, logits)
        return [walk.result() for walk in walks]


@dataclass(eq=False)
class _Node:
    """A beginning: text, token, the row of what comes before it, its constraint's state, and log-masses under both laws."""

    text: bytes
    token: int
    parent: int
    state: ConstraintState
    masked: float
    plain: float
    row: int = -1


class _Walk:
    """The strings behind one prompt."""

    def __init__(self, settings: StringLaws, cache: Cache, start: ConstraintState, logits: Any) -> None:
        self.settings, self.cache = settings, cache
        self.is_masked = settings.law == "masked"
        self.found: dict[bytes, float] = {}
        self.heap: list[tuple[float, int, _Node]] = []
        self.order = itertools.count()
        self.num_rows, self.total, self.left = 0, 0.0, 0.0
        self.read(_Node(b"", -1, -1, start, 0.0, 0.0), logits)

    @property
    def missed(self) -> float:
        """Share of the mass, at most, of what is not yet read."""
        return self.left / (self.left + self.total) if self.heap else 0.0

    @property
    def is_open(self) -> bool:
        return self.missed > self.settings.missed and self.num_rows < self.settings.most_rows

    def take(self, num: int) -> list[_Node]:
        """At most so many beginnings, those of most mass, and no more than are needed."""
        nodes: list[_Node] = []
        while len(nodes) < num and self.heap and self.missed > self.settings.missed:
            key, _, node = heapq.heappop(self.heap)
            self.left = max(0.0, self.left - float(np.exp(-key)))
            nodes.append(node)
        return nodes

    def feed(self, nodes: list[_Node]) -> Feed:
        first = len(self.cache.pending)
        for i, node in enumerate(nodes):
            node.row = first + i
        return Feed(self.cache, [node.token for node in nodes], [node.parent for node in nodes])

    def read(self, node: _Node, logits: Any) -> None:
        """Note what may come after a beginning, given the model's row there."""
        self.num_rows += 1
        chances = finite(logits).double().log_softmax(-1).cpu().numpy()
        allowed = node.state.allowed().ids
        share = float(np.logaddexp.reduce(chances[allowed]))
        stops = node.state.vocabulary.stop_tokens
        ending = np.isin(allowed, list(stops))
        if ending.any():
            end = float(np.logaddexp.reduce(chances[allowed[ending]]))
            self._finish(node.text, node.masked + end - share if self.is_masked else node.plain + end)
        for token in allowed[~ending].tolist():
            chance = float(chances[token])
            if chance == -np.inf:
                continue
            text = node.text + (node.state.vocabulary.tokens[token] or b"")
            after = _Node(text, token, node.row, node.state.advance(token), node.masked + chance - share, node.plain + chance)
            mass = after.masked if self.is_masked else after.plain
            if self.is_masked and after.state.finished:
                self._finish(text, mass)  # nothing but its end may follow
            else:
                heapq.heappush(self.heap, (-mass, next(self.order), after))
                self.left += float(np.exp(mass))

    def _finish(self, text: bytes, log_mass: float) -> None:
        mass = float(np.exp(log_mass))
        self.found[text] = self.found.get(text, 0.0) + mass
        self.total += mass

    def result(self) -> StringLaw:
        if not self.total > 0:
            raise UserError(f"no whole string was found in most_rows={self.settings.most_rows} rows; allow more, or fewer numbers")
        masses = np.array(list(self.found.values())) / self.total
        return StringLaw(tuple(self.found), masses, self.missed, self.num_rows)


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """How many first tokens all prompts share, but for the last of the shortest, whose row is needed."""
    least, most = min(map(tuple, prompts)), max(map(tuple, prompts))  # which differ first where any two do
    same = next((i for i, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), min(len(least), len(most)))
    return min(same, min(map(len, prompts)) - 1)
