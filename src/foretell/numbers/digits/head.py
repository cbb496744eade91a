"""`DigitHead`: decodes the tokens of a number from a representation, one after another."""

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

#: Log-masses computed at once for whole distributions, which bounds the memory.
CHUNK = 4_000_000


@dataclass(eq=False, repr=False)
class DigitHead(Component):
    """An autoregressive decoder of token rows: at each position, the distribution of the next token depends on the representation and on
    the tokens before it. A position has one dense layer of `width`, to which each prefix adds a vector of its own, so that what prefixes
    have in common is learnt once. Tokens that the format does not allow have no mass.

    width: of the dense layers. dropout: in them. Trained by teacher forcing; the distribution over whole numbers is exact, since each
    prefix is evaluated once: `DigitDecoder.forward`. Needs: the format's leaves. Cost: of the exact distribution, a row of `width` for
    every prefix. Errors: UserError for a width below 1 and a dropout outside [0, 1).

    Song and Bahri, "Decoding-based Regression", 2025, section 3. Departure: their decoder is a transformer; this one has an embedding for
    each whole prefix, which is more expressive, and affordable as prefixes are few.
    """

    papers = ("decoding-regression",)

    width: int = 64
    dropout: float = 0.0

    def build(self, num_inputs: int, leaves: Leaves, prior: np.ndarray) -> DigitDecoder:
        """An untrained decoder of representations (n, num_inputs). prior: (m,), the masses that it starts with for every row."""
        good = isinstance(self.width, int | np.integer) and self.width >= 1
        require(good, self, "width", self.width, "must be a whole number of at least 1")
        require(0 <= self.dropout < 1, self, "dropout", self.dropout, "must be 0 or above and below 1")
        return DigitDecoder(num_inputs, self.width, self.dropout, leaves, prior)


class DigitDecoder(nn.Module):
    """The layers of a `DigitHead`: one `_TokenLayer` for every position of the token rows at which there is a choice."""

    def __init__(self, num_inputs: int, width: int, dropout: float, leaves: Leaves, prior: np.ndarray) -> None:
        super().__init__()
        levels = [level for level in leaves.levels if level.allowed.sum(axis=1).max() > 1]
        self.num_leaves = len(leaves)
        self.places: Any = nn.ModuleList(_TokenLayer(num_inputs, width, dropout, level, prior, level is levels[-1]) for level in levels)

    def forward(self, representation: Tensor) -> Tensor:
        """(n, num_inputs) -> (n, m): the log-mass of each number; masses of a row sum to 1."""
        parts = representation.split(max(1, CHUNK // self.num_leaves))
        return torch.cat([self._distributions(part) for part in parts])

    def _distributions(self, representation: Tensor) -> Tensor:
        masses = representation.new_zeros(len(representation), 1)
        for place in self.places:
            masses = place(representation, masses)
        return masses.expand(-1, self.num_leaves)  # for formats with a single number

    def log_likelihood(self, representation: Tensor, leaf: Tensor) -> Tensor:
        """(n, num_inputs), (n, k) -> (n, k): the log-masses of the numbers with these indices."""
        nothing = representation.new_zeros(leaf.shape)
        return sum((place.log_likelihood(representation, leaf) for place in self.places), nothing)


class _TokenLayer(nn.Module):
    """The distribution of the token at one position."""

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
        ways = level.node * num_tokens + level.token  # prefixes one token longer, in order; at the last position in the order of numbers
        self.register_buffer("ways", torch.as_tensor(ways if is_last else np.unique(ways)), persistent=False)
        self.register_buffer("forbidden", torch.as_tensor(~level.allowed), persistent=False)

    def forward(self, representation: Tensor, masses: Tensor) -> Tensor:
        """Log-masses of prefixes (n, num_nodes) -> log-masses of the prefixes one token longer."""
        logits = self.after(self.layer(representation)[:, None] + self.beginning) + self.common
        distributions = logits.masked_fill(self.forbidden, -torch.inf).log_softmax(-1) + masses[..., None]
        return distributions.flatten(1).index_select(1, self.ways)

    def log_likelihood(self, representation: Tensor, leaf: Tensor) -> Tensor:
        node = self.node[leaf]
        logits = self.after(self.layer(representation)[:, None] + embedding(node, self.beginning)) + embedding(node, self.common)
        distributions = logits.masked_fill(self.forbidden[node], -torch.inf).log_softmax(-1)
        return distributions.gather(-1, self.token[leaf][..., None])[..., 0]
