"""`DigitHead`: decodes a number's tokens from a representation, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from foretell.numbers.component import Component
from foretell.numbers.digits.leaves import Leaves, Level
from foretell.parts import require

#: Numbers that are worked out at once when the whole law is asked for: bounds the memory.
CHUNK = 4_000_000


@dataclass(eq=False, repr=False)
class DigitHead(Component):
    """An autoregressive decoder of token rows: at each place the next token's law follows from the representation and from what was
    written before. A place has one dense layer of `width`, to which the beginning adds its own vector, so what is alike in
    all beginnings is learnt once. Tokens that the format forbids have no chance at all.

    Trained by teacher forcing; the law of whole numbers is exact, as each beginning is read once: `DigitDecoder.forward`.
    Needs: the format's leaves. Cost: of the exact law, a row of `width` for every beginning. Song and Bahri, "Decoding-based Regression",
    2025, section 3, whose decoder is a transformer; ours sees the whole beginning as one symbol, which is stronger and affordable as
    beginnings are few. Errors: ValueError for a width below 1, dropout outside [0, 1).
    """

    papers = ("decoding-regression",)

    width: int = 64
    dropout: float = 0.0

    def build(self, num_inputs: int, leaves: Leaves, prior: np.ndarray) -> DigitDecoder:
        """An untrained decoder; prior: (m,), masses that it says of every row at first."""
        good = isinstance(self.width, int | np.integer) and self.width >= 1
        require(good, self, "width", self.width, "must be a whole number of at least 1")
        require(0 <= self.dropout < 1, self, "dropout", self.dropout, "must be 0 or above and below 1")
        return DigitDecoder(num_inputs, self.width, self.dropout, leaves, prior)


class DigitDecoder(nn.Module):
    """The layers of a `DigitHead`: one `_Place` for every place of the token rows at which there is a choice."""

    def __init__(self, num_inputs: int, width: int, dropout: float, leaves: Leaves, prior: np.ndarray) -> None:
        super().__init__()
        levels = [level for level in leaves.levels if level.allowed.sum(axis=1).max() > 1]
        self.num_leaves = len(leaves)
        self.places: Any = nn.ModuleList(_Place(num_inputs, width, dropout, level, prior, level is levels[-1]) for level in levels)

    def forward(self, representation: Tensor) -> Tensor:
        """(n, num_inputs) -> (n, m), the log-mass of each number; rows sum to 1."""
        parts = representation.split(max(1, CHUNK // self.num_leaves))
        return torch.cat([self._laws(part) for part in parts])

    def _laws(self, representation: Tensor) -> Tensor:
        masses = representation.new_zeros(len(representation), 1)
        for place in self.places:
            masses = place(representation, masses)
        return masses.expand(-1, self.num_leaves)  # which one number alone needs

    def log_likelihood(self, representation: Tensor, leaf: Tensor) -> Tensor:
        """(n, num_inputs), (n, k) -> (n, k): the log-mass of some numbers alone, by their places among the leaves."""
        nothing = representation.new_zeros(leaf.shape)
        return sum((place.log_likelihood(representation, leaf) for place in self.places), nothing)


class _Place(nn.Module):
    """The law of the token at one place."""

    node: Tensor
    token: Tensor
    ways: Tensor
    forbidden: Tensor

    def __init__(self, num_inputs: int, width: int, dropout: float, level: Level, prior: np.ndarray, is_last: bool) -> None:
        super().__init__()
        num_nodes, num_tokens = level.allowed.shape
        self.layer = nn.Linear(num_inputs, width)
        self.beginning = nn.Parameter(torch.randn(num_nodes, width) * 0.5)
        self.after = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(width, num_tokens, bias=False))
        common = np.zeros(level.allowed.shape)
        np.add.at(common, (level.node, level.token), prior)
        common = np.where(level.allowed, common + 1e-3 * common.sum(axis=1, keepdims=True) + 1e-9, 1.0)
        self.common = nn.Parameter(torch.as_tensor(np.log(common / common.sum(axis=1, keepdims=True)), dtype=torch.float32))
        self.register_buffer("node", torch.as_tensor(level.node), persistent=False)
        self.register_buffer("token", torch.as_tensor(level.token), persistent=False)
        ways = level.node * num_tokens + level.token  # beginnings one token longer: in their order, at the end in that of the numbers
        self.register_buffer("ways", torch.as_tensor(ways if is_last else np.unique(ways)), persistent=False)
        self.register_buffer("forbidden", torch.as_tensor(~level.allowed), persistent=False)

    def forward(self, representation: Tensor, masses: Tensor) -> Tensor:
        """Log-masses of beginnings, (n, num_nodes) -> those of beginnings that are one token longer."""
        logits = self.after(self.layer(representation)[:, None] + self.beginning) + self.common
        laws = logits.masked_fill(self.forbidden, -torch.inf).log_softmax(-1) + masses[..., None]
        return laws.flatten(1).index_select(1, self.ways)

    def log_likelihood(self, representation: Tensor, leaf: Tensor) -> Tensor:
        node = self.node[leaf]
        logits = self.after(self.layer(representation)[:, None] + embedding(node, self.beginning)) + embedding(node, self.common)
        laws = logits.masked_fill(self.forbidden[node], -torch.inf).log_softmax(-1)
        return laws.gather(-1, self.token[leaf][..., None])[..., 0]
