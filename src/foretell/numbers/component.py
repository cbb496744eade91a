"""`Component`: a part of an estimator, such as a target encoding or the body of a network."""

from __future__ import annotations

from dataclasses import dataclass

from sklearn.base import BaseEstimator


@dataclass(eq=False, repr=False)
class Component(BaseEstimator):
    """Abstract: holds settings only, which are reachable through the estimator that holds it (`target__sigma_to_bin` in a grid search).

    Subclasses are dataclasses (`eq=False, repr=False`), since scikit-learn's `repr`, `get_params`, `set_params` and `clone` rely on the
    generated `__init__`. Settings are checked when they are used. What is learnt from data is returned, and passed in again; nothing is
    stored in the object.
    """
