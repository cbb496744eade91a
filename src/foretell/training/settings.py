"""`TrainSettings`: the budget and the schedule of a training run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from foretell.parts import require


@dataclass(frozen=True)
class TrainSettings:
    """steps, minutes: the budget; the run ends when either is spent (minutes None: steps alone), and the schedule follows the one that is
    nearer its end. learning_rate: reached after the share `warmup` of the run, then a cosine down to the share `last` of it (1: constant).
    batch: sequences a step. weight_decay: on matrices. clip: largest gradient norm. evaluate_every: steps between held-out losses;
    patience: this many of them in a row without a new best end the run early (0: never). goal: the run ends when the held-out loss is at
    most this (None: never). checkpoint_seconds: the most work that an interruption loses. seed: of all randomness. Errors: UserError for
    settings out of range."""

    steps: int = 1000
    minutes: float | None = None
    learning_rate: float = 2e-3
    warmup: float = 0.04
    last: float = 0.1
    batch: int = 16
    weight_decay: float = 0.05
    clip: float = 1.0
    evaluate_every: int = 100
    patience: int = 0
    goal: float | None = None
    checkpoint_seconds: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "evaluate_every"):
            require(getattr(self, name) >= 1, self, name, getattr(self, name), "must be at least 1")
        require(self.minutes is None or self.minutes > 0, self, "minutes", self.minutes, "must be above 0, or None")
        require(self.learning_rate > 0, self, "learning_rate", self.learning_rate, "must be above 0")
        require(0 <= self.warmup < 1, self, "warmup", self.warmup, "must be a share of the run, 0 or above and below 1")
        require(0 <= self.last <= 1, self, "last", self.last, "must be a share of learning_rate, from 0 to 1")
        require(self.patience >= 0, self, "patience", self.patience, "must be 0 or above")

    def rate(self, done: float) -> float:
        """The learning rate when the share `done` of the run is over.

        >>> TrainSettings(learning_rate=1.0, warmup=0.5).rate(0.25), round(TrainSettings(learning_rate=1.0).rate(1.0), 3)
        (0.5, 0.1)
        """
        if done < self.warmup:
            return self.learning_rate * max(done / self.warmup, 1e-3)
        after = min(1.0, (done - self.warmup) / (1 - self.warmup))
        return self.learning_rate * (self.last + (1 - self.last) / 2 * (1 + math.cos(math.pi * after)))
