"""Sliding windows by layer, as each family of the native engine reads its configuration."""

from __future__ import annotations

from typing import Any

from foretell.errors import UserError

_FULL, _SLIDING = "full_attention", "sliding_attention"


def native_windows(config: Any) -> tuple[int, ...]:
    """The window of each layer, 0 for full attention. transformers' classes read these settings differently; others ignore them."""
    num_layers, family = config.num_hidden_layers, config.model_type
    if family == "llama":
        return (0,) * num_layers
    window = _window(config)
    if family == "mistral":
        return (window,) * num_layers
    window = window if getattr(config, "use_sliding_window", False) else 0
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        first = getattr(config, "max_window_layers", 0)
        return tuple(window if i >= first else 0 for i in range(num_layers))
    unknown = sorted(set(map(str, kinds)) - {_FULL, _SLIDING})
    if unknown or len(kinds) != num_layers:
        raise UserError(f"layer_types={list(kinds)!r} must name {_FULL} or {_SLIDING} for each of {num_layers} layers; mend config.json")
    if _SLIDING in kinds and not window:
        raise UserError(f"layer_types names {_SLIDING}, but sliding_window={window!r} gives no window; mend config.json")
    return tuple(window if kind == _SLIDING else 0 for kind in kinds)


def _window(config: Any) -> int:
    window = getattr(config, "sliding_window", None) or 0
    if not isinstance(window, int) or window < 0:
        raise UserError(f"sliding_window={window!r} must be a whole number above 0, or null; mend config.json")
    return window
