"""The one way of fitting: epochs, shuffling, held-out rows, seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from foretell.errors import UserError
from foretell.numbers.fitting import fit_network


def squares(network, batch):
    return (network(batch[0])[:, 0] - batch[1]).square().mean()


def line(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(2, 1)


X = torch.as_tensor(np.random.RandomState(0).standard_normal((50, 2)), dtype=torch.float32)
Y = X @ torch.tensor([1.0, -2.0]) + 3
FAST = {"epochs": 30, "batch_size": 16, "learning_rate": 0.1}


def test_it_finds_the_line_of_least_squares():
    network = line()
    report = fit_network(network, [X, Y], squares, **FAST)
    assert report.finished
    assert report.step == 30 * 4  # the last batch of an epoch holds two rows
    np.testing.assert_allclose(network.weight.detach().numpy()[0], [1, -2], atol=0.05)
    assert network.bias.item() == pytest.approx(3, abs=0.05)


def test_every_row_is_seen_once_an_epoch_in_another_order():
    seen = []

    def noting(network, batch):
        seen.append(batch[1].tolist())
        return network(batch[0]).mean()

    fit_network(line(), [X, torch.arange(50.0)], noting, epochs=2, batch_size=16, learning_rate=1e-3)
    epochs = [[row for batch in part for row in batch] for part in (seen[:4], seen[4:])]
    assert [sorted(epoch) for epoch in epochs] == [list(range(50))] * 2
    assert epochs[0] != epochs[1]
    assert [len(batch) for batch in seen[:4]] == [16, 16, 16, 2]


def test_the_same_seed_gives_the_same_weights_and_disturbs_nobody():
    torch.manual_seed(5)
    expected = torch.rand(1)
    networks = [line(), line(), line()]
    torch.manual_seed(5)
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        fit_network(network, [X, Y], squares, epochs=2, batch_size=16, learning_rate=0.1, seed=seed)
    assert torch.rand(1) == expected
    assert torch.equal(networks[0].weight, networks[1].weight)
    assert not torch.equal(networks[0].weight, networks[2].weight)


def test_the_best_epoch_on_held_out_rows_is_kept_and_patience_ends():
    network = line()
    held_out = [X[:10], network(X[:10])[:, 0].detach()]  # whatever is learnt of the others makes these worse
    report = fit_network(network, [X[10:], Y[10:] + 30], squares, held_out=held_out, patience=3, **FAST)
    assert len(report.history) == 4
    assert report.best == (report.history[0][1], report.history[0][0])
    assert squares(network, held_out).item() == pytest.approx(report.best[0])


def test_another_watch_than_the_loss_may_choose_the_epoch():
    worths = iter([3.0, 1.0, 2.0, 2.0])
    seen = []

    def watch(network):
        seen.append(network.weight.detach().clone())
        return next(worths)

    network = line()
    report = fit_network(network, [X, Y], squares, watch=watch, epochs=4, batch_size=50, learning_rate=0.1)
    assert report.best == (1.0, 2)
    assert torch.equal(network.weight, seen[1])


def test_without_held_out_rows_the_last_epoch_is_kept():
    report = fit_network(line(), [X, Y], squares, patience=1, epochs=5, batch_size=64, learning_rate=0.1)
    assert report.step == 5


def test_a_loss_that_is_no_number_says_what_to_do():
    with pytest.raises(UserError, match="trial: the loss is nan at step 0; lower learning_rate"):
        fit_network(line(), [X, Y * float("nan")], squares, name="trial", **FAST)
