"""transformers' prompt lookup: `generate(prompt_lookup_num_tokens=...)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.base import Peer
from foretell.bench.peers.in_transformers import TransformersPeer


@dataclass
class TransformersLookup(TransformersPeer):
    """Greedy `generate` in fp32 with prompt lookup. num_tokens: looked up at each step."""

    num_tokens: int = 10

    @classmethod
    def variants(cls) -> list[Peer]:
        """With 5 and with 10 tokens a step."""
        return [cls(5), cls(10)]

    @property
    def name(self) -> str:  # type: ignore[override]
        """ "transformers-lookup-" and the number of tokens."""
        return f"transformers-lookup-{self.num_tokens}"

    @property
    def detail(self) -> str:  # type: ignore[override]
        """What is run, in words."""
        return f"transformers generate, greedy, fp32, prompt_lookup_num_tokens={self.num_tokens}"

    def options(self) -> dict[str, Any]:
        """The number of tokens."""
        return {"prompt_lookup_num_tokens": self.num_tokens}
