"""Views: random augmentations of a row."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from foretell.numbers.component import Component
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Views(Component):
    """Abstract: a random augmentation of each row of a batch. Random numbers are torch's own."""

    @abstractmethod
    def __call__(self, inputs: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """inputs: (n, d), standardised: (row - mean) / scale, where mean and scale are (d,). The result is standardised in the same way."""


@dataclass(eq=False, repr=False)
class TableViews(Views):
    """For tables.

    noise: standard deviation of the added noise, in units of the column's. dropout: share of numbers replaced by those of the same column
    in another row of the batch, drawn anew for each column.

    >>> rows = torch.arange(6.0).reshape(3, 2)
    >>> views = TableViews(noise=0.0, dropout=1.0)(rows, torch.zeros(2), torch.ones(2))
    >>> bool(torch.isin(views[:, 0], rows[:, 0]).all()), bool(torch.isin(views[:, 1], rows[:, 1]).all())
    (True, True)
    """

    noise: float = 0.05
    dropout: float = 0.1

    def __call__(self, inputs: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        require(self.noise >= 0, self, "noise", self.noise, "must be 0 or above")
        require(0 <= self.dropout <= 1, self, "dropout", self.dropout, "must be a share of numbers, 0 to 1")
        others = inputs.gather(0, torch.randint(len(inputs), inputs.shape, device=inputs.device))
        replaced = torch.rand_like(inputs) < self.dropout
        return torch.where(replaced, others, inputs) + self.noise * torch.randn_like(inputs)


@dataclass(eq=False, repr=False)
class ImageShifts(Views):
    """For images in flat rows, as `Convolution` takes them: shifted by up to `reach` pixels to each side; the border is repeated.

    side: pixels in a row of the image. reach: in pixels.

    >>> image = torch.arange(9.0).reshape(1, 9)
    >>> ImageShifts(side=3, reach=0)(image, torch.zeros(9), torch.ones(9)).tolist() == image.tolist()
    True
    """

    side: int = 8
    reach: int = 1

    def __call__(self, inputs: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        num, width = inputs.shape
        require(self.side >= 1 and width % self.side**2 == 0, self, "side", self.side, f"must be so that side * side divides {width}")
        require(self.reach >= 0, self, "reach", self.reach, "must be 0 or above")
        images = (inputs * scale + mean).reshape(num, -1, self.side, self.side)
        images = torch.nn.functional.pad(images, [self.reach] * 4, mode="replicate")
        moves = torch.randint(2 * self.reach + 1, (2, num, 1), device=inputs.device) + torch.arange(self.side, device=inputs.device)
        rows = torch.arange(num, device=inputs.device)[:, None, None]
        moved = images.movedim(1, 3)[rows, moves[0][:, :, None], moves[1][:, None, :]].movedim(3, 1)
        return (moved.reshape(num, width) - mean) / scale
