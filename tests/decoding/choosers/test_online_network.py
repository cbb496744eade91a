"""The online network against independent references: finite differences, and the mean over many sign vectors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from foretell.decoding.choosing.online_network import OnlineNetwork

CONTEXT = np.array([0.3, -0.5, 0.8])
SHAPES = {"one layer": {"width": 8}, "two layers": {"width": 8, "depth": 2}, "offset": {"width": 8, "offset": True}}


def moved(network: OnlineNetwork, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights away from their start."""
    arrays = network.start(seed)
    arrays["theta"] += 0.3 * np.random.default_rng(seed + 1).standard_normal(arrays["theta"].shape)
    return arrays


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("loss", ["squared", "log"])
@pytest.mark.parametrize("perturb", ["none", "ridge", "random"])
def test_a_step_goes_down_the_gradient(shape, loss, perturb):
    network = OnlineNetwork(3, loss, learning_rate=0.1, perturb=perturb, strength=0.4, radius=1e9, **shape)
    arrays = moved(network)
    before = arrays["theta"].copy()
    context = np.abs(CONTEXT)  # the last one is a guess of the loss

    def objective(theta):
        ridge = network.ridge * np.square(theta - arrays["start"]).sum() if perturb == "ridge" else 0.0
        return network.example_loss({**arrays, "theta": theta}, context, 0.7) + ridge

    slopes = np.empty_like(before)
    for place in range(len(before)):
        step = np.zeros_like(before)
        step[place] = 1e-5
        slopes[place] = (objective(before + step) - objective(before - step)) / 2e-5
    network.step(arrays, context, 0.7)
    np.testing.assert_allclose((before - arrays["theta"]) / 0.1, slopes, atol=1e-7)


def test_the_mean_over_signs_is_the_ridge():
    """(y - f)^2 averaged over sign vectors is (y - f)^2 + c^2 / sqrt(m) * |theta - start|^2: within 4 standard errors of 20 000."""
    network = OnlineNetwork(3, width=16, perturb="random", num_signs=20_000, strength=0.6)
    arrays = moved(network)
    output = OnlineNetwork(3, width=16, perturb="none").predict(arrays, CONTEXT[None])[0]
    shifts = 0.6 / 16**0.25 * arrays["signs"] @ (arrays["theta"] - arrays["start"])
    losses = (output + shifts - 0.4) ** 2
    ridge = dataclasses.replace(network, perturb="ridge").ridge * np.square(arrays["theta"] - arrays["start"]).sum()
    assert ridge > 0.1
    assert losses.mean() == pytest.approx(network.example_loss(arrays, CONTEXT, 0.4))
    assert abs(losses.mean() - ((output - 0.4) ** 2 + ridge)) < 4 * losses.std() / np.sqrt(len(losses))


def test_the_log_loss_has_nearly_that_ridge_where_the_network_is_unsure():
    network = OnlineNetwork(3, "log", width=16, perturb="random", num_signs=20_000, strength=0.1)
    arrays = network.start(0)
    arrays["theta"][:-16] += 0.3  # v is as it was, pairs cancel: f stays near 0, where the curvature is largest
    output = OnlineNetwork(3, "log", width=16, perturb="none").predict(arrays, CONTEXT[None])[0]
    assert abs(output - 0.5) < 0.05
    plain = OnlineNetwork(3, "log", width=16, perturb="none").example_loss(arrays, CONTEXT, 0.4)
    ridge = network.ridge * np.square(arrays["theta"] - arrays["start"]).sum()
    assert network.example_loss(arrays, CONTEXT, 0.4) - plain == pytest.approx(ridge, rel=0.1)


def test_it_starts_at_nothing_or_at_the_guess():
    contexts = np.random.default_rng(0).random((5, 3))
    for depth in (1, 3):
        assert np.abs(OnlineNetwork(3, depth=depth).predict(OnlineNetwork(3, depth=depth).start(0), contexts)).max() < 1e-12
    guessing = OnlineNetwork(3, offset=True)
    np.testing.assert_allclose(guessing.predict(guessing.start(0), contexts), contexts[:, -1], atol=1e-12)
    guessing = OnlineNetwork(3, "log", offset=True)
    np.testing.assert_allclose(guessing.predict(guessing.start(0), contexts), contexts[:, -1], atol=1e-12)


def test_weights_stay_in_the_ball():
    network = OnlineNetwork(3, radius=0.5, learning_rate=0.4)
    arrays = network.start(0)
    for _ in range(200):
        network.step(arrays, CONTEXT, 1.0)
    assert np.linalg.norm(arrays["theta"] - arrays["start"]) == pytest.approx(0.5)


def test_it_learns_a_curved_loss():
    network, coins = OnlineNetwork(2, width=64, learning_rate=0.3, strength=0.0), np.random.default_rng(0)
    arrays, errors = network.start(0), []
    for _ in range(6000):
        context = coins.uniform(-1, 1, 2)
        loss = float(context[0] * context[1] > 0)  # exclusive or: no linear rule knows it
        errors.append(abs(network.predict(arrays, context[None])[0] - loss))
        network.step(arrays, context, loss)
    assert np.mean(errors[-500:]) < 0.25, "the best line errs by a half"


def test_a_strong_ridge_keeps_the_start_as_ridge_regression_does():
    """Near the start the network is linear: with |theta - start| = 1 / g without, it is g / (g^2 + ridge) with it."""
    free, bound = OnlineNetwork(3, strength=0.0), OnlineNetwork(3, strength=2.0)
    lengths = []
    for network in (free, bound):
        arrays = network.start(0)
        for _ in range(100):
            network.step(arrays, CONTEXT, 1.0)
        lengths.append(np.linalg.norm(arrays["theta"] - arrays["start"]))
    slope = 1 / lengths[0]
    assert lengths[1] == pytest.approx(slope / (slope**2 + bound.ridge), rel=0.05)
