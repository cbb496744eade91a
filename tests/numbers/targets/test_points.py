"""Targets with one output against PyTorch's losses and what minimises them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from foretell.numbers.targets.huber import Huber
from foretell.numbers.targets.l1 import L1
from foretell.numbers.targets.mse import MSE

LOSSES = {"mse": (MSE(), mse_loss), "l1": (L1(), l1_loss), "huber": (Huber(), huber_loss)}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_pytorchs_on_standardised_numbers(name, rng):
    target, reference = LOSSES[name]
    y = rng.standard_normal(30) * 4 + 100
    code = target.fit(y)
    encoded = target.encode(code, y)
    assert encoded.mean().item() == pytest.approx(0, abs=1e-5)
    assert encoded.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    outputs = torch.randn(30, 1, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(target.row_losses(outputs, encoded).mean(), reference(outputs[:, 0], encoded))
    torch.testing.assert_close(target.mean(code, encoded[:, None]), torch.as_tensor(y, dtype=torch.float32))
    assert target.distribution(code, outputs) is None
    assert target.width(code) == 1


def test_a_constant_target_is_said_as_it_is():
    code = MSE().fit(np.full(4, 7.0))
    assert MSE().mean(code, torch.zeros(2, 1)).tolist() == [7.0, 7.0]


def test_weights_count():
    assert MSE().fit(np.array([0.0, 1.0]), np.array([1.0, 3.0]))["centre"] == 0.75


def test_delta_must_be_above_0():
    with pytest.raises(ValueError, match="delta=0 must be above 0"):
        Huber(delta=0).row_losses(torch.zeros(1, 1), torch.zeros(1))
