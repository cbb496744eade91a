"""Rotary embeddings: which kinds the native engine computes exactly, and which change with the length of the text.

Some kinds have other frequencies for a text beyond some length, for all of its rows. The native engine keeps the keys of a row once they
are computed, so it takes only kinds whose frequencies never change within the model's context. The transformers backend computes the
text anew where they change (`switching.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from foretell import arguments
from foretell.errors import UserError
from foretell.models.not_native import NotNativeError

#: Kinds whose frequencies are the same for every text.
FIXED = ("default", "linear", "yarn", "llama3")
_ELSEWHERE = "load it with backend='transformers'"


def frequencies(config: Any, head_dim: int) -> tuple[Tensor, float]:
    """Rotary frequencies (head_dim / 2,) and the factor of cos and sin. UserError for what the native engine does not compute."""
    rope = getattr(config, "rope_parameters", None) or {}
    if any(isinstance(value, Mapping) for value in rope.values()):
        raise NotNativeError(
            f"rope_parameters differ by kind of layer ({', '.join(rope)}), the native engine has one rotation; {_ELSEWHERE}"
        )
    kind = rope.get("rope_type", "default")
    if kind not in FIXED and not (kind == "longrope" and _switch(rope, config) is None):
        raise NotNativeError(f"rope_type={kind!r} changes with the length of the text; {_ELSEWHERE}")
    theta = rope.get("rope_theta", 10000.0)
    if arguments.real("rope_theta", theta) <= 0:
        raise UserError(f"rope_theta={theta!r} must be a number above 0; mend config.json")
    if kind == "default":
        return 1.0 / theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim), 1.0
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    try:
        inv_freq, scale = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))
    except Exception as error:  # whatever the library makes of wrong values
        raise UserError(f"rope_parameters={rope!r} cannot be computed ({error!r}); mend config.json") from error
    if inv_freq.shape != (head_dim // 2,):
        raise NotNativeError(
            f"rope_parameters turn {2 * len(inv_freq)} of {head_dim} columns of a head, the native engine all; {_ELSEWHERE}"
        )
    return inv_freq.float(), float(scale)


def switch_length(config: Any) -> int | None:
    """The longest text that has the first set of frequencies, where longer ones within the context have others; None where none do."""
    lengths = [length for rope in _each(config) if (length := _switch(rope, config)) is not None]
    if len(set(lengths)) > 1:
        raise UserError(f"rope_parameters change at several lengths ({lengths}); no backend of Foretell computes that")
    return lengths[0] if lengths else None


def _each(config: Any) -> Iterator[Mapping[str, Any]]:
    rope = getattr(config, "rope_parameters", None) or {}
    nested = [value for value in rope.values() if isinstance(value, Mapping)]
    yield from nested or [rope]


def _switch(rope: Mapping[str, Any], config: Any) -> int | None:
    # "dynamic" changes beyond max_position_embeddings only, and no text is longer than that.
    if rope.get("rope_type", rope.get("type")) != "longrope":
        return None
    same = rope.get("short_factor") == rope.get("long_factor") and rope.get("short_mscale") == rope.get("long_mscale")
    original = rope.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None)
    return None if same or not original or original >= config.max_position_embeddings else int(original)
