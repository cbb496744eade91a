"""The Llama family's forward in plain PyTorch: any device, any floating-point type, no compiled code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from foretell.errors import UserError
from foretell.models.architecture import Architecture
from foretell.models.base import POST_NORM
from foretell.models.engines.attention_mask import SequenceMask, sequence_masks
from foretell.models.plan import Plan

#: Two logits of one row closer than this may swap when the shape of the batch changes, because matrix products then sum in
#: another order. Measured on SmolLM2-135M over 300 positions fed in pieces of 1 to 64 rows, the gap between the two best
#: logits (which reach 39) moved by at most 3.4e-5, 0.047 and 0.375; here with room for other models and longer texts.
TOLERANCES = {torch.float32: 2e-4, torch.float16: 0.15, torch.bfloat16: 0.75}


@dataclass
class Layer:
    """Weights of one layer, products that share an input fused. Biases and per-head norms are None where a family has none."""

    input_norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Tensor
    out_bias: Tensor | None
    mlp_norm: Tensor
    gate_up: Tensor
    gate_up_bias: Tensor | None
    down: Tensor
    down_bias: Tensor | None


class TorchEngine:
    """`Engine` for `dtype` on `device`.

    weights: tensors by transformers' names (`model.layers.0.self_attn.q_proj.weight`, …), of any type and device.
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Mapping[str, Tensor],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if dtype not in TOLERANCES:
            raise UserError(f"TorchEngine: dtype={dtype!r} must be one of {', '.join(map(str, TOLERANCES))}")
        self.dtype, self.device = dtype, torch.device(device)
        self.architecture = replace(architecture, inv_freq=architecture.inv_freq.to(self.device))
        self.tolerance, self.name = TOLERANCES[dtype], "torch"
        self._weights: Mapping[str, Tensor] = weights
        self.embedding = self._get("model.embed_tokens.weight")
        self.norm_weight = self._get("model.norm.weight")
        self.head_weight = self.embedding if architecture.tie_embeddings else self._get("lm_head.weight")
        self.layers = [self._layer(f"model.layers.{i}.") for i in range(architecture.num_layers)]
        self._weights = {}

    def embed(self, tokens: np.ndarray) -> Tensor:
        """See `foretell.models.native.Engine`."""
        return F.embedding(torch.from_numpy(tokens).to(self.device), self.embedding)

    @torch.no_grad()
    def norm(self, states: Tensor) -> Tensor:
        """See `foretell.models.native.Engine`."""
        return self._norm(states.to(self.device, self.dtype), self.norm_weight)

    @torch.no_grad()
    def head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        """See `foretell.models.native.Engine`."""
        weight = self.head_weight if tokens is None else self.head_weight[torch.from_numpy(tokens).to(self.device)]
        return F.linear(states.to(self.device, self.dtype), weight).float()

    @torch.no_grad()  # not inference_mode: trainers fit heads on the states returned
    def run(
        self, plan: Plan, store: Tensor, hidden: tuple[int | str, ...], start: int, stop: int
    ) -> tuple[Tensor, dict[int | str, Tensor]]:
        """See `foretell.models.native.Engine`."""
        x = self._inputs(plan)
        cos, sin = self._rotation(torch.from_numpy(plan.positions).to(self.device))
        slots = torch.from_numpy(plan.slots).to(self.device)
        masks = sequence_masks(plan, self.architecture.windows[start:stop], self.device)
        states: dict[int | str, Tensor] = {start: x} if start in hidden else {}
        for i in range(start, stop):
            x = self._run_layer(self.layers[i], x, cos, sin, slots, masks, store[i], self.architecture.windows[i])
            if i + 1 in hidden:
                states[i + 1] = x
        logit_rows = torch.from_numpy(plan.logit_rows).to(self.device)
        if POST_NORM in hidden:
            states[POST_NORM] = self._norm(x, self.norm_weight)
            last = states[POST_NORM][logit_rows]
        else:
            last = self._norm(x[logit_rows], self.norm_weight)
        return F.linear(last, self.head_weight).float(), states

    def _inputs(self, plan: Plan) -> Tensor:
        """What the first layer to run reads, (N, width)."""
        if plan.states is None or plan.state_rows is None:
            return self.embed(plan.tokens)
        states = plan.states.to(self.device, self.dtype)
        if len(states) == len(plan):
            return states
        return self.embed(plan.tokens).index_copy(0, torch.from_numpy(plan.state_rows).to(self.device), states)

    def _run_layer(
        self, layer: Layer, x: Tensor, cos: Tensor, sin: Tensor, slots: Tensor, masks: list[SequenceMask], store: Tensor, window: int
    ) -> Tensor:
        arch = self.architecture
        qkv = F.linear(self._norm(x, layer.input_norm), layer.qkv, layer.qkv_bias).view(len(x), -1, arch.head_dim)
        q, k, v = qkv.split([arch.num_heads, arch.num_kv_heads, arch.num_kv_heads], dim=1)
        if layer.q_norm is not None and layer.k_norm is not None:
            q, k = self._norm(q, layer.q_norm), self._norm(k, layer.k_norm)
        q, k = _rotate(q, cos, sin), _rotate(k, cos, sin)
        store[slots] = torch.stack([k, v], dim=1)
        attended = torch.empty_like(q)
        for mask in masks:
            keys, values = store[mask.keys].unbind(1)  # (keys, kv_heads, head_dim) each
            attended[mask.rows] = F.scaled_dot_product_attention(
                q[mask.rows].transpose(0, 1)[None],
                keys.transpose(0, 1)[None],
                values.transpose(0, 1)[None],
                attn_mask=mask.masks[window],
                enable_gqa=True,
            )[0].transpose(0, 1)
        x = x + F.linear(attended.flatten(1), layer.out, layer.out_bias)
        gate, up = F.linear(self._norm(x, layer.mlp_norm), layer.gate_up, layer.gate_up_bias).chunk(2, dim=-1)
        return x + F.linear(F.silu(gate) * up, layer.down, layer.down_bias)

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        wide = x.float()
        scaled = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.architecture.norm_eps)
        return weight * scaled.to(x.dtype)

    def _rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = self.architecture.rotation(positions)
        return cos[:, None].to(self.dtype), sin[:, None].to(self.dtype)

    def _get(self, name: str) -> Tensor:
        return self._weights[name].to(self.device, self.dtype).contiguous()

    def _maybe(self, name: str) -> Tensor | None:
        return self._get(name) if name in self._weights else None

    def _fused(self, prefix: str, names: tuple[str, ...], kind: str) -> Tensor | None:
        parts = [self._maybe(f"{prefix}{name}.{kind}") for name in names]
        there = [part for part in parts if part is not None]
        if there and len(there) < len(parts):
            raise UserError(f"{prefix}: only some of {', '.join(names)} have a {kind}; all or none must")
        return torch.cat(there) if there else None

    def _layer(self, prefix: str) -> Layer:
        qkv = tuple(f"self_attn.{name}_proj" for name in "qkv")
        mlp = ("mlp.gate_proj", "mlp.up_proj")
        fused_qkv, fused_mlp = self._fused(prefix, qkv, "weight"), self._fused(prefix, mlp, "weight")
        if fused_qkv is None or fused_mlp is None:
            raise ValueError(f"weights: {prefix}{qkv[0]}.weight or {prefix}{mlp[0]}.weight is missing; pass a checked checkpoint's tensors")
        return Layer(
            input_norm=self._get(prefix + "input_layernorm.weight"),
            qkv=fused_qkv,
            qkv_bias=self._fused(prefix, qkv, "bias"),
            q_norm=self._maybe(prefix + "self_attn.q_norm.weight"),
            k_norm=self._maybe(prefix + "self_attn.k_norm.weight"),
            out=self._get(prefix + "self_attn.o_proj.weight"),
            out_bias=self._maybe(prefix + "self_attn.o_proj.bias"),
            mlp_norm=self._get(prefix + "post_attention_layernorm.weight"),
            gate_up=fused_mlp,
            gate_up_bias=self._fused(prefix, mlp, "bias"),
            down=self._get(prefix + "mlp.down_proj.weight"),
            down_bias=self._maybe(prefix + "mlp.down_proj.bias"),
        )


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    low, high = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-high, low], dim=-1) * sin
