"""A small network in NumPy that learns losses from one example at a time, for neural bandits.

Weights are one vector theta (p,), kept beside its initial value; each step is one projected gradient step on the newest example.
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
    """f(x) = v . h / sqrt(m), h = tanh(W h / sqrt(m)) layer by layer; the first layer takes [x, 1] unscaled. Contexts have norm about 1.

    num_features d: width of contexts. width m: units of each of `depth` layers. loss: "squared", or "log", which is cross-entropy with
    the loss as soft label and applies a sigmoid to f. learning_rate: of a step; with this scaling, about 1 corrects an error in one step.
    perturb: "random" averages predictions and losses over `num_signs` random sign vectors e, each adding strength / m^(1/4) times
    (theta - start) . e to f; "ridge" is their expectation, strength^2 / sqrt(m) * |theta - start|^2 added to the squared loss (an eighth
    of it for the log loss, from its largest curvature); "none". radius: of the ball around `start` that theta is projected to. offset: the
    last feature of a context is an estimate of its loss, from 0 to 1, and f is added to it (to its log odds, for the log loss). The
    initial network then predicts the estimate, and the ridge pulls towards it.

    Initial weights are Gaussian. Those of the last layer come in pairs that cancel, so that f is 0 at first.

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
        """Initial arrays: "theta" and "start" (p,), and for perturb="random" also "signs" (num_signs, p)."""
        generator = np.random.default_rng([seed, 1])
        theta = generator.standard_normal(self._sizes[-1])
        *layers, last = self._unpacked(theta)
        half = self.width // 2
        layers[-1][half:], last[half:] = layers[-1][:half], -last[:half]
        arrays = {"theta": theta, "start": theta.copy()}
        if self.perturb == "random":
            arrays["signs"] = generator.choice([-1.0, 1.0], (self.num_signs, len(theta)))
        return arrays

    def predict(self, arrays: dict[str, Array], contexts: Array) -> Array:
        """Expected losses (K,) of contexts (K, d)."""
        *layers, last = self._unpacked(arrays["theta"])
        hidden = np.ones((len(contexts), self.num_features + 1))
        hidden[:, :-1] = contexts
        for number, weights in enumerate(layers):
            hidden = np.tanh(hidden @ weights.T * self._scale(number))
        outputs = hidden @ last / math.sqrt(self.width) + self._offset(contexts)
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
        """The loss that `step` minimises, without the ridge: averaged over signs, and for the log loss up to a constant."""
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
        """The derivative of the loss in f."""
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
        return float(values[-1] @ last) * scale + self._offset(context), gradient

    def _offset(self, contexts: Array) -> Any:
        """What f is added to, for contexts (K, d) or one context (d,)."""
        if not self.offset:
            return 0.0
        estimate = contexts[..., -1]
        if self.loss == "squared":
            return estimate
        inside = np.clip(estimate, 1e-3, 1 - 1e-3)
        return np.log(inside / (1 - inside))

    def _scale(self, number: int) -> float:
        return 1.0 if number == 0 else 1 / math.sqrt(self.width)

    @property
    def _sizes(self) -> list[int]:
        """The index in theta at which each layer's weights end."""
        first, between = self.width * (self.num_features + 1), self.width * self.width
        ends = [first + number * between for number in range(self.depth)]
        return [*ends, ends[-1] + self.width]

    def _unpacked(self, theta: Array) -> list[Array]:
        """Views of theta: a matrix for each layer, and v."""
        ends = self._sizes
        layers = [theta[start:end].reshape(self.width, -1) for start, end in pairwise([0, *ends[:-1]])]
        return [*layers, theta[ends[-2] :]]


def _sigmoid(outputs: Any) -> Any:
    return 1 / (1 + np.exp(-outputs))
