"""Weights with transformers names -> the panels that the CPU kernels read. Knows torch only, so that packing needs no compiler."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.architecture import Architecture

#: Outputs of one weight panel, and the multiple all widths are padded to.
PANEL = 32
#: Inputs of a linear layer that share one scale of their quantised activations; a whole number of them fits any padded width.
GROUP = 32
#: Columns of a head that the attention kernels take at a time; head widths are padded to it.
HEAD_BLOCK = 64
DTYPES = ("int8", "fp32")
#: Bump when the layout changes: whoever saves packed weights puts it in the file's name.
PACK_VERSION = 2


def padded(width: int, multiple: int = PANEL) -> int:
    """`width` rounded up."""
    return -(-width // multiple) * multiple


def pack(architecture: Architecture, weights: Mapping[str, Tensor], dtype: str) -> dict[str, Tensor]:
    """Packed weights, by plain names: each linear layer as `.weight` (panels), `.scale` and `.bias`, each norm as one vector.

    int8 weights are symmetric per output, scale = absmax / 127, and stored with 128 added (bytes times signed bytes is what
    processors offer); an output with a NaN or infinite weight gets scale NaN.
    The embedding table keeps its values (as bfloat16 or float16 where that is exact).
    """
    if dtype not in DTYPES:
        raise UserError(f"dtype={dtype!r} must be one of {', '.join(DTYPES)}")

    def take(name: str) -> Tensor:
        if name not in weights:
            raise UserError(f"weights: {name!r} is missing ({len(weights)} tensors given for family {architecture.family!r})")
        return weights[name].detach()

    def linear(target: str, *names: str, interleave: bool = False) -> None:
        parts = [take(f"{name}.weight").float() for name in names]
        biases = [weights[f"{name}.bias"].detach().float() if f"{name}.bias" in weights else torch.zeros(len(part))
                  for name, part in zip(names, parts, strict=True)]  # fmt: skip
        if interleave:
            matrix, bias = _interleave(*parts), _interleave(*biases)
        else:
            matrix, bias = torch.cat(parts), torch.cat(biases)
        packed[f"{target}.weight"], packed[f"{target}.scale"] = _panels(matrix, dtype)
        packed[f"{target}.bias"] = _grow(bias, padded(len(bias)))

    packed: dict[str, Tensor] = {}
    for i in range(architecture.num_layers):
        source, target = f"model.layers.{i}", f"layers.{i}"
        packed[f"{target}.input_norm"] = _vector(take(f"{source}.input_layernorm.weight"))
        packed[f"{target}.post_norm"] = _vector(take(f"{source}.post_attention_layernorm.weight"))
        for norm in ("q_norm", "k_norm"):
            if f"{source}.self_attn.{norm}.weight" in weights:
                packed[f"{target}.{norm}"] = _vector(take(f"{source}.self_attn.{norm}.weight"), HEAD_BLOCK)
        linear(f"{target}.qkv", *(f"{source}.self_attn.{part}_proj" for part in "qkv"))
        linear(f"{target}.o", f"{source}.self_attn.o_proj")
        linear(f"{target}.gate_up", f"{source}.mlp.gate_proj", f"{source}.mlp.up_proj", interleave=True)
        linear(f"{target}.down", f"{source}.mlp.down_proj")
    packed["final_norm"] = _vector(take("model.norm.weight"))
    packed["embedding"] = _shortest(take("model.embed_tokens.weight"))
    linear("head", "model.embed_tokens" if architecture.tie_embeddings else "lm_head")
    return packed


def _grow(tensor: Tensor, rows: int, columns: int | None = None) -> Tensor:
    """`tensor`, padded with zeros."""
    shape = (rows,) if columns is None else (rows, columns)
    if tuple(tensor.shape) == shape:
        return tensor.contiguous()
    grown = torch.zeros(shape, dtype=tensor.dtype)
    grown[tuple(slice(size) for size in tensor.shape)] = tensor
    return grown


def _vector(weight: Tensor, multiple: int = PANEL) -> Tensor:
    return _grow(weight.float(), padded(len(weight), multiple)).clone()


def _interleave(gate: Tensor, up: Tensor) -> Tensor:
    """Half a panel of gates, half a panel of ups, and so on: both parts of a product meet in one panel."""
    rows = padded(len(gate))
    shape = (rows // (PANEL // 2), PANEL // 2, *gate.shape[1:])
    columns = gate.shape[1:] or (None,)
    halves = [_grow(part, rows, columns[0]).view(shape) for part in (gate, up)]
    return torch.stack(halves, dim=1).flatten(0, 2)


def _panels(matrix: Tensor, dtype: str) -> tuple[Tensor, Tensor]:
    """(outputs, k) -> panels and the outputs' scales."""
    matrix = _grow(matrix, padded(matrix.shape[0]), padded(matrix.shape[1]))
    panels, k = matrix.shape[0] // PANEL, matrix.shape[1]
    if dtype == "fp32":
        return matrix.view(panels, PANEL, k).transpose(1, 2).contiguous(), torch.ones(matrix.shape[0])
    scale = matrix.abs().amax(dim=1) / 127.0
    scale = torch.where(torch.isfinite(scale), scale, torch.nan)
    divisor = torch.where(scale > 0, scale, 1.0)  # also for NaN
    ints = (matrix / divisor[:, None]).round_().nan_to_num_(0.0).clamp_(-127, 127).add_(128).to(torch.uint8)
    fours = ints.view(torch.int32).view(panels, PANEL, k // 4).transpose(1, 2).contiguous()
    return fours.view(torch.uint8), scale


def _shortest(table: Tensor) -> Tensor:
    """`table` in the shortest float type that holds it exactly."""
    if table.dtype in (torch.bfloat16, torch.float16):
        return table.contiguous()
    for short in (torch.bfloat16, torch.float16):
        # most tables do not fit: a few rows tell
        if torch.equal(table[:8].to(short).to(table.dtype), table[:8]):
            halved = table.to(short)
            if torch.equal(halved.to(table.dtype), table):
                return halved.contiguous()
    return table.float().contiguous()
