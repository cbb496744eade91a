"""The figures of an unlearning report: plain data, one entry a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from foretell.numbers.torch_regressor import TorchRegressor
from foretell.numbers.unlearning.attacks import membership_share, relearning
from foretell.numbers.unlearning.metrics import SAME, distance_to_gold, has_memorised, mae, relative_difference, rmse

Predictions = dict[str, np.ndarray]
#: The displayed name of each figure, and its aim.
NAMES = {
    "retain_mae": ("mean error on rows that stay", "near the original's"),
    "retain_rmse": ("root mean squared error on rows that stay", "near the original's"),
    "forget_mae": ("mean error on forgotten rows", "near the retrained model's"),
    "forget_rmse": ("root mean squared error on forgotten rows", "near the retrained model's"),
    "test_forget_mae": ("mean error on new rows like the forgotten", "near the retrained model's"),
    "wasserstein": ("distance of predictions to the retrained model's", "0"),
    "relative_difference": ("median difference to the retrained model, relative", "0"),
    "membership": ("share of forgotten rows that an attacker calls training data", "near the retrained model's"),
    "relearning_steps": ("batches until it knows the forgotten rows again", "near the retrained model's"),
}


def figures(
    models: dict[str, Any],
    train: tuple[np.ndarray, np.ndarray],
    forget: np.ndarray,
    test: tuple[np.ndarray, np.ndarray],
    test_forget: np.ndarray,
    *,
    relearning_rate: float = 1e-3,
    random_state: int = 0,
) -> dict[str, Any]:
    """Figures of models, as `UnlearningReport` shows them.

    models: "original", others of any name and, if there is one, "gold". train, test: X and y. forget, test_forget: masks of their rows.
    relearning_rate: 0 leaves relearning out, which takes most of the time.

    Returns {"models": {name: {figure: number or None}}, "memorised": bool or None (unknown without gold), "relearning_rate", "rows":
    counts}. Errors on retained rows are those of test rows. "moved" is the share of the distance from the original to gold that was
    covered.
    """
    X, y = train  # noqa: N806
    scale = float(np.std(y)) or 1.0
    on_train = {name: model.predict(X) for name, model in models.items()}
    on_test = {name: model.predict(test[0]) for name, model in models.items()}
    gold = on_train["gold"][forget] if "gold" in models else None
    found: dict[str, dict[str, Any]] = {}
    for name in models:
        mine, stays, gone = (
            on_train[name][forget],
            (test[1][~test_forget], on_test[name][~test_forget]),
            (y[forget], on_train[name][forget]),
        )
        losses, others = np.abs(on_train[name] - y) / scale, np.abs(on_test[name] - test[1]) / scale
        found[name] = {
            "retain_mae": mae(*stays),
            "retain_rmse": rmse(*stays),
            "forget_mae": mae(*gone),
            "forget_rmse": rmse(*gone),
            "test_forget_mae": mae(test[1][test_forget], on_test[name][test_forget]) if test_forget.any() else None,
            "wasserstein": None if gold is None else distance_to_gold(mine, gold),
            "relative_difference": None if gold is None else float(np.median(relative_difference(mine, gold))),
            "membership": membership_share(losses[~forget], others, losses[forget], random_state),
            **dict.fromkeys(("moved", "relearning_steps", "relearning_reached", "anamnesis_index")),
        }
    if gold is not None:
        for name, entry in found.items():
            entry["moved"] = _moved(found["original"]["wasserstein"], found[name]["wasserstein"])
    learners = {name: model for name, model in models.items() if name != "original" and isinstance(model, TorchRegressor)}
    if relearning_rate > 0:
        watched = (test[0][test_forget], test[1][test_forget]) if test_forget.any() else (X[forget], y[forget])
        goal = (1 + SAME) * mae(watched[1], models["original"].predict(watched[0]))
        for name, model in learners.items():
            run = relearning(model, X, y, watched, goal, learning_rate=relearning_rate, random_state=random_state)
            if run is not None:
                found[name]["relearning_steps"], found[name]["relearning_reached"] = run.steps, run.reached
        by_gold = found["gold"]["relearning_steps"] if "gold" in learners else None
        for name in learners if by_gold else ():
            found[name]["anamnesis_index"] = found[name]["relearning_steps"] / by_gold
    return {
        "rows": {"train": len(y), "forget": int(forget.sum()), "test": len(test[1]), "test_forget": int(test_forget.sum())},
        "models": found,
        "memorised": None if gold is None else _memorised(y, forget, on_train, test[1], ~test_forget, on_test),
        "relearning_rate": relearning_rate,
    }


def _moved(before: float, after: float) -> float | None:
    """1: predictions for forgotten rows have the distribution of the retrained model's; 0: they are as far from it as the original's; below
    0: farther."""
    return None if before == 0 else 1 - after / before


def _memorised(
    y: np.ndarray, forget: np.ndarray, on_train: Predictions, y_test: np.ndarray, stays: np.ndarray, on_test: Predictions
) -> bool:
    here = [np.abs(on_train[name] - y)[forget] for name in ("original", "gold")]
    elsewhere = [np.abs(on_test[name] - y_test)[stays] for name in ("original", "gold")]
    return has_memorised(*here, *elsewhere)
