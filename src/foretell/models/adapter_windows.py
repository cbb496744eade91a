"""Which rows each layer of a transformers model sees: its sliding windows, as its family reads them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from foretell.errors import UserError

FULL, SLIDING = "full_attention", "sliding_attention"


def misfit(name: str, reason: str) -> UserError:
    """The error for a model class that this backend cannot run."""
    return UserError(f"{name} does not fit: {reason}")


def read_windows(model_class: type, config: Any) -> dict[str, int] | int:
    """One window for all layers (0: none), or one per kind of layer where a model mixes them. UserError for kinds that keep a state.

    A dict is what the model takes as its mask: one mask a kind. Some classes hand `sliding_window` to other kernels only, and make full
    masks: they do not import the function that makes the others.
    """
    name, makes_windows = model_class.__name__, hasattr(sys.modules[model_class.__module__], "create_sliding_window_causal_mask")
    kinds = set(getattr(config, "layer_types", None) or ())
    if kinds - {FULL, SLIDING}:
        raise misfit(name, f"layers of kind {', '.join(sorted(kinds - {FULL, SLIDING}))} cannot be rolled back")
    window = (getattr(config, "sliding_window", None) or 0) if makes_windows else 0
    if len(kinds) > 1:
        return {FULL: 0, SLIDING: window}
    if kinds:
        return window if kinds == {SLIDING} else 0
    return window if getattr(config, "use_sliding_window", True) else 0


def read_local_layers(config: Any) -> tuple[tuple[int, ...], int]:
    """Layers of GPT-Neo that see a window, and its length: ((), 0) for other families."""
    kinds = getattr(config, "attention_layers", None) or ()
    if config.model_type != "gpt_neo" or "local" not in kinds:
        return (), 0
    return tuple(i for i, kind in enumerate(kinds) if kind == "local"), config.window_size


@contextlib.contextmanager
def only_our_masks(layers: nn.ModuleList | None, local: tuple[int, ...], full: Tensor, near: Tensor) -> Iterator[None]:
    """Let GPT-Neo's layers read the mask `near` if they are local, else the mask `full`, and no other; of families without local layers
    nothing is changed.

    Its layers have masks of their own beside the one that they are given, by the order of rows in the cache, up to the longest text. In a
    tree rows do not lie in the order of positions, and there may be more of them than positions.
    """
    if layers is None or not local:
        yield
        return
    with contextlib.ExitStack() as stack:
        for i, layer in enumerate(layers):
            attention = layer.get_submodule("attn.attention")
            stack.callback(setattr, attention, "bias", attention.bias)
            everything = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=full.device)
            attention.bias = everything.expand(1, 1, 1 << 24, 1 << 24)  # a view: takes no memory
            swap = partial(_with_mask, near if i in local else full)
            stack.callback(attention.register_forward_pre_hook(swap, with_kwargs=True).remove)
        yield


def _with_mask(mask: Tensor, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
    if "attention_mask" in kwargs:
        return args, {**kwargs, "attention_mask": mask}
    return (args[0], mask, *args[2:]), kwargs
