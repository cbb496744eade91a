"""`SelfAttention`: self-attention over series, the baseline for NormLin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from foretell.numbers.forecasting.mixers.base import Mixer
from foretell.parts import require


class SelfAttentionLayer(nn.Module):
    """(B, N, width) -> (B, N, width): multi-head scaled dot-product attention with series as tokens."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        query, key, value = self.query_key_value(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.out(mixed.transpose(1, 2).flatten(2))


@dataclass(eq=False, repr=False)
class SelfAttention(Mixer):
    """Each series attends to the others, window by window.

    heads: their number, which must divide the width. Errors: UserError otherwise. Vaswani et al., "Attention Is All You Need", section 3.2,
    with series as tokens as in Liu et al., "iTransformer".
    """

    papers = ("attention", "itransformer")

    heads: int = 4

    def build(self, correlation: np.ndarray, width: int, dropout: float) -> SelfAttentionLayer:
        require(self.heads >= 1 and width % self.heads == 0, self, "heads", self.heads, f"must be 1 or more and divide width={width}")
        return SelfAttentionLayer(width, self.heads, dropout)
