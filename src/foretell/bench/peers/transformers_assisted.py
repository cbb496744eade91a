"""transformers' assisted generation: `generate(assistant_model=...)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.base import PeerSetup
from foretell.bench.peers.in_transformers import TransformersPeer, load_in_transformers


@dataclass
class TransformersAssisted(TransformersPeer):
    """Greedy `generate` in fp32 with a smaller model of the same family, named by --assistant, as the assistant. It cannot run without
    one; the default model has no smaller relative."""

    name = "transformers-assisted"
    detail = "transformers generate, greedy, fp32, assistant_model"

    def problem(self, setup: PeerSetup) -> str:
        """As `Peer.problem`; an assistant must be named."""
        wrong = "" if setup.assistant else "it needs a smaller model of the same family; name one with --assistant"
        return super().problem(setup) or wrong

    def load(self, setup: PeerSetup) -> None:
        """Load the model and the assistant."""
        assert setup.assistant is not None
        super().load(setup)
        self._assistant = load_in_transformers(setup.assistant, device=setup.device)

    def options(self) -> dict[str, Any]:
        """The assistant."""
        return {"assistant_model": self._assistant}
