"""transformers' assisted generation: `generate(assistant_model=...)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.bench.peers.base import Peer, Place
from foretell.bench.peers.transformers_generate import load_in_transformers, timed_generate


@dataclass
class TransformersAssisted(Peer):
    """Greedy `generate` in fp32 with a smaller model of the same family, given by --assistant, as the assistant.

    Without one it cannot run: the default model has no smaller relative, and a model assisting itself only doubles the work.
    """

    modules = ("transformers",)
    devices = ("cpu", "cuda")
    name = "transformers-assisted"
    detail = "transformers generate, greedy, fp32, assistant_model"

    def problem(self, place: Place) -> str:
        wrong = "" if place.assistant else "it needs a smaller model of the same family; name one with --assistant"
        return super().problem(place) or wrong

    def load(self, place: Place) -> None:
        import torch

        assert place.assistant is not None
        torch.set_num_threads(place.num_threads)
        self._model, self._assistant = (
            load_in_transformers(place.source, device=place.device),
            load_in_transformers(place.assistant, device=place.device),
        )

    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        return timed_generate(self._model, tokens, num_tokens, stop_tokens, assistant_model=self._assistant)
