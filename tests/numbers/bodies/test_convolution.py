"""The body over images: what a pixel may reach, and what is refused."""

from __future__ import annotations

import pytest
import torch
from sklearn.base import clone

from foretell.numbers.bodies.convolution import Convolution


def test_a_pixel_reaches_its_neighbourhood_and_no_more():
    """One block of positive weights and biases: the third pixel of the second row of the second plane is seen by a 3 x 3
    neighbourhood, so by two by two of each channel's cells after halving."""
    layers, width = Convolution(side=8, channels=(3,)).build(2 * 64)
    layers[1].weight.data.abs_()
    layers[1].bias.data.fill_(1.0)
    rows = torch.zeros(1, 128)
    before = layers(rows)
    rows[0, 64 + 8 + 2] = 1.0
    changed = (layers(rows) - before).reshape(3, 4, 4) != 0
    assert width == 3 * 16
    assert changed.any(0).nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert changed.sum() == 12


def test_settings_are_checked_when_used():
    assert clone(Convolution(channels=(4,))).channels == (4,)
    for body, num, says in [
        (Convolution(side=5), 64, r"side=5 .*64 features"),
        (Convolution(side=2), 4, r"side=2 must be at least 4"),
        (Convolution(channels=()), 64, r"channels=\(\)"),
        (Convolution(channels=(4, 0)), 64, r"channels=\(4, 0\)"),
    ]:
        with pytest.raises(ValueError, match=says):
            body.build(num)
