"""`NeuralBandit`: choose one of K options by their contexts, observe the loss of that one only, and learn online."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from foretell.catalog.part_text import parse_part
from foretell.decoding.chooser import ChooserState, OnlineChooser, checked_contexts
from foretell.parts import require


@dataclass(eq=False, repr=False)
class NeuralBandit(BaseEstimator):
    """A contextual bandit. In each round, `choose(contexts)` picks an arm, and `update(contexts, arm, loss)` reports its loss, from 0
    (best) to 1. `fit` learns from logged rounds in which others chose.

    chooser: the method, as a part (`NeuralSquareCB(gamma=3.0)`) or its short text ("neural-square-cb(gamma=3.0)"); `foretell list chooser`
    lists them. random_state: of the initial weights and of the draws; an int gives the same choices again.

    Guarantee: that of the method. Needs: contexts (K, d), one row an arm, of length about 1; K may differ between rounds, d may not. A
    reward r in [0, 1] is the loss 1 - r. Cost: a tenth of a millisecond a round by default. State: `learnt_`, plain numbers and arrays, so
    that it pickles, and `foretell.numbers.saving` stores it. Errors: UserError for another width of contexts, an arm that no open round has
    chosen, or an arm twice; a loss beyond [0, 1] is counted and warned of, and is an error with the method's `strict`.

    Deb et al., "Contextual Bandits with Online Neural Regression", algorithms 1 and 2.

    >>> bandit, contexts = NeuralBandit(random_state=0), np.eye(3)
    >>> for _ in range(300):
    ...     arm, propensity = bandit.choose(contexts)
    ...     bandit = bandit.update(contexts, arm, loss=[0.9, 0.2, 0.6][arm])
    >>> bandit.probabilities(contexts).argmax().item(), bandit.learnt_["num_updates"]
    (1, 300)
    """

    papers = ("neural-bandit",)

    chooser: Any = "neural-fast-cb"
    random_state: Any = None

    @classmethod
    def examples(cls) -> list[NeuralBandit]:
        """Small settings for checks."""
        return [cls("neural-fast-cb(width=8)", random_state=0), cls("lin-ucb", random_state=0)]

    def choose(self, contexts: Any) -> tuple[int, float]:
        """An arm for contexts (K, d), and the probability by which it was drawn."""
        state = self._state(contexts)
        choice = self._method().choose(state, contexts)
        self.learnt_ = vars(state)
        return choice.arm, choice.propensity

    def probabilities(self, contexts: Any) -> np.ndarray:
        """(K,): the probability of each arm for contexts (K, d). Learns nothing."""
        state = self._state(contexts)
        return self._method().probabilities(state, checked_contexts(state, contexts))

    def update(self, contexts: Any, arm: int, loss: float) -> NeuralBandit:
        """Learn from the loss of an arm that was chosen. contexts: (K, d), as they were then."""
        state = self._state(contexts)
        self._method().update(state, contexts, arm, loss)
        self.learnt_ = vars(state)
        return self

    def partial_fit(self, contexts: Any, arm: int, loss: float) -> NeuralBandit:
        """The same as `update`."""
        return self.update(contexts, arm, loss)

    def fit(self, contexts: Any, arms: Any, losses: Any) -> NeuralBandit:
        """Forget everything, then learn from logged rounds in order: contexts (n, K, d), the chosen arms (n,), and their losses (n,)."""
        self.reset()
        for rows, arm, loss in zip(contexts, arms, losses, strict=True):
            state = self._state(rows)
            self._method().replay(state, rows, int(arm), float(loss))
            self.learnt_ = vars(state)
        require(hasattr(self, "learnt_"), self, "contexts", contexts, "must hold one round or more")
        return self

    def reset(self) -> NeuralBandit:
        """Forget everything."""
        for name in ("learnt_", "n_features_in_"):
            if hasattr(self, name):
                delattr(self, name)
        return self

    def _method(self) -> OnlineChooser:
        chooser = _parsed(self.chooser) if isinstance(self.chooser, str) else self.chooser
        require(isinstance(chooser, OnlineChooser), self, "chooser", self.chooser, 'must be a chooser, such as "neural-fast-cb"')
        return chooser

    def _state(self, contexts: Any) -> ChooserState:
        """The learnt state, or a new one."""
        if not hasattr(self, "learnt_"):
            rows = np.asarray(contexts, dtype=np.float64)
            require(rows.ndim == 2, self, "contexts", rows.shape, "must have the shape (arms, features)")
            self.n_features_in_ = rows.shape[1]
            seed = int(check_random_state(self.random_state).randint(2**31))
            self.learnt_ = vars(self._method().begin(self.n_features_in_, seed))
        return ChooserState(**self.learnt_)


@cache
def _parsed(text: str) -> OnlineChooser:
    return parse_part(text, "chooser")
