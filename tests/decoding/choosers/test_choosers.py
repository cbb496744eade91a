"""Every chooser, found by discovery: distributions of its probabilities, rounds in order, losses that are none, states that save."""

from __future__ import annotations

import copy
import dataclasses
import json
import math

import numpy as np
import pytest
from scipy.stats import chisquare

from foretell.catalog.part_text import describe
from foretell.decoding.chooser import BadLossWarning, ChooserState
from foretell.decoding.choosers.epsilon_greedy import EpsilonGreedy
from foretell.decoding.choosers.lin_ts import LinTS
from foretell.decoding.choosers.lin_ucb import LinUCB
from foretell.decoding.choosers.neural_fast_cb import NeuralFastCB
from foretell.decoding.choosers.neural_square_cb import NeuralSquareCB
from foretell.decoding.choosing.inverse_gap import InverseGapChooser, inverse_gap
from foretell.testing.combinations import examples

CHOOSERS = examples("chooser")
NEURAL = [NeuralSquareCB(width=16), NeuralFastCB(width=16), NeuralFastCB(width=16, perturb="random")]
by_name = pytest.mark.parametrize("chooser", CHOOSERS, ids=describe)


def contexts_of(num_arms: int, num_features: int = 4, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((num_arms, num_features))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def trained(chooser, rounds: int = 40, num_arms: int = 5) -> ChooserState:
    """After rounds whose losses differ by arm."""
    state = chooser.begin(4, seed=1)
    for number in range(rounds):
        contexts = contexts_of(num_arms, seed=number % 7)
        arm = chooser.choose(state, contexts).arm
        chooser.update(state, contexts, arm, (1 + arm) / (num_arms + 1))
    return state


@by_name
def test_probabilities_sum_to_one(chooser):
    state = trained(chooser)
    for num_arms in (1, 2, 5, 12):
        choice = chooser.choose(state, contexts_of(num_arms))
        assert choice.probabilities.shape == (num_arms,)
        assert abs(choice.probabilities.sum() - 1) < 1e-12
        assert (choice.probabilities >= 0).all()
        assert choice.propensity == choice.probabilities[choice.arm] > 0


@pytest.mark.parametrize("chooser", NEURAL, ids=describe)
@pytest.mark.parametrize("num_arms", [2, 3, 10])
def test_the_best_arm_has_its_share_and_others_no_more(chooser, num_arms):
    assert isinstance(chooser, InverseGapChooser)
    state = trained(chooser)
    for seed in range(20):
        contexts = contexts_of(num_arms, seed=seed)
        probabilities, best = chooser.probabilities(state, contexts), chooser.predict(state, contexts).argmin()
        assert probabilities[best] >= 1 / num_arms - 1e-12
        assert (np.delete(probabilities, best) <= 1 / num_arms + 1e-12).all()


def test_inverse_gap_weighting_is_the_formula():
    losses = np.array([0.5, 0.2, 0.9])
    found = inverse_gap(losses, gamma=10.0)
    assert found[0] == pytest.approx(1 / (3 + 10 * 0.3))
    assert found[2] == pytest.approx(1 / (3 + 10 * 0.7))
    assert found[1] == pytest.approx(1 - found[0] - found[2])
    # NeuFastCB's y / (K y + g * gap) is the same with g / y.
    assert inverse_gap(losses, 10.0 / 0.2)[2] == pytest.approx(0.2 / (3 * 0.2 + 10 * 0.7))


@by_name
def test_arms_come_as_often_as_their_probabilities_say(chooser):
    state, contexts = trained(chooser), contexts_of(5)
    counts, expected = np.zeros(5), np.zeros(5)
    for _ in range(3000):
        choice = chooser.choose(state, contexts)
        state.pending.clear()
        counts[choice.arm] += 1
        expected += choice.probabilities
    assert (counts[expected == 0] == 0).all()
    likely = expected >= 5
    rest = [counts[~likely].sum()], [expected[~likely].sum()]
    seen, distribution = np.append(counts[likely], rest[0]), np.append(expected[likely], rest[1])
    if (distribution > 0).sum() > 1:
        assert chisquare(seen[distribution > 0], distribution[distribution > 0]).pvalue > 1e-3


@by_name
def test_one_arm_is_always_taken(chooser):
    choice = chooser.choose(chooser.begin(4), contexts_of(1))
    assert (choice.arm, choice.propensity) == (0, 1.0)


@by_name
def test_the_same_seed_picks_the_same_arms_and_a_state_comes_back_from_plain_data(chooser):
    state = trained(chooser)
    saved = dataclasses.asdict(state)
    arrays = saved.pop("learnt")
    back = ChooserState(**json.loads(json.dumps(saved)), learnt={name: array.copy() for name, array in arrays.items()})
    for seed in range(20):
        contexts = contexts_of(5, seed=seed)
        one, other = chooser.choose(state, contexts), chooser.choose(back, contexts)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        assert one.arm == other.arm
        for each in (state, back):
            chooser.update(each, contexts, one.arm, 0.3)


@by_name
def test_choosing_changes_nothing_that_was_learnt(chooser):
    state = trained(chooser)
    before = copy.deepcopy(state.learnt)
    chooser.choose(state, contexts_of(3))
    for name, array in before.items():
        np.testing.assert_array_equal(array, state.learnt[name])


@pytest.mark.parametrize(
    "chooser",
    [
        NeuralSquareCB(width=16),
        NeuralSquareCB(width=16, depth=2, learning_rate=0.1),
        NeuralSquareCB(width=16, perturb="random", learning_rate=0.2),
        NeuralFastCB(width=16, learning_rate=1.0),
        NeuralFastCB(width=16, perturb="random", learning_rate=1.0),
        EpsilonGreedy(width=16, epsilon=0.2),
        LinUCB(),
        LinTS(),
    ],
    ids=describe,
)
def test_it_finds_the_arm_that_a_context_makes_good(chooser):
    """Arm 0 is good where the last feature is high, else arm 1; arms 2 and 3 never are."""
    coins, state, late = np.random.default_rng(0), chooser.begin(8, seed=0), []
    for _ in range(1500):
        high = bool(coins.integers(2))
        contexts = np.hstack([np.eye(4) * (1.0 if high else 0.0), np.eye(4) * (0.0 if high else 1.0)])
        arm = chooser.choose(state, contexts).arm
        loss = float(coins.random() < (0.1 if arm == (0 if high else 1) else 0.8))
        chooser.update(state, contexts, arm, loss)
        late.append(arm == (0 if high else 1))
    assert np.mean(late[-300:]) > 0.75


def test_where_good_arms_cost_next_to_nothing_fast_cb_loses_less():
    """Best arm's loss 0.02, nine others' 0.3: both learners alike but for loss and weighting."""

    def paid(chooser, seed):
        state, coins = chooser.begin(10, seed=seed), np.random.default_rng(seed)
        for _ in range(1500):
            arm = chooser.choose(state, np.eye(10)).arm
            chooser.update(state, np.eye(10), arm, float(coins.random() < (0.02 if arm == 3 else 0.3)))
        return state.paid

    wins = sum(paid(NeuralFastCB(width=32, learning_rate=1.0), seed) <= paid(NeuralSquareCB(width=32), seed) for seed in range(3))
    assert wins >= 2


@by_name
def test_losses_beyond_the_range_are_counted_and_warned_of_or_an_error(chooser):
    contexts = contexts_of(3)
    for loss in (math.nan, -0.5, 1.5, math.inf):
        state = chooser.begin(4)
        arm = chooser.choose(state, contexts).arm
        with pytest.warns(BadLossWarning, match=r"must be from 0 to 1.*1 so far"):
            chooser.update(state, contexts, arm, loss)
        assert state.num_bad == 1
        assert state.num_updates == (0 if math.isnan(loss) else 1)
        assert state.pending == []
        strict = chooser.replace(strict=True)
        state = strict.begin(4)
        arm = strict.choose(state, contexts).arm
        with pytest.raises(ValueError, match=rf"loss={loss!r} must be from 0 to 1, best first.*1 - r for a reward"):
            strict.update(state, contexts, arm, loss)


def test_clipping_learns_as_from_the_bound():
    chooser, contexts = NeuralSquareCB(width=8), contexts_of(3)
    one, other = chooser.begin(4), chooser.begin(4)
    with pytest.warns(BadLossWarning):
        chooser.replay(one, contexts, 1, 7.0)
    chooser.replay(other, contexts, 1, 1.0)
    np.testing.assert_array_equal(one.learnt["theta"], other.learnt["theta"])
    assert one.paid == 1.0


def test_a_loss_belongs_to_a_round_that_waits_for_it():
    chooser, contexts = EpsilonGreedy(width=8, epsilon=1.0), contexts_of(3)
    state = chooser.begin(4)
    with pytest.raises(ValueError, match=r"arm=0 was not chosen in a round that still waits for its loss \(waiting: none\)"):
        chooser.update(state, contexts, 0, 0.5)
    arm = chooser.choose(state, contexts).arm
    with pytest.raises(ValueError, match=rf"arm={(arm + 1) % 3} was not chosen .*\(waiting: {arm}\)"):
        chooser.update(state, contexts, (arm + 1) % 3, 0.5)
    chooser.update(state, contexts, arm, 0.5)
    with pytest.raises(ValueError, match="still waits"):
        chooser.update(state, contexts, arm, 0.5)
    first, second = chooser.choose(state, contexts).arm, chooser.choose(state, contexts).arm  # rounds of two requests may overlap
    chooser.update(state, contexts, second, 0.1)
    chooser.update(state, contexts, first, 0.1)
    assert state.num_updates == 3


@by_name
def test_contexts_that_do_not_fit_are_refused(chooser):
    state = chooser.begin(4)
    for contexts, message in [
        (np.zeros((3, 5)), "contexts have 5 features, but the chooser began with 4"),
        (np.zeros((0, 4)), r"shape \(0, 4\) must be \(arms, features\), with one arm or more"),
        (np.zeros(4), r"must be \(arms, features\)"),
        (np.full((2, 4), np.nan), "NaN or infinity"),
    ]:
        with pytest.raises(ValueError, match=message):
            chooser.choose(state, contexts)
    with pytest.raises(ValueError, match=r"arm=3 must be from 0 to 2"):
        chooser.replay(state, np.zeros((3, 4)), 3, 0.5)
    with pytest.raises(ValueError, match="num_features=0 must be at least 1"):
        chooser.begin(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NeuralSquareCB(gamma=0), "NeuralSquareCB: gamma=0 must be above 0"),
        (lambda: NeuralFastCB(gamma=-1.0), "gamma=-1.0 must be above 0"),
        (lambda: NeuralFastCB(growth=2.0), "growth=2.0 must be from 0 to 1"),
        (lambda: NeuralSquareCB(width=5), "width=5 must be even"),
        (lambda: NeuralSquareCB(perturb="noise"), "perturb='noise' must be one of random, ridge, none"),
        (lambda: NeuralSquareCB(depth=0), "depth=0 must be at least 1"),
        (lambda: NeuralSquareCB(learning_rate=0), "learning_rate=0 must be above 0"),
        (lambda: NeuralSquareCB(strength=-1), "strength=-1 must be 0 or above"),
        (lambda: EpsilonGreedy(epsilon=1.5), "epsilon=1.5 must be from 0 to 1"),
        (lambda: LinUCB(alpha=-1), "alpha=-1 must be 0 or above"),
        (lambda: LinTS(scale=0), "scale=0 must be above 0"),
        (lambda: LinTS(num_samples=0), "num_samples=0 must be at least 1"),
        (lambda: LinTS(ridge=0), "ridge=0 must be above 0"),
        (lambda: NeuralFastCB(reward=1), "no option 'reward'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_thompson_shares_are_those_of_the_posterior():
    """Two arms whose losses are known to differ by d with standard error s: the share is the normal distribution's."""
    chooser = LinTS(scale=0.3, num_samples=20_000)
    state = chooser.begin(2)
    for _ in range(8):
        chooser.replay(state, np.eye(2), 0, 0.4)
        chooser.replay(state, np.eye(2), 1, 0.5)
    losses, covariance = chooser.posterior(state, np.eye(2))
    spread = 0.3 * math.sqrt(covariance[0, 0] + covariance[1, 1])
    share = 0.5 * (1 + math.erf((losses[1] - losses[0]) / spread / math.sqrt(2)))
    assert chooser.probabilities(state, np.eye(2))[0] == pytest.approx(share, abs=0.015)


def test_ridge_regression_is_the_one_that_solving_gives():
    chooser, coins = LinUCB(ridge=2.0), np.random.default_rng(0)
    state, rows, losses = chooser.begin(4), coins.standard_normal((50, 4)), coins.random(50)
    for row, loss in zip(rows, losses, strict=True):
        chooser.replay(state, row[None], 0, loss)
    solved = np.linalg.solve(2.0 * np.eye(4) + rows.T @ rows, rows.T @ losses)
    np.testing.assert_allclose(chooser.posterior(state, rows)[0], rows @ solved, atol=1e-10)
