"""What the native forward must know of a model of the Llama family, read from a transformers configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from foretell.errors import UserError

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


@dataclass(frozen=True)
class Architecture:
    """Sizes and switches of one decoder. `inv_freq` (head_dim / 2,) are rotary frequencies, `rope_scale` multiplies cos and sin.

    windows: per layer the sliding-window length, 0 for full attention. Which biases and per-head norms exist is read from
    the weights themselves, not from here.
    """

    family: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    norm_eps: float
    max_length: int
    tie_embeddings: bool
    inv_freq: Tensor
    rope_scale: float
    windows: tuple[int, ...]

    @property
    def num_parameters(self) -> int:
        """Weights of the matrices and norms, an embedding that is also the head once. Biases and norms of heads are left out."""
        attention = self.hidden_size * self.head_dim * 2 * (self.num_heads + self.num_kv_heads)
        layer = attention + self.hidden_size * (3 * self.intermediate_size + 2)
        return self.num_layers * layer + self.hidden_size * (1 + self.vocab_size * (1 if self.tie_embeddings else 2))

    @classmethod
    def from_config(cls, config: Any) -> Architecture:
        """From a transformers `PretrainedConfig`; raises ValueError for families that the native forward does not know."""
        if config.model_type not in FAMILIES:
            raise UserError(f"model_type={config.model_type!r} is not one of {', '.join(FAMILIES)}; load it with backend='transformers'")
        if getattr(config, "hidden_act", "silu") != "silu":
            raise UserError(f"hidden_act={config.hidden_act!r}: the native forward has silu only; load with backend='transformers'")
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        rope = getattr(config, "rope_parameters", None) or {}
        kind = rope.get("rope_type", "default")
        if kind == "dynamic":
            raise UserError("rope_type='dynamic' changes with the length; load with backend='transformers'")
        if kind == "default":
            inv_freq = 1.0 / rope.get("rope_theta", 10000.0) ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
            scale = 1.0
        else:
            from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

            inv_freq, scale = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))
        window = getattr(config, "sliding_window", None) or 0
        kinds = getattr(config, "layer_types", None)
        if kinds is not None:
            windows = tuple(window if kind == "sliding_attention" else 0 for kind in kinds)
        else:
            uses = getattr(config, "use_sliding_window", True)
            windows = (window if uses else 0,) * config.num_hidden_layers
        return cls(
            family=config.model_type,
            vocab_size=config.vocab_size,
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_layers=config.num_hidden_layers,
            num_heads=config.num_attention_heads,
            num_kv_heads=getattr(config, "num_key_value_heads", None) or config.num_attention_heads,
            head_dim=head_dim,
            norm_eps=config.rms_norm_eps,
            max_length=config.max_position_embeddings,
            tie_embeddings=config.tie_word_embeddings,
            inv_freq=inv_freq.float(),
            rope_scale=float(scale),
            windows=windows,
        )

    def rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine by which rotary embeddings turn the row at each position (...): (..., head_dim) each, in float32 whatever the
        weights are, since positions are large."""
        angles = positions[..., None].float() * self.inv_freq.to(positions.device)
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos() * self.rope_scale, angles.sin() * self.rope_scale
