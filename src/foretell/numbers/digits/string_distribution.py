"""The exact distribution of a language model over number strings that follow a prompt."""

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

#: Kinds of distributions over strings; see `StringEnumerator`.
KINDS = ("masked", "conditioned")


@dataclass(frozen=True)
class StringDistribution:
    """texts, masses: strings and their probabilities, which sum to 1. missed: an upper bound of the probability of all strings that were
    not enumerated, before normalisation; so no probability, and no sum of probabilities, is off by more. num_rows: prefixes read."""

    texts: tuple[bytes, ...]
    masses: np.ndarray
    missed: float
    num_rows: int


@dataclass(frozen=True)
class StringEnumerator:
    """Enumerates the strings that a constraint allows, with their probabilities under a language model.

    distribution: "masked" is the distribution of sampling under the constraint: at each token what is not allowed gets no mass, and the
    rest is normalised. "conditioned" is the model's own distribution of whole strings, given that it writes an allowed one and ends there.
    They differ where the model would continue in a way that is not allowed. missed: how much mass may remain unread; 0 reads everything.
    most_rows: prefixes read for one prompt at most. batch: prompts in one pass of the model. width: prefixes of a prompt read in one pass.

    Best first: the unread prefixes with the most mass are read next. All tokenisations of a string are summed. The common beginning of the
    prompts is read once. Cost: a row for every prefix; "conditioned" also reads whole strings, for the probability of ending there: ten
    times as many rows where nothing is missed. The tree is that of `ExhaustiveSearch`. Errors: UserError for settings out of range, and for
    prompts that are too long.
    """

    distribution: str = "masked"
    missed: float = 0.01
    most_rows: int = 2000
    batch: int = 8
    width: int = 64

    def __post_init__(self) -> None:
        require(self.distribution in KINDS, self, "distribution", self.distribution, f"must be one of {', '.join(KINDS)}")
        require(0 <= self.missed < 1, self, "missed", self.missed, "must be 0 or above and below 1")
        for name in ("most_rows", "batch", "width"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 1, self, name, value, "must be a whole number of at least 1")

    def run(
        self, model: Model, prompts: Sequence[Sequence[int]], constraint: Constraint, stops: frozenset[int]
    ) -> list[StringDistribution]:
        """The distribution of what follows each prompt (token ids), restricted to what the constraint allows and a stop token ends."""
        longest = max(map(len, prompts))
        if longest >= model.max_length:
            raise UserError(f"a prompt has {longest} tokens, but the model supports {model.max_length}; show fewer or shorter examples")
        start = constraint.start(Vocabulary.of(model, stops))
        shared = _shared(prompts)
        cache = model.new_cache()
        read(model, [(cache, prompts[0][:shared])], num_logits=0)
        groups = [prompts[i : i + self.batch] for i in range(0, len(prompts), self.batch)]
        return [
            distribution
            for group in groups
            for distribution in self._group(model, cache, [list(prompt[shared:]) for prompt in group], start)
        ]

    def _group(self, model: Model, shared: Cache, rests: list[list[int]], start: ConstraintState) -> list[StringDistribution]:
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
    """A prefix: its text, its last token, the row of the prefix before it, its constraint state, and its log-mass in both distributions."""

    text: bytes
    token: int
    parent: int
    state: ConstraintState
    masked: float
    plain: float
    row: int = -1


class _Walk:
    """The search for strings behind one prompt."""

    def __init__(self, settings: StringEnumerator, cache: Cache, start: ConstraintState, logits: Any) -> None:
        self.settings, self.cache = settings, cache
        self.is_masked = settings.distribution == "masked"
        self.found: dict[bytes, float] = {}
        self.heap: list[tuple[float, int, _Node]] = []
        self.order = itertools.count()
        self.num_rows, self.total, self.left = 0, 0.0, 0.0
        self.read(_Node(b"", -1, -1, start, 0.0, 0.0), logits)

    @property
    def missed(self) -> float:
        """Upper bound of the share of mass that is not yet read."""
        return self.left / (self.left + self.total) if self.heap else 0.0

    @property
    def is_open(self) -> bool:
        return self.missed > self.settings.missed and self.num_rows < self.settings.most_rows

    def take(self, num: int) -> list[_Node]:
        """At most `num` prefixes, those with the most mass, and no more than are needed."""
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
        """Add the continuations of a prefix, given the model's logits there."""
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
                self._finish(text, mass)  # only its end may follow
            else:
                heapq.heappush(self.heap, (-mass, next(self.order), after))
                self.left += float(np.exp(mass))

    def _finish(self, text: bytes, log_mass: float) -> None:
        mass = float(np.exp(log_mass))
        self.found[text] = self.found.get(text, 0.0) + mass
        self.total += mass

    def result(self) -> StringDistribution:
        if not self.total > 0:
            raise UserError(f"no whole string was found in most_rows={self.settings.most_rows} rows; allow more, or fewer numbers")
        masses = np.array(list(self.found.values())) / self.total
        return StringDistribution(tuple(self.found), masses, self.missed, self.num_rows)


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """How many first tokens all prompts share, but for the last of the shortest, whose row is needed."""
    least, most = min(map(tuple, prompts)), max(map(tuple, prompts))  # which differ first where any two do
    same = next((i for i, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), min(len(least), len(most)))
    return min(same, min(map(len, prompts)) - 1)
