"""Logged rounds with their propensities, and off-policy evaluation of another chooser on them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from foretell.decoding.chooser import Array, OnlineChooser
from foretell.errors import UserError


class Round(NamedTuple):
    """contexts: (K, d). arm: the arm picked. propensity: the probability with which it was picked. loss: its loss, from 0 to 1."""

    contexts: Array
    arm: int
    propensity: float
    loss: float


class ReplayEstimate(NamedTuple):
    """Estimated mean loss per round of a chooser. value: by inverse propensity weighting, unbiased for a chooser that does not learn during
    the replay. error: its standard error. weighted: normalised by the sum of the weights, biased with less variance. logged: mean loss of
    the log."""

    value: float
    error: float
    weighted: float
    logged: float


def replay(chooser: OnlineChooser, rounds: Iterable[Round], seed: int = 0) -> ReplayEstimate:
    """Replay logged rounds for an untrained chooser: in each round it gives its probabilities, then learns the logged arm and loss.

    Every arm that it may pick must have had a positive probability in the log. UserError for an empty log or a propensity outside (0, 1].
    Horvitz and Thompson, "A Generalization of Sampling Without Replacement from a Finite Universe"; over bandits: Dudik, Langford and Li,
    "Doubly Robust Policy Evaluation and Learning", section 2.

    >>> from foretell.decoding.choosers.epsilon_greedy import EpsilonGreedy
    >>> contexts = np.eye(2)
    >>> replay(EpsilonGreedy(epsilon=1.0), [Round(contexts, arm, 0.5, loss=float(arm)) for arm in (0, 1)]).value  # as logged
    0.5
    """
    state, weights, losses = None, [], []
    for contexts, arm, propensity, loss in rounds:
        if not 0 < propensity <= 1:
            raise UserError(f"propensity={propensity!r} of a logged round must be above 0 and at most 1")
        state = state or chooser.begin(contexts.shape[1], seed)
        weights.append(chooser.probabilities(state, contexts)[arm] / propensity)
        losses.append(loss)
        chooser.replay(state, contexts, arm, loss)
        state.rounds += 1
    if not losses:
        raise UserError("rounds are empty: there is nothing to replay")
    weighted = np.multiply(weights, losses)
    total = float(np.sum(weights))
    return ReplayEstimate(
        float(weighted.mean()),
        float(weighted.std() / np.sqrt(len(weighted))),
        float(weighted.sum() / total) if total else float("nan"),
        float(np.mean(losses)),
    )


def write_rounds(path: str | Path, rounds: Iterable[Round]) -> None:
    """Write rounds to one compressed file of arrays (.npz). All rounds must have the same number of arms."""
    contexts, arms, propensities, losses = zip(*rounds, strict=True)
    np.savez_compressed(path, contexts=np.array(contexts, dtype=np.float32), arms=arms, propensities=propensities, losses=losses)


def read_rounds(path: str | Path) -> list[Round]:
    """Read what `write_rounds` wrote; contexts have single precision."""
    with np.load(path) as file:
        columns = [file[name] for name in ("contexts", "arms", "propensities", "losses")]
    return [Round(rows.astype(np.float64), int(arm), float(p), float(loss)) for rows, arm, p, loss in zip(*columns, strict=True)]
