"""The contract of choosers: contextual bandits that pick one of K arms, see the loss of that arm only, and learn from it."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foretell.decoding.draws import SampledDraws
from foretell.errors import UserError
from foretell.parts import Part

Array = NDArray[np.float64]


class ArmChoice(NamedTuple):
    """arm: the arm picked. propensity: the probability with which it was picked. probabilities: of all arms, (K,), summing to 1."""

    arm: int
    propensity: float
    probabilities: Array


class BadLossWarning(UserWarning):
    """A loss was NaN or outside [0, 1]."""


@dataclass
class ChooserState:
    """What a chooser has learnt, as plain numbers and arrays: `dataclasses.asdict` saves it, `ChooserState(**saved)` restores it.

    num_features: width d of a context. seed: of the random choices. learnt: the method's own arrays. rounds: number of choices made; each
    has its own random stream. num_updates: number of losses learnt from. paid: their sum. num_bad: losses that were NaN or outside [0, 1].
    pending: arms picked whose loss has not been given yet.
    """

    num_features: int
    seed: int = 0
    learnt: dict[str, Array] = field(default_factory=dict)
    rounds: int = 0
    num_updates: int = 0
    paid: float = 0.0
    num_bad: int = 0
    pending: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class OnlineChooser(Part):
    """Settings of a contextual bandit. In a round, `choose` takes the contexts of all arms, (K, d), and picks one arm; `update` takes the
    same contexts, the arm, and its loss from 0 (best) to 1. The number of arms K may change between rounds, d may not. Several rounds may
    be open at the same time.

    Subclasses implement `start`, `probabilities` and `learn`. Losses are used, not rewards: a reward r in [0, 1] is the loss 1 - r. A loss
    outside [0, 1] is clipped, and NaN is ignored; both are counted and give a `BadLossWarning`. With `strict` they raise UserError.
    """

    strict: bool = False

    def begin(self, num_features: int, seed: int = 0) -> ChooserState:
        """An untrained state for contexts of width `num_features`; UserError below 1."""
        if num_features < 1:
            raise UserError(f"num_features={num_features!r} must be at least 1")
        return ChooserState(num_features, seed, self.start(num_features, seed))

    def choose(self, state: ChooserState, contexts: ArrayLike) -> ArmChoice:
        """Pick an arm for these contexts (K, d). Randomness comes from the state's seed: the same seed picks the same arms."""
        rows = checked_contexts(state, contexts)
        probabilities = self.probabilities(state, rows)
        arm = SampledDraws(state.seed).at(state.rounds).categorical(probabilities)
        state.rounds += 1
        state.pending.append(arm)
        return ArmChoice(arm, float(probabilities[arm]), probabilities)

    def update(self, state: ChooserState, contexts: ArrayLike, arm: int, loss: float) -> None:
        """Learn the loss of an arm that `choose` picked. Call it once for each choice; UserError for an arm with no open round."""
        if arm not in state.pending:
            waiting = ", ".join(map(str, state.pending)) or "none"
            raise UserError(f"arm={arm!r} was not chosen in a round that still waits for its loss (waiting: {waiting})")
        self.replay(state, contexts, arm, loss)
        state.pending.remove(arm)

    def replay(self, state: ChooserState, contexts: ArrayLike, arm: int, loss: float) -> None:
        """Learn from a round whose arm was not picked by `choose`, such as a logged one."""
        rows = checked_contexts(state, contexts)
        if not 0 <= arm < len(rows):
            raise UserError(f"arm={arm!r} must be from 0 to {len(rows) - 1}: there is a context for each of {len(rows)} arms")
        loss = self._sound(state, float(loss))
        if not math.isnan(loss):
            self.learn(state, rows[arm], loss)
            state.num_updates += 1
            state.paid += loss

    def _sound(self, state: ChooserState, loss: float) -> float:
        if 0 <= loss <= 1:
            return loss
        message = f"loss={loss!r} must be from 0 to 1, best first: divide by a bound, and give 1 - r for a reward r"
        if self.strict:
            raise UserError(message)
        state.num_bad += 1
        outcome = "it was ignored" if math.isnan(loss) else "it was clipped"
        warnings.warn(f"{message} ({outcome}; {state.num_bad} so far)", BadLossWarning, stacklevel=4)
        return loss if math.isnan(loss) else min(max(loss, 0.0), 1.0)

    @abstractmethod
    def start(self, num_features: int, seed: int) -> dict[str, Array]:
        """The arrays of an untrained state."""

    @abstractmethod
    def probabilities(self, state: ChooserState, contexts: Array) -> Array:
        """The probability of each arm, (K,), for contexts (K, d). Does not change the state."""

    @abstractmethod
    def learn(self, state: ChooserState, context: Array, loss: float) -> None:
        """Learn that an arm with this context (d,) had this loss."""


def checked_contexts(state: ChooserState, contexts: ArrayLike) -> Array:
    """Contexts as a float64 array (K, d); UserError for another shape or width than the state's, and for values that are not finite."""
    rows = np.asarray(contexts, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise UserError(f"contexts of shape {rows.shape} must be (arms, features), with one arm or more")
    if rows.shape[1] != state.num_features:
        raise UserError(f"contexts have {rows.shape[1]} features, but the chooser began with {state.num_features}; start a new state")
    if not np.isfinite(rows).all():
        raise UserError("contexts hold NaN or infinity: replace them before choosing")
    return rows
