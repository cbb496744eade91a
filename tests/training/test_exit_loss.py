"""Losses at exits against transformers' own hidden states; schedules, weights and layer dropout against their formulas."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from foretell.training.exit_loss import ExitLoss, held_out_losses, layer_chances


@pytest.fixture(scope="module")
def network(corpus, shape):
    return shape.build(corpus.tokenizer.get_vocab_size(), corpus.end).eval()


def reference(network, batch):
    """Cross-entropy by layer from `output_hidden_states`, of which the last is normalised and the others are not."""
    hidden = network.model(batch[:, :-1], output_hidden_states=True).hidden_states
    normed = [network.model.norm(state) for state in hidden[:-1]] + [hidden[-1]]
    return [F.cross_entropy(network.lm_head(state).flatten(0, 1), batch[:, 1:].flatten()).item() for state in normed]


def test_losses_are_those_of_transformers(network, corpus):
    batch = corpus.batch_at(0, 3)
    by_layer = reference(network, batch)
    found = held_out_losses(network, [batch], (1, 2, 3))
    assert list(found.values()) == pytest.approx(by_layer[1:], abs=1e-4)
    equal = ExitLoss((1, 2, 3))(network, batch, 0).item()
    assert equal == pytest.approx(sum(by_layer[1:]) / 3, abs=1e-4)
    assert ExitLoss((1, 3), schedule="last")(network, batch, 0).item() == pytest.approx(by_layer[3], abs=1e-4)


def test_schedules_and_weights():
    assert ExitLoss((1, 2, 3)).weights_at(5) == pytest.approx({1: 1 / 3, 2: 1 / 3, 3: 1 / 3})
    assert ExitLoss((1, 2, 3), weights="depth").weights_at(0) == pytest.approx({1: 1 / 6, 2: 2 / 6, 3: 3 / 6})
    assert ExitLoss((1, 3), weights=(1, 3)).weights_at(0) == {1: 0.25, 3: 0.75}
    rotating = ExitLoss((1, 2, 3), schedule="rotating")
    assert [rotating.weights_at(step) for step in (0, 1, 2)] == [{1: 0.5, 3: 0.5}, {2: 0.5, 3: 0.5}, {1: 0.5, 3: 0.5}]
    assert ExitLoss((1, 2, 3), schedule="last").weights_at(1) == {3: 1.0}


def test_layer_dropout_skips_whole_sequences_as_often_as_the_formula_says(network, corpus):
    """False alarm below 1e-6: five standard deviations of a binomial over 3000 sequences."""
    tokens = corpus.batch_at(0, 1)[:, :-1].expand(3000, -1)[:, :2]
    torch.manual_seed(1)
    with torch.no_grad():
        states = network(tokens, hidden=(1, 2, 3), logits=False, layer_dropout=layer_chances(3, 0.4)).hidden
    assert torch.equal(states[1], states[1][:1].expand_as(states[1]))  # the first layer is never skipped
    skipped = (states[3] == states[2]).flatten(1).all(1).float().mean().item()
    assert abs(skipped - 0.4) < 5 * math.sqrt(0.24 / 3000)  # the last with the largest chance
    middle = (states[2] == states[1]).flatten(1).all(1).float().mean().item()
    chance = 0.4 * (2**0.5 - 1)
    assert abs(middle - chance) < 5 * math.sqrt(chance * (1 - chance) / 3000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exits": ()}, "ascending"),
        ({"exits": (3, 2)}, "ascending"),
        ({"exits": (0, 2)}, "ascending"),
        ({"exits": (1, 2), "schedule": "al"}, "must be one of all, rotating, last"),
        ({"exits": (1, 2), "weights": "even"}, "equal, depth"),
        ({"exits": (1, 2), "weights": (1.0,)}, "for each of 2 exits"),
        ({"exits": (1, 2), "dropout": 1.0}, "below 1"),
        ({"exits": (2,), "schedule": "rotating"}, "early exit"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        ExitLoss(**settings)


def test_the_last_exit_is_the_depth(network, corpus):
    with pytest.raises(ValueError, match="must end with the network's depth, 3"):
        ExitLoss((1, 2))(network, corpus.batch_at(0, 1), 0)
