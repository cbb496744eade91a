"""Hooks by names of modules, and attention."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from foretell.numbers.unlearning.activations import OUTPUT, attention, attention_distance, exposed, record

NETWORK = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3), nn.Tanh(), nn.Linear(3, 1))
IMAGES = torch.linspace(-1, 1, 5 * 16).reshape(5, 1, 4, 4)


def test_outputs_are_recorded_with_gradient_and_hooks_are_removed():
    with record(NETWORK, ["1", OUTPUT]) as seen:
        found = NETWORK(IMAGES)
    assert torch.equal(seen["1"], torch.relu(NETWORK[0](IMAGES)))
    assert seen[OUTPUT] is found
    assert seen["1"].requires_grad
    NETWORK(IMAGES[:2])
    assert len(seen["1"]) == 5
    assert not any(module._forward_hooks for module in NETWORK.modules())


def test_names_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match=r"\['7'\].*it has 0, 1, 2"), record(NETWORK, ["7"]):
        pass
    assert exposed(NETWORK) == ("1", "4")


def test_attention_of_images_is_where_and_of_rows_is_what():
    planes = torch.randn(5, 3, 2, 2, generator=torch.manual_seed(0))
    expected = (planes[:, 0] ** 2 + planes[:, 1] ** 2 + planes[:, 2] ** 2).reshape(5, 4) / 3
    torch.testing.assert_close(attention(planes), expected / expected.norm(dim=1, keepdim=True))
    torch.testing.assert_close(attention(planes), attention(planes[:, [2, 0, 1]]))
    rows = torch.tensor([[1.0, 2.0]])
    torch.testing.assert_close(attention(rows), torch.tensor([[1.0, 4.0]]) / 17**0.5)
    assert attention(torch.zeros(2, 3)).tolist() == [[0.0] * 3] * 2


def test_distances_add_over_layers():
    one, other = ({"a": torch.tensor([[x, 1.0]]), "b": torch.tensor([[1.0, x]])} for x in (0.0, 1.0))
    single = attention_distance({"a": one["a"]}, {"a": other["a"]})
    torch.testing.assert_close(attention_distance(one, other), 2 * single)
    assert attention_distance(one, one).tolist() == [0.0]
