"""The online chooser with scikit-learn's face: settings, rounds, and what was learnt kept."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import foretell.numbers
from foretell.decoding.chooser import BadLossWarning
from foretell.decoding.choosers.neural_square_cb import NeuralSquareCB
from foretell.numbers import all_choosers
from foretell.numbers.choosers.neural_bandit import NeuralBandit
from foretell.numbers.saving import load, save

EXAMPLES = [(name, example) for name, cls in all_choosers().items() for example in cls.examples()]
LOSSES = (0.9, 0.1, 0.6)


def played(bandit, rounds: int = 60) -> list[int]:
    arms = []
    for _ in range(rounds):
        arm, propensity = bandit.choose(np.eye(3))
        assert 0 < propensity <= 1
        assert bandit.update(np.eye(3), arm, loss=LOSSES[arm]) is bandit
        arms.append(arm)
    return arms


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_clone_pickle_save_and_load_go_on_alike(name, example, tmp_path):
    played(example.reset())
    copies = [pickle.loads(pickle.dumps(example)), load(save(example, tmp_path / name))]
    after = played(example)
    assert [played(copy) for copy in copies] == [after, after]
    unfitted = clone(example)
    assert unfitted.get_params() == example.get_params()
    assert not hasattr(unfitted, "learnt_")
    assert played(unfitted) + played(unfitted) == played(example.reset(), 120)


def test_it_is_found_by_name():
    assert foretell.numbers.NeuralBandit is NeuralBandit
    assert "NeuralBandit" in dir(foretell.numbers)


def test_it_learns_which_arm_is_best_and_forgets_when_told():
    bandit = NeuralBandit(NeuralSquareCB(), random_state=0)
    arms = played(bandit, 400)
    assert arms[-100:].count(1) > 80
    bandit.reset()
    np.testing.assert_allclose(bandit.probabilities(np.eye(3)), 1 / 3)


def test_logged_rounds_are_learnt_from_in_turn():
    coins = np.random.default_rng(0)
    arms = coins.integers(3, size=300)
    fitted = NeuralBandit(random_state=0).fit([np.eye(3)] * 300, arms, [LOSSES[arm] for arm in arms])
    assert fitted.probabilities(np.eye(3)).argmax() == 1
    again = fitted.fit([np.eye(3)] * 300, arms, [1 - LOSSES[arm] for arm in arms])
    assert again.probabilities(np.eye(3)).argmax() == 0
    assert again.learnt_["num_updates"] == 300
    with pytest.raises(ValueError, match=r"contexts=\[\] must hold one round or more"):
        fitted.fit([], [], [])


def test_settings_are_scikit_learn_s():
    bandit = NeuralBandit().set_params(chooser="epsilon-greedy(epsilon=1.0)", random_state=3)
    assert bandit.probabilities(np.eye(4)).tolist() == [0.25] * 4
    for chooser in ("neural", 3, None):
        with pytest.raises(ValueError, match="chooser"):
            NeuralBandit(chooser).choose(np.eye(2))


def test_data_frames_are_contexts():
    frame = pd.DataFrame({"price": [0.1, 0.2], "weight": [0.3, 0.4]})
    bandit = NeuralBandit(random_state=0)
    arm, _ = bandit.choose(frame)
    bandit.partial_fit(frame, arm, 0.5)
    assert bandit.n_features_in_ == 2


def test_what_does_not_fit_is_refused():
    bandit = NeuralBandit("neural-fast-cb(strict=True)", random_state=0)
    arm, _ = bandit.choose(np.eye(3))
    with pytest.raises(ValueError, match="contexts have 4 features, but the chooser began with 3"):
        bandit.choose(np.eye(4))
    with pytest.raises(ValueError, match="contexts have 4 features"):
        bandit.probabilities(np.eye(4))
    with pytest.raises(ValueError, match="was not chosen in a round that still waits"):
        bandit.update(np.eye(3), (arm + 1) % 3, 0.5)
    for loss in (-1.0, math.nan):
        with pytest.raises(ValueError, match="must be from 0 to 1"):
            bandit.update(np.eye(3), arm, loss)
    bandit.update(np.eye(3), arm, 0.5)
    with pytest.raises(ValueError, match=r"waiting: none"):
        bandit.update(np.eye(3), arm, 0.5)
    with pytest.raises(ValueError, match=r"contexts=\(3,\) must have the shape \(arms, features\)"):
        NeuralBandit().choose(np.ones(3))
    with pytest.raises(ValueError, match="with one arm or more"):
        NeuralBandit().choose(np.ones((0, 3)))
    lenient = NeuralBandit(random_state=0)
    arm, _ = lenient.choose(np.eye(3))
    with pytest.warns(BadLossWarning, match="1 so far"):
        lenient.update(np.eye(3), arm, 1.5)
    assert lenient.learnt_["num_bad"] == 1
    assert NeuralBandit(random_state=0).choose([[0.5, 0.5]]) == (0, 1.0)
