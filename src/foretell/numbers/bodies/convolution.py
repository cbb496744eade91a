"""`Convolution`: a small convolutional network over images."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from foretell.numbers.bodies.base import Body
from foretell.numbers.input_spec import ArrayInput, InputSpec, described, flat_width
from foretell.parts import require


class PlanesFirst(nn.Module):
    """(n, height, width, planes) -> (n, planes, height, width), as convolutions take images."""

    def forward(self, images: Tensor) -> Tensor:
        """Images with the planes in the second dimension."""
        return images.movedim(-1, 1)


@dataclass(eq=False, repr=False)
class Convolution(Body):
    """A convolutional network. X is (n, height, width, planes), or a table whose rows are square images, pixel after pixel (several planes:
    plane after plane). A block is a 3x3 convolution, ReLU and a max pooling that halves the sides; the output of the last block, flattened,
    is the representation.

    side: pixels in a row of the image, for tables only; rows must have a multiple of side * side numbers. channels: of each block. Errors:
    UserError for images that are too small for the blocks, and for tables that do not match `side`.

    >>> from foretell.numbers.input_spec import ArrayInput, flat
    >>> layers, width = Convolution(side=8, channels=(4, 6)).build(flat(64))
    >>> width, [type(layer).__name__ for layer in layers]
    (24, ['Unflatten', 'Conv2d', 'ReLU', 'MaxPool2d', 'Conv2d', 'ReLU', 'MaxPool2d', 'Flatten'])
    >>> Convolution(channels=(4, 6)).build(ArrayInput((8, 12, 3)))[1]
    36
    """

    side: int = 8
    channels: tuple[int, ...] = (16, 32)

    def build(self, inputs: InputSpec) -> tuple[nn.Module, int]:
        good = isinstance(self.channels, tuple | list) and len(self.channels) > 0 and all(int(num) >= 1 for num in self.channels)
        require(good, self, "channels", self.channels, "must be one or more whole numbers above 0, one a block")
        least = 2 ** len(self.channels)
        if isinstance(inputs, ArrayInput) and len(inputs.shape) == 3 and not inputs.is_ragged:
            height, wide, planes = (int(size or 0) for size in inputs.shape)
            fits = min(height, wide) >= least
            require(fits, self, "channels", self.channels, f"halve the sides of {described(inputs)} to nothing; take fewer")
            layers: list[nn.Module] = [PlanesFirst()]
        else:
            planes, height, wide = self._planes(flat_width(inputs, self), least), self.side, self.side
            layers = [nn.Unflatten(1, (planes, height, wide))]
        for num in self.channels:
            layers += [nn.Conv2d(planes, num, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            planes = num
        return nn.Sequential(*layers, nn.Flatten()), planes * (height // least) * (wide // least)

    def _planes(self, num_features: int, least: int) -> int:
        require(self.side >= least, self, "side", self.side, f"must be at least {least}, since each of the blocks halves it")
        planes, rest = divmod(num_features, self.side**2)
        remedy = f"must be so that side * side divides the {num_features} features of X"
        require(rest == 0 and planes > 0, self, "side", self.side, remedy)
        return planes
