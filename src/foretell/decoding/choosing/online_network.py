"""A small smooth network that learns from one example at a time, in numpy: what neural bandits regress losses with.

Weights are kept in one vector theta (p,) beside its start; each step is one projected gradient step on the newest example.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OnlineNetwork:
    """f(x) = v . h / sqrt(m), h = tanh(W h / sqrt(m)) layer by layer, the first of [x, 1] unscaled: contexts of length about 1.

    num_features d: width of contexts. width m: units of each of `depth` layers. loss: "squared", or "log", which is cross-entropy with
    the loss as soft label and puts a sigmoid behind f. learning_rate: of a step; in this scaling 1 or so corrects an error at once.
    perturb: "random" averages predictions and losses over `num_signs` random sign vectors e, each adding strength / m^(1/4) times
    (theta - start) . e to f; "ridge" is their expectation, strength^2 / sqrt(m) * |theta - start|^2 added to the squared loss (for the
    log loss an eighth of it, by its largest curvature); "none". radius: of the ball around the start that theta is kept in. offset: the
    last feature of a context is a guess of its loss, from 0 to 1, and f is added to it (to its log odds, for the log loss): the start
    predicts the guess, and the ridge draws towards it.

    All weights start Gaussian, those of the last layer in pairs that cancel, so that f starts at 0.

    Deb et al., "Contextual Bandits with Online Neural Regression", sections 3 and 4.
    """

    num_features: int
    loss: str = "squared"
    width: int = 64
    depth: int = 1
    learning_rate: float = 0.3
    perturb: str = "ridge"
    num_signs: int = 10
    strength: float = 0.01
    radius: float = 30.0
    offset: bool = False

    def start(self, seed: int) -> dict[str, Array]:
        """Fresh arrays: "theta" and "start" (p,), and where signs are drawn "signs" (num_signs, p)."""
        coins = np.random.default_rng([seed, 1])
        theta = coins.standard_normal(self._sizes[-1])
        *layers, last = self._unpacked(theta)
        half = self.width // 2
        layers[-1][half:], last[half:] = layers[-1][:half], -last[:half]
        arrays = {"theta": theta, "start": theta.copy()}
        if self.perturb == "random":
            arrays["signs"] = coins.choice([-1.0, 1.0], (self.num_signs, len(theta)))
        return arrays

    def predict(self, arrays: dict[str, Array], contexts: Array) -> Array:
        """Expected losses (K,) of contexts (K, d)."""
        *layers, last = self._unpacked(arrays["theta"])
        hidden = np.ones((len(contexts), self.num_features + 1))
        hidden[:, :-1] = contexts
        for number, weights in enumerate(layers):
            hidden = np.tanh(hidden @ weights.T * self._scale(number))
        outputs = hidden @ last / math.sqrt(self.width) + self._guess(contexts)
        if self.perturb == "random":
            outputs = outputs[:, None] + self._shifts(arrays)
            return (_sigmoid(outputs) if self.loss == "log" else outputs).mean(1)
        return _sigmoid(outputs) if self.loss == "log" else outputs

    def step(self, arrays: dict[str, Array], context: Array, loss: float) -> None:
        """One projected gradient step on one example."""
        theta, moved = arrays["theta"], arrays["theta"] - arrays["start"]
        output, gradient = self._gradient(theta, context)
        if self.perturb == "random":
            errors = self._error(output + self._shifts(arrays), loss)
            gradient *= errors.mean()
            gradient += (errors * self._per_sign / self.num_signs) @ arrays["signs"]
        else:
            gradient *= self._error(output, loss)
            if self.perturb == "ridge":
                gradient += 2 * self.ridge * moved
        moved -= self.learning_rate * gradient
        length = math.sqrt(moved @ moved)
        if length > self.radius:
            moved *= self.radius / length
        np.add(arrays["start"], moved, out=theta)

    def example_loss(self, arrays: dict[str, Array], context: Array, loss: float) -> float:
        """What `step` descends, without the ridge: of the log loss up to a constant, averaged over signs where there are any."""
        outputs = np.atleast_1d(self._gradient(arrays["theta"], context)[0])
        if self.perturb == "random":
            outputs = outputs + self._shifts(arrays)
        if self.loss == "squared":
            return float(np.square(outputs - loss).mean())
        return float((np.logaddexp(0, outputs) - loss * outputs).mean())

    @property
    def ridge(self) -> float:
        """Weight of |theta - start|^2."""
        return (1.0 if self.loss == "squared" else 0.125) * self.strength**2 / math.sqrt(self.width)

    @property
    def _per_sign(self) -> float:
        return self.strength / self.width**0.25

    def _shifts(self, arrays: dict[str, Array]) -> Array:
        return self._per_sign * (arrays["signs"] @ (arrays["theta"] - arrays["start"]))

    def _error(self, output: Any, loss: float) -> Any:
        """The loss's slope in f."""
        return _sigmoid(output) - loss if self.loss == "log" else 2 * (output - loss)

    def _gradient(self, theta: Array, context: Array) -> tuple[float, Array]:
        """f and its gradient (p,) at one context."""
        gradient = np.empty_like(theta)
        *layers, last = self._unpacked(theta)
        *into, into_last = self._unpacked(gradient)
        values = [np.append(context, 1.0)]
        for number, weights in enumerate(layers):
            values.append(np.tanh(weights @ values[-1] * self._scale(number)))
        scale = 1 / math.sqrt(self.width)
        into_last[:] = values[-1] * scale
        back = last * scale
        for number in range(self.depth - 1, -1, -1):
            back = back * (1 - values[number + 1] ** 2) * self._scale(number)
            np.outer(back, values[number], out=into[number])
            if number:
                back = back @ layers[number]
        return float(values[-1] @ last) * scale + self._guess(context), gradient

    def _guess(self, contexts: Array) -> Any:
        """What f is added to: of each context, or of the one."""
        if not self.offset:
            return 0.0
        guess = contexts[..., -1]
        if self.loss == "squared":
            return guess
        inside = np.clip(guess, 1e-3, 1 - 1e-3)
        return np.log(inside / (1 - inside))

    def _scale(self, number: int) -> float:
        return 1.0 if number == 0 else 1 / math.sqrt(self.width)

    @property
    def _sizes(self) -> list[int]:
        """Where each layer's weights end in theta."""
        first, between = self.width * (self.num_features + 1), self.width * self.width
        ends = [first + number * between for number in range(self.depth)]
        return [*ends, ends[-1] + self.width]

    def _unpacked(self, theta: Array) -> list[Array]:
        """Views: a matrix for each layer, and v."""
        ends = self._sizes
        layers = [theta[start:end].reshape(self.width, -1) for start, end in pairwise([0, *ends[:-1]])]
        return [*layers, theta[ends[-2] :]]


def _sigmoid(outputs: Any) -> Any:
    return 1 / (1 + np.exp(-outputs))
