"""What the native forward must know of a model of the Llama family, read from a transformers configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.not_native import NotNativeError
from foretell.models.rope import frequencies
from foretell.models.windows import native_windows

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


#: More layers than any model has: configurations keep a list as long.
MAX_LAYERS = 100_000


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
        """From a transformers `PretrainedConfig`. UserError for what the native forward does not compute, and for impossible sizes."""
        if config.model_type not in FAMILIES:
            raise NotNativeError(
                f"model_type={config.model_type!r} is not one of {', '.join(FAMILIES)}; load it with backend='transformers'"
            )
        if getattr(config, "hidden_act", "silu") not in ("silu", "swish"):
            raise NotNativeError(f"hidden_act={config.hidden_act!r}: the native forward has silu only; load with backend='transformers'")
        num_heads, hidden_size = _size(config, "num_attention_heads"), _size(config, "hidden_size")
        num_kv_heads = _size(config, "num_key_value_heads") if getattr(config, "num_key_value_heads", None) is not None else num_heads
        head_dim = _size(config, "head_dim") if getattr(config, "head_dim", None) is not None else hidden_size // num_heads
        if num_heads % num_kv_heads or head_dim % 2 or not head_dim:
            raise UserError(
                f"num_attention_heads={num_heads!r}, num_key_value_heads={num_kv_heads!r}, head_dim={head_dim!r}: the first must be a "
                "multiple of the second, and the third even; mend the configuration"
            )
        if not 0 <= config.rms_norm_eps < 1:
            raise UserError(f"rms_norm_eps={config.rms_norm_eps!r} must lie between 0 and 1; mend the configuration")
        inv_freq, scale = frequencies(config, head_dim)
        return cls(
            family=config.model_type,
            vocab_size=_size(config, "vocab_size"),
            hidden_size=hidden_size,
            intermediate_size=_size(config, "intermediate_size"),
            num_layers=_size(config, "num_hidden_layers", MAX_LAYERS),
            num_heads=num_heads,
            num_kv_heads=num_kv_heads,
            head_dim=head_dim,
            norm_eps=config.rms_norm_eps,
            max_length=_size(config, "max_position_embeddings"),
            tie_embeddings=bool(config.tie_word_embeddings),
            inv_freq=inv_freq,
            rope_scale=scale,
            windows=native_windows(config),
        )

    def rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine by which rotary embeddings turn the row at each position (...): (..., head_dim) each, in float32 whatever the
        weights are, since positions are large."""
        angles = positions[..., None].float() * self.inv_freq.to(positions.device)
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos() * self.rope_scale, angles.sin() * self.rope_scale


def _size(config: Any, name: str, most: int = 2**62) -> int:
    value = getattr(config, name, None)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        limit = "" if most == 2**62 else f", and at most {most}"
        raise UserError(f"{name}={value!r} must be a whole number above 0{limit}; mend the configuration")
    return value
