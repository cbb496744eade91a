"""Activations of a network by the names of its modules, and their distance between two networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foretell.errors import UserError

#: The name of the network itself, whose activation is its output.
OUTPUT = ""


@contextmanager
def record(network: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Within the `with`, each pass fills the yielded dict with the output of every named module (names as in `named_modules`, "" is the
    network itself), differentiable. A module that runs more than once has its last output. UserError for unknown names.

    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> with record(network, ["0", OUTPUT]) as seen:
    ...     _ = network(torch.ones(5, 2))
    >>> {name: tuple(tensor.shape) for name, tensor in seen.items()}
    {'0': (5, 3), '': (5, 3)}
    """
    modules = dict(network.named_modules())
    missing = [name for name in names if name not in modules]
    if missing:
        raise UserError(f"layers={missing!r} are no modules of the network; it has {', '.join(name for name in modules if name)}")
    seen: dict[str, Tensor] = {}

    def keep(name: str):  # type: ignore[no-untyped-def]
        return lambda _module, _inputs, output: seen.update({name: output})

    hooks = [modules[name].register_forward_hook(keep(name)) for name in names]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def exposed(network: nn.Module) -> tuple[str, ...]:
    """The names of all activation functions that are modules of the network.

    >>> exposed(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))
    ('1',)
    """
    names = network.named_modules()
    return tuple(name for name, module in names if type(module).__module__ == "torch.nn.modules.activation" and not list(module.children()))


def attention(activation: Tensor) -> Tensor:
    """Where a layer is active, (n, places), each row of length 1: the mean over channels (dimension 1) of the squares, as in attention
    transfer. A dense layer (n, channels) has no places, so its squares are taken as they are.

    >>> attention(torch.tensor([[0.0, 2.0, 0.0]])).tolist()
    [[0.0, 1.0, 0.0]]
    """
    squares = activation.square()
    return F.normalize(squares.flatten(1) if squares.ndim <= 2 else squares.mean(dim=1).flatten(1), dim=1)


def attention_distance(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> Tensor:
    """(n,): the mean squared difference of attention, summed over layers. Zagoruyko & Komodakis 2017, as used by Tarun et al. 2023."""
    return torch.stack([(attention(ours[name]) - attention(theirs[name])).square().mean(dim=1) for name in ours]).sum(dim=0)
