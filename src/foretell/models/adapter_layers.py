"""Reading and skipping single layers of a transformers model, for the length of one forward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from foretell.models.base import POST_NORM


class StandIn(nn.Module):
    """Takes the place of a layer that must not run: hands on what it gets, or `output` where that is given."""

    def __init__(self, original: nn.Module, output: Tensor | None, as_tuple: bool) -> None:
        super().__init__()
        self.original, self.output, self.as_tuple = original, output, as_tuple

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        state = hidden_states if self.output is None else self.output
        return (state,) if self.as_tuple else state

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:  # models read attributes of their layers, such as attention_type
            return getattr(super().__getattr__("original"), name)


def find_layers(model: nn.Module, num_layers: int) -> nn.ModuleList | None:
    """The list of decoder layers, None where the model keeps them otherwise."""
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == num_layers:
            return module
    return None


def state_of(output: Any) -> Tensor:
    """The hidden state in what a layer or a model returns."""
    if isinstance(output, Tensor):
        return output
    return output[0] if isinstance(output, tuple) else output.last_hidden_state


@contextmanager
def normalised(base: nn.Module, states: Tensor) -> Iterator[None]:
    """Let `base`, a model without its head, return `states` (1, rows, width) as its last ones, whatever it computes."""

    def hook(module: nn.Module, args: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (states, *output[1:])
        output.last_hidden_state = states
        return output

    handle = base.register_forward_hook(hook)
    try:
        with torch.no_grad():
            yield
    finally:
        handle.remove()


@contextmanager
def only_layers(
    layers: nn.ModuleList,
    base: nn.Module,
    start: int,
    stop: int,
    states: Tensor | None,
    hidden: Sequence[int | str],
    as_tuple: bool,
    places: Tensor | None = None,
) -> Iterator[dict[int | str, Tensor]]:
    """Run layers start+1..stop only, from `states` (1, rows, width) where given; yields where hidden states will be put.

    places: rows of the first layer's input that `states` (1, len(places), width) replace; None: all.
    """
    taps: dict[int | str, Tensor] = {}
    originals = list(layers)
    with ExitStack() as stack:
        for i, layer in enumerate(originals):
            if not start <= i < stop:
                layers[i] = StandIn(layer, states if i == start - 1 else None, as_tuple)
                stack.callback(layers.__setitem__, i, layer)

        def tap(key: int | str) -> Any:
            def hook(module: nn.Module, args: Any, output: Any) -> None:
                taps[key] = state_of(output)[0]

            return hook

        def enter(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
            # transformers passes the state first, by position or by the name hidden_states
            looked_up = args[0] if args else kwargs["hidden_states"]
            given = looked_up if states is None else states if places is None else looked_up.index_copy(1, places, states)
            taps[0] = given[0]
            return ((given, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": given})

        if start == 0:
            handle = layers[0].register_forward_pre_hook(enter, with_kwargs=True)
            stack.callback(handle.remove)
        for key in hidden:
            if key != 0:
                module = base if key == POST_NORM else layers[int(key) - 1]
                stack.callback(module.register_forward_hook(tap(key)).remove)
        with torch.no_grad():
            yield taps
