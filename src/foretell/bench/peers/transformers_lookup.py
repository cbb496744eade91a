"""transformers' prompt lookup: `generate(prompt_lookup_num_tokens=...)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.base import Peer
from foretell.bench.peers.in_transformers import TransformersPeer


@dataclass
class TransformersLookup(TransformersPeer):
    """Greedy `generate` in fp32 with so many looked-up tokens a step."""

    num_tokens: int = 10

    @classmethod
    def variants(cls) -> list[Peer]:
        return [cls(5), cls(10)]

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"transformers-lookup-{self.num_tokens}"

    @property
    def detail(self) -> str:  # type: ignore[override]
        return f"transformers generate, greedy, fp32, prompt_lookup_num_tokens={self.num_tokens}"

    def options(self) -> dict[str, Any]:
        return {"prompt_lookup_num_tokens": self.num_tokens}
