"""`Component`: a piece of an estimator, such as a target encoder or a network's body."""

from __future__ import annotations

from dataclasses import dataclass

from sklearn.base import BaseEstimator


@dataclass(eq=False, repr=False)
class Component(BaseEstimator):
    """Abstract: settings only, reachable from the estimator that holds it (`target__sigma_to_bin` in a grid search).

    Subclasses are dataclasses (`eq=False, repr=False`: scikit-learn's `repr`, `get_params`, `set_params` and `clone` work by the
    generated `__init__`), check their settings when they are used, not when they are made, and keep nothing: what is learnt from
    data is a state that they return and are given back.
    """
