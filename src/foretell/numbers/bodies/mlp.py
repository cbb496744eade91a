"""`MLP`: a multi-layer perceptron."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from foretell.numbers.bodies.base import Body
from foretell.numbers.input_spec import InputSpec, flat_width
from foretell.parts import require

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


@dataclass(eq=False, repr=False)
class MLP(Body):
    """Dense layers over the columns of a table.

    widths: of each layer. activation: "relu", "gelu", "silu" or "tanh". dropout: share of outputs set to 0 in training. layer_norm:
    normalise each layer's outputs before the activation. Errors: UserError for settings out of range, and for inputs that are no table.

    >>> from foretell.numbers.input_spec import flat
    >>> layers, width = MLP((16, 8)).build(flat(4))
    >>> width, [type(layer).__name__ for layer in layers]
    (8, ['Linear', 'ReLU', 'Linear', 'ReLU'])
    """

    widths: tuple[int, ...] = (256, 256)
    activation: str = "relu"
    dropout: float = 0.0
    layer_norm: bool = False

    def build(self, inputs: InputSpec) -> tuple[nn.Module, int]:
        good = isinstance(self.widths, tuple | list) and len(self.widths) > 0 and all(int(width) >= 1 for width in self.widths)
        require(good, self, "widths", self.widths, "must be one or more whole numbers above 0, one a layer")
        require(self.activation in ACTIVATIONS, self, "activation", self.activation, f"must be one of {', '.join(ACTIVATIONS)}")
        require(0 <= self.dropout < 1, self, "dropout", self.dropout, "must be 0 or above and below 1")
        layers: list[nn.Module] = []
        width = flat_width(inputs, self)
        for wide in self.widths:
            layers.append(nn.Linear(width, wide))
            if self.layer_norm:
                layers.append(nn.LayerNorm(wide))
            layers.append(ACTIVATIONS[self.activation]())
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            width = wide
        return nn.Sequential(*layers), width
