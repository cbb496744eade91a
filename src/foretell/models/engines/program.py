"""A forward pass as a list of steps, rows of integers that the compiled `forward` carries out one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from foretell.models.architecture import Architecture
from foretell.models.engines.packing import PANEL, padded

#: Kinds of steps. Arguments (a step has room for 9, see `Program`): LINEAR k, panels, input, weight, scale, bias, finish and stride
#: of the output, output, whether for the wanted rows only; NORM weight, wanted rows only; QUANTISE source, k; ROTATE query norm,
#: key norm, store; ATTEND window, store; TAP norm, output.
LINEAR, NORM, QUANTISE, ROTATE, ATTEND, TAP = range(6)
#: What a linear layer does with its outputs: keep, add to the residual stream, or multiply the gate's with the up's.
STORE, ADD, SWIGLU = range(3)
WIDTH = 10


@dataclass(frozen=True)
class Widths:
    """Padded widths of the states, of all heads side by side, of the inner layer, of the logits, and of query, key and value."""

    hidden: int
    mixed: int
    inner: int
    vocab: int
    qkv: int

    @classmethod
    def of(cls, architecture: Architecture) -> Widths:
        """The widths of this architecture, padded."""
        mixed, kv = (heads * architecture.head_dim for heads in (architecture.num_heads, architecture.num_kv_heads))
        widths = (architecture.hidden_size, mixed, architecture.intermediate_size, architecture.vocab_size, mixed + 2 * kv)
        return cls(*map(padded, widths))


class Program:
    """The steps of one model with its working arrays at `room` (addresses by name)."""

    def __init__(self, architecture: Architecture, packed: Mapping[str, Tensor], room: Mapping[str, int], int8: bool) -> None:
        self._packed, self._room, self._int8 = packed, room, int8
        self._widths = widths = Widths.of(architecture)
        layers = []
        for i in range(architecture.num_layers):
            name = f"layers.{i}"
            steps = [[NORM, self._at(f"{name}.input_norm")], self._linear(f"{name}.qkv", widths.hidden, "normed", STORE, "qkv")]
            steps += [[ROTATE, self._at(f"{name}.q_norm"), self._at(f"{name}.k_norm")], [ATTEND, architecture.windows[i]]]
            steps += self._quantise("mixed", widths.mixed)
            steps += [self._linear(f"{name}.o", widths.mixed, "mixed", ADD, "x"), [NORM, self._at(f"{name}.post_norm")]]
            steps += [self._linear(f"{name}.gate_up", widths.hidden, "normed", SWIGLU, "inner")]
            steps += self._quantise("inner", widths.inner)
            steps += [self._linear(f"{name}.down", widths.inner, "inner", ADD, "x")]
            layers.append(_table(steps))
        self._layers = np.stack(layers) if layers else np.zeros((0, 0, WIDTH), dtype=np.int64)
        self._templates: dict[tuple, np.ndarray] = {}

    def steps(
        self, start: int, stop: int, store: int, store_bytes: int, logits: int, taps: Mapping[int, int], post_norm: int
    ) -> np.ndarray:
        """Layers start+1..stop and the output head; taps: where to copy the states after a layer to, 0 being the embedding."""
        key = (start, stop, tuple(sorted(taps)), post_norm != 0)
        if key not in self._templates:
            self._templates[key] = self._template(*key)
        steps = self._templates[key].copy()  # a late thread may still read those of the last call
        stores = store + np.arange(start, stop) * store_bytes
        steps[steps[:, 0] == ROTATE, 3] = stores
        steps[steps[:, 0] == ATTEND, 2] = stores
        if taps or post_norm:
            steps[steps[:, 0] == TAP, 2] = [taps[layer] for layer in key[2]] + [post_norm] * key[3]
        steps[-1, 8] = logits
        return steps

    def norm_steps(self, out: int) -> np.ndarray:
        """The final norm of the states alone, written to `out`."""
        return _table([[TAP, self._at("final_norm"), out]])

    def head_steps(self, logits: int, head: Mapping[str, Tensor] | None = None) -> np.ndarray:
        """The output head alone, on states that are normalised already. head: packed weights of some outputs; None: the model's."""
        steps = [*self._quantise("x", self._widths.hidden), self._linear("head", self._widths.hidden, "x", STORE, "", head)]
        steps[-1][8] = logits
        return _table(steps)

    def _template(self, start: int, stop: int, taps: tuple[int, ...], post_norm: bool) -> np.ndarray:
        parts, first = [], start
        for layer in taps:
            parts += [self._layers[first:layer].reshape(-1, WIDTH), _table([[TAP]])]
            first = layer
        parts.append(self._layers[first:stop].reshape(-1, WIDTH))
        norm = self._at("final_norm")
        head = self._linear("head", self._widths.hidden, "normed", STORE, "")
        head[9] = 1
        return np.concatenate([*parts, _table([*([[TAP, norm]] * post_norm), [NORM, norm, 1], head])])

    def _at(self, name: str, packed: Mapping[str, Tensor] | None = None) -> int:
        tensor = (self._packed if packed is None else packed).get(name)
        return 0 if tensor is None else tensor.data_ptr()

    def _quantise(self, source: str, width: int) -> list[list[int]]:
        return [[QUANTISE, self._room[source], width]] if self._int8 else []

    def _linear(self, name: str, k: int, source: str, finish: int, out: str, packed: Mapping[str, Tensor] | None = None) -> list[int]:
        outputs = len((self._packed if packed is None else packed)[f"{name}.bias"])
        stride = 4 * (outputs // 2 if finish == SWIGLU else outputs)
        weight, scale, bias = (self._at(f"{name}.{part}", packed) for part in ("weight", "scale", "bias"))
        return [LINEAR, k, outputs // PANEL, self._room[source], weight, scale, bias, stride << 2 | finish, self._room.get(out, 0), 0]


def _table(steps: list[list[int]]) -> np.ndarray:
    return np.array([step + [0] * (WIDTH - len(step)) for step in steps], dtype=np.int64).reshape(-1, WIDTH)
