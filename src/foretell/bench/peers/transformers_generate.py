"""transformers' `generate`, plain: what most people run. fp32 is the reference; bf16 and int8 are offered beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.base import Peer, PeerSetup
from foretell.bench.peers.in_transformers import TransformersPeer

DTYPES = ("fp32", "bf16", "int8")


@dataclass
class TransformersGenerate(TransformersPeer):
    """Greedy `generate` with its default attention and cache."""

    dtype: str = "fp32"

    @classmethod
    def variants(cls) -> list[Peer]:
        return [cls(dtype) for dtype in DTYPES]

    @property
    def name(self) -> str:  # type: ignore[override]
        return "transformers" if self.dtype == "fp32" else f"transformers-{self.dtype}"

    @property
    def detail(self) -> str:  # type: ignore[override]
        quantised = ", linear layers quantised dynamically" if self.dtype == "int8" else ""
        return f"transformers generate, greedy, {self.dtype}{quantised}"

    def problem(self, setup: PeerSetup) -> str:
        on_cpu = self.dtype != "int8" or setup.device == "cpu"
        return super().problem(setup) or ("" if on_cpu else "PyTorch's dynamic quantisation runs on the CPU; use --device cpu")

    def options(self) -> dict[str, Any]:
        return {}
