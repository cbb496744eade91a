"""The body over images: what a pixel may reach, and what is refused."""

from __future__ import annotations

import pytest
import torch
from sklearn.base import clone

from foretell.numbers.bodies.convolution import Convolution
from foretell.numbers.input_spec import ArrayInput, flat


def test_a_pixel_reaches_its_neighbourhood_and_no_more():
    """One block of positive weights and biases: the third pixel of the second row of the second plane is seen by a 3 x 3
    neighbourhood, so by two by two of each channel's cells after halving."""
    layers, width = Convolution(side=8, channels=(3,)).build(flat(2 * 64))
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
            body.build(flat(num))


def test_images_with_their_planes_last_are_those_of_a_flat_table():
    """The same weights over the same picture, given as a flat row of two planes and as an image."""
    body = Convolution(side=8, channels=(3, 2))
    table, image = (body.build(inputs)[0] for inputs in (flat(128), ArrayInput((8, 8, 2))))
    image.load_state_dict(table.state_dict())
    rows = torch.randn(5, 2, 8, 8)
    torch.testing.assert_close(image(rows.movedim(1, -1)), table(rows.flatten(1)))
    wide, width = body.build(ArrayInput((8, 20, 1)))
    assert wide(torch.zeros(3, 8, 20, 1)).shape == (3, width) == (3, 2 * 2 * 5)
    with pytest.raises(ValueError, match=r"halve the sides of numbers \(3, 8, 1\) to nothing"):
        body.build(ArrayInput((3, 8, 1)))
    with pytest.raises(ValueError, match=r"body=Convolution takes rows of numbers \(columns,\), but a row of X is numbers \(any, 8\)"):
        body.build(ArrayInput((None, 8)))
