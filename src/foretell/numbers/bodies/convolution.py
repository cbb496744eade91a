"""A small convolutional network over images in flat rows."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from foretell.numbers.bodies.base import Body
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Convolution(Body):
    """Each row is a square image, pixel after pixel (several planes: plane after plane). A block is a 3x3 convolution, ReLU and a
    halving of the sides by the maximum; what the last block leaves is the representation.

    side: pixels in a row of the image; rows of X must have a multiple of side * side numbers. channels: of each block.

    >>> layers, width = Convolution(side=8, channels=(4, 6)).build(64)
    >>> width, [type(layer).__name__ for layer in layers]
    (24, ['Unflatten', 'Conv2d', 'ReLU', 'MaxPool2d', 'Conv2d', 'ReLU', 'MaxPool2d', 'Flatten'])
    """

    side: int = 8
    channels: tuple[int, ...] = (16, 32)

    def build(self, num_features: int) -> tuple[nn.Module, int]:
        good = isinstance(self.channels, tuple | list) and len(self.channels) > 0 and all(int(num) >= 1 for num in self.channels)
        require(good, self, "channels", self.channels, "must be one or more whole numbers above 0, one a block")
        least = 2 ** len(self.channels)
        require(self.side >= least, self, "side", self.side, f"must be at least {least}, since each of the blocks halves it")
        planes, rest = divmod(num_features, self.side**2)
        remedy = f"must be so that side * side divides the {num_features} features of X"
        require(rest == 0 and planes > 0, self, "side", self.side, remedy)
        layers: list[nn.Module] = [nn.Unflatten(1, (planes, self.side, self.side))]
        for num in self.channels:
            layers += [nn.Conv2d(planes, num, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            planes = num
        return nn.Sequential(*layers, nn.Flatten()), planes * (self.side // least) ** 2
