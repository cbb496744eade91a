"""Logged rounds judge a chooser that never ran."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foretell.decoding.choosers.epsilon_greedy import EpsilonGreedy
from foretell.decoding.choosers.lin_ucb import LinUCB
from foretell.decoding.choosers.neural_fast_cb import NeuralFastCB
from foretell.decoding.choosing.replay import Round, read_rounds, replay, write_rounds
from foretell.decoding.paces.bandit import Bandit

LOSSES = np.array([0.7, 0.2, 0.5])


def log(num_rounds: int, seed: int = 0) -> list[Round]:
    """Rounds of three arms, picked with unequal chances."""
    coins, chances, rounds = np.random.default_rng(seed), np.array([0.5, 0.2, 0.3]), []
    for _ in range(num_rounds):
        arm = int(coins.choice(3, p=chances))
        rounds.append(Round(np.eye(3), arm, chances[arm], float(coins.random() < LOSSES[arm])))
    return rounds


def test_uniform_choice_is_valued_at_the_mean_of_the_arms():
    found = replay(EpsilonGreedy(width=2, epsilon=1.0), log(4000))
    assert abs(found.value - LOSSES.mean()) < 4 * found.error
    assert found.error < 0.02
    assert found.weighted == pytest.approx(LOSSES.mean(), abs=0.05)
    assert found.logged == pytest.approx(0.7 * 0.5 + 0.2 * 0.2 + 0.5 * 0.3, abs=0.03)


@pytest.mark.parametrize("chooser", [NeuralFastCB(width=16, learning_rate=1.0), LinUCB()], ids=lambda chooser: type(chooser).__name__)
def test_a_learner_is_seen_to_find_the_best_arm(chooser):
    found = replay(chooser, log(3000))
    assert found.weighted < 0.3 < found.logged


def test_a_log_comes_back_from_its_file(tmp_path):
    rounds = log(20)
    write_rounds(tmp_path / "log.npz", rounds)
    back = read_rounds(tmp_path / "log.npz")
    assert [(each.arm, each.propensity, each.loss) for each in back] == [(each.arm, each.propensity, each.loss) for each in rounds]
    np.testing.assert_array_equal(back[0].contexts, np.eye(3))


def test_logs_that_say_nothing_are_refused():
    with pytest.raises(ValueError, match="rounds are empty"):
        replay(LinUCB(), [])
    with pytest.raises(ValueError, match=r"propensity=0.0 of a logged round must be above 0"):
        replay(LinUCB(), [Round(np.eye(2), 0, 0.0, 0.5)])


def test_a_log_of_real_decoding_tells_choosers_apart():
    """513 rounds of the default model, any of nine arms as likely: `benchmarks/online_choice.py --limit 4 --tokens 96 --streams mixed
    --arms bandit --chooser "epsilon-greedy(width=16, epsilon=1.0)" --log rounds.npz`."""
    rounds = read_rounds(Path(__file__).with_name("rounds.npz"))
    assert len(rounds) == 513
    assert {each.arm for each in rounds} == set(range(9))
    uniform = replay(EpsilonGreedy(width=2, epsilon=1.0), rounds)
    assert uniform.value == pytest.approx(uniform.logged)
    chooser = Bandit().chooser
    learning = replay(chooser, rounds)
    assert learning.weighted < 0.97 * uniform.value
    assert learning.weighted < replay(chooser.replace(offset=False), rounds).weighted, "without the records' guess there is much to learn"
