"""Attacks on an unlearned model: membership inference, and the speed of relearning."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.svm import SVC
from sklearn.utils import check_random_state

from foretell.numbers.fitting import fit_network
from foretell.numbers.torch_regressor import TorchRegressor

#: Most rows of each kind that the membership attack is trained on.
ATTACK_ROWS = 2000


def membership_share(
    members: np.ndarray,
    others: np.ndarray,
    forgotten: np.ndarray,
    random_state: int = 0,
) -> float:
    """The share of forgotten rows that an attacker classifies as members of the training data: a support vector machine (RBF, C=3, gamma
    "auto") trained on the losses of known members and of rows never trained on, equally many of both.

    All arguments are losses of rows in one model, (n,), here absolute errors over the standard deviation of the targets. The aim is the
    share of the retrained model, not 0: a forgotten row with an unusually large loss can be recognised by it. Tarun et al. 2023.

    >>> known, unknown = np.linspace(0, 1, 50), np.linspace(2, 3, 50)
    >>> membership_share(known, unknown, np.array([0.5, 0.6, 2.5, 2.6]))
    0.5
    """
    rng = check_random_state(random_state)
    num = min(len(members), len(others), ATTACK_ROWS)
    drawn = [rng.choice(losses, size=num, replace=False) for losses in (members, others)]
    attacker = SVC(kernel="rbf", C=3.0, gamma="auto").fit(np.concatenate(drawn)[:, None], np.repeat([1, 0], num))
    return float(attacker.predict(forgotten[:, None]).mean())


@dataclass(frozen=True)
class Relearning:
    """steps: batches until the error on the rows was at most `goal`; reached: False where it was not, and steps is the limit.
    learning_rate: of the run; it changes steps by an order of magnitude."""

    steps: int
    reached: bool
    goal: float
    learning_rate: float


def relearning(
    estimator: TorchRegressor,
    X: np.ndarray,  # noqa: N803
    y: np.ndarray,
    watched: tuple[np.ndarray, np.ndarray],
    goal: float,
    *,
    learning_rate: float = 1e-3,
    max_epochs: int = 10,
    random_state: int = 0,
) -> Relearning | None:
    """Train a copy of the estimator on all rows X, y until its mean absolute error on the watched rows (X, y) is at most `goal`. None where
    its target cannot encode them: a histogram may have no bins for their targets.

    The anamnesis index is a model's steps over gold's: 1 is the aim; near 0 the rows were never forgotten. With few steps it is noisy, so
    look at the steps too. Chundawat et al., "Zero-shot machine unlearning" (2023).
    """
    learner = copy.deepcopy(estimator)
    rows = learner._checked(X)
    targets = learner._network_targets(rows, np.asarray(y, dtype=np.float64))
    try:
        learner._encode(targets)
    except ValueError:
        return None
    inputs, truth = learner._inputs(learner._checked(watched[0])), torch.as_tensor(watched[1])

    def error(network: torch.nn.Module) -> float:
        return float((learner._point(network(inputs)).double().cpu() - truth).abs().mean())

    report = fit_network(
        learner.network_,
        learner._rows(rows, targets),
        learner._batch_loss,
        epochs=max_epochs,
        batch_size=min(learner.batch_size, len(y)),
        learning_rate=learning_rate,
        weight_decay=learner.weight_decay,
        watch=error,
        watch_every=1,
        goal=goal,
        constant_rate=True,
        seed=random_state,
        name="relearning",
    )
    return Relearning(report.step, report.history[-1][1] <= goal, goal, learning_rate)
