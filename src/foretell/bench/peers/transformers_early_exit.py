"""transformers' self-speculation: `generate(assistant_early_exit=...)`, the model's own first layers as the assistant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.in_transformers import TransformersPeer


@dataclass
class TransformersEarlyExit(TransformersPeer):
    """Greedy `generate` in fp32 with the model's own first layers as the assistant (`assistant_early_exit`).

    The exit is meant for models trained for it (LayerSkip); others accept few of its drafts. It is what transformers offers
    where there is no smaller model.
    """

    layers: int = 8

    @property
    def name(self) -> str:  # type: ignore[override]
        return "transformers-early-exit"

    @property
    def detail(self) -> str:  # type: ignore[override]
        return f"transformers generate, greedy, fp32, assistant_early_exit={self.layers}"

    def options(self) -> dict[str, Any]:
        return {"assistant_early_exit": self.layers}
