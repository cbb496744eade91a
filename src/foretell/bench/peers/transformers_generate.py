"""transformers' plain `generate`, in fp32, which is the reference, and in bf16 and int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.base import Peer, PeerSetup
from foretell.bench.peers.in_transformers import TransformersPeer

DTYPES = ("fp32", "bf16", "int8")


@dataclass
class TransformersGenerate(TransformersPeer):
    """Greedy `generate` with its default attention and cache. dtype: one of `DTYPES`."""

    dtype: str = "fp32"

    @classmethod
    def variants(cls) -> list[Peer]:
        """One for each of `DTYPES`."""
        return [cls(dtype) for dtype in DTYPES]

    @property
    def name(self) -> str:  # type: ignore[override]
        """ "transformers", with the data type where it is not fp32."""
        return "transformers" if self.dtype == "fp32" else f"transformers-{self.dtype}"

    @property
    def detail(self) -> str:  # type: ignore[override]
        """What is run, in words."""
        quantised = ", linear layers quantised dynamically" if self.dtype == "int8" else ""
        return f"transformers generate, greedy, {self.dtype}{quantised}"

    def problem(self, setup: PeerSetup) -> str:
        """As `Peer.problem`; int8 runs on the CPU only."""
        on_cpu = self.dtype != "int8" or setup.device == "cpu"
        return super().problem(setup) or ("" if on_cpu else "PyTorch's dynamic quantisation runs on the CPU; use --device cpu")

    def options(self) -> dict[str, Any]:
        """None."""
        return {}
