"""transformers' self-speculation: `generate(assistant_early_exit=...)`, the model's own first layers as the assistant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.bench.peers.base import Peer, Place
from foretell.bench.peers.transformers_generate import load_in_transformers, timed_generate


@dataclass
class TransformersEarlyExit(Peer):
    """Greedy `generate` in fp32 with the model's own first layers as the assistant (`assistant_early_exit`).

    The exit is meant for models trained for it (LayerSkip); others accept few of its drafts. It is what transformers offers
    where there is no smaller model.
    """

    layers: int = 8

    modules = ("transformers",)
    devices = ("cpu", "cuda")

    @property
    def name(self) -> str:  # type: ignore[override]
        return "transformers-early-exit"

    @property
    def detail(self) -> str:  # type: ignore[override]
        return f"transformers generate, greedy, fp32, assistant_early_exit={self.layers}"

    def load(self, place: Place) -> None:
        import torch

        torch.set_num_threads(place.num_threads)
        self._model = load_in_transformers(place.source, device=place.device)

    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        return timed_generate(self._model, tokens, num_tokens, stop_tokens, assistant_early_exit=self.layers)
