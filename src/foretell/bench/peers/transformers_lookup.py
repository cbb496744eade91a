"""transformers' prompt lookup: `generate(prompt_lookup_num_tokens=...)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.bench.peers.base import Peer, Place
from foretell.bench.peers.transformers_generate import load_in_transformers, timed_generate


@dataclass
class TransformersLookup(Peer):
    """Greedy `generate` in fp32 with so many looked-up tokens a step."""

    num_tokens: int = 10

    modules = ("transformers",)
    devices = ("cpu", "cuda")

    @classmethod
    def variants(cls) -> list[Peer]:
        return [cls(5), cls(10)]

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"transformers-lookup-{self.num_tokens}"

    @property
    def detail(self) -> str:  # type: ignore[override]
        return f"transformers generate, greedy, fp32, prompt_lookup_num_tokens={self.num_tokens}"

    def load(self, place: Place) -> None:
        import torch

        torch.set_num_threads(place.num_threads)
        self._model = load_in_transformers(place.source, device=place.device)

    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        return timed_generate(self._model, tokens, num_tokens, stop_tokens, prompt_lookup_num_tokens=self.num_tokens)
