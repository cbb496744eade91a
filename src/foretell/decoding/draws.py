"""The only source of randomness in decoding: one implementation samples, one enumerates every outcome with its probability.

Because all random choices go through `Draws`, the code that serves users can also be run over every outcome of a tiny model, and its
output distribution can be compared with that of plain decoding. Exactness is tested this way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from foretell.errors import UserError

T = TypeVar("T")


class Draws(ABC):
    """Random choices. `at(position)` gives the draws that belong to one position of the text."""

    @abstractmethod
    def at(self, position: int, stream: int = 0) -> Draws:
        """Draws of that position, independent of the draws at other positions and in other streams."""

    @abstractmethod
    def sub(self, number: int) -> Draws:
        """Draws for part `number` of a composite at the same positions, independent of those of the other parts."""

    @abstractmethod
    def bernoulli(self, p: float) -> bool:
        """True with probability p."""

    @abstractmethod
    def categorical(self, probs: NDArray[np.float64]) -> int:
        """An index drawn from `probs` (k,), which sum to 1."""


class SampledDraws(Draws):
    """Seeded draws, with a counter-based generator (Philox) for each position and stream.

    The numbers depend on the position, not on the order of calls. A request's text therefore depends on its seed, not on the batch it ran
    in and, with fixed candidates, not on what was drafted. seed: from 0 to 2**64 - 1; UserError otherwise.
    """

    def __init__(self, seed: int, scope: int = 0, position: int = 0, stream: int = 0) -> None:
        if not 0 <= seed < 2**64:
            raise UserError(f"seed={seed!r} must be a whole number from 0 to 2**64 - 1")
        self.seed = seed
        self._scope, self._counter = scope, (position, stream)
        self._generator: np.random.Generator | None = None

    def at(self, position: int, stream: int = 0) -> SampledDraws:
        return SampledDraws(self.seed, self._scope, position, stream)

    def sub(self, number: int) -> SampledDraws:
        return SampledDraws(self.seed, 64 * self._scope + number + 1, *self._counter)

    def _uniform(self) -> float:
        if self._generator is None:
            self._generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, self._scope, *self._counter]))
        return self._generator.random()

    def bernoulli(self, p: float) -> bool:
        return p >= 1 or (p > 0 and self._uniform() < p)

    def categorical(self, probs: NDArray[np.float64]) -> int:
        bounds = probs.cumsum()
        return min(int(bounds.searchsorted(self._uniform() * bounds[-1], side="right")), len(probs) - 1)


class EnumeratedDraws(Draws):
    """Replays a list of choices, then takes the first possible outcome of each further draw, and records the alternatives.

    choices: index of the outcome of each draw, extended as draws are asked for. open: possible outcomes of each draw. probability: of the
    outcomes taken so far.
    """

    def __init__(self, choices: list[int]) -> None:
        self.choices = choices
        self.open: list[list[int]] = []
        self.probability = 1.0
        self._asked = 0

    def at(self, position: int, stream: int = 0) -> EnumeratedDraws:
        return self

    def sub(self, number: int) -> EnumeratedDraws:
        return self

    def bernoulli(self, p: float) -> bool:
        heads = min(max(p, 0.0), 1.0)
        return bool(self._choose((1 - heads, heads), [side for side, chance in enumerate((1 - heads, heads)) if chance > 0]))

    def categorical(self, probs: NDArray[np.float64]) -> int:
        return self._choose(probs, (probs > 0).nonzero()[0].tolist())

    def _choose(self, probs: Sequence[float] | NDArray[np.float64], possible: list[int]) -> int:
        if self._asked == len(self.choices):
            self.choices.append(possible[0])
        if self._asked >= len(self.open):
            self.open.append(possible)
        choice = self.choices[self._asked]
        self.probability *= float(probs[choice])
        self._asked += 1
        return choice


class TooManyOutcomesError(RuntimeError):
    """There are more outcomes than `max_outcomes`; use a smaller vocabulary, length or tree."""


def enumerate_outcomes(run: Callable[[Draws], T], max_outcomes: int = 1_000_000) -> Iterator[tuple[float, T]]:
    """Every outcome of `run(draws)` with its probability; `run` must be deterministic apart from its draws.

    >>> sorted(enumerate_outcomes(lambda draws: draws.bernoulli(0.25)))
    [(0.25, True), (0.75, False)]
    """
    choices: list[int] = []
    for _ in range(max_outcomes):
        draws = EnumeratedDraws(choices)
        result = run(draws)
        yield draws.probability, result
        # Depth first: advance the last choice that has an alternative left, and drop the choices after it.
        depth = len(choices) - 1
        while depth >= 0 and choices[depth] == draws.open[depth][-1]:
            depth -= 1
        if depth < 0:
            return
        following = draws.open[depth][draws.open[depth].index(choices[depth]) + 1]
        choices = [*choices[:depth], following]
    raise TooManyOutcomesError(f"more than max_outcomes={max_outcomes} outcomes; use a smaller vocabulary, length or tree")
