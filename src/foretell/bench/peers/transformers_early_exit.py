"""transformers' self-speculation: `generate(assistant_early_exit=...)`, with the model's first layers as the assistant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.in_transformers import TransformersPeer


@dataclass
class TransformersEarlyExit(TransformersPeer):
    """Greedy `generate` in fp32 with the model's first layers as the assistant. layers: number of these layers.

    The exit is meant for models trained for it (LayerSkip); others accept few of its drafts. It needs no smaller model.
    """

    layers: int = 8

    @property
    def name(self) -> str:  # type: ignore[override]
        """ "transformers-early-exit"."""
        return "transformers-early-exit"

    @property
    def detail(self) -> str:  # type: ignore[override]
        """What is run, in words."""
        return f"transformers generate, greedy, fp32, assistant_early_exit={self.layers}"

    def options(self) -> dict[str, Any]:
        """The exit layer."""
        return {"assistant_early_exit": self.layers}
