"""llama.cpp through llama-cpp-python, on the same GGUF file: greedy, with or without its prompt lookup."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.base import Peer, PeerSetup


@dataclass
class LlamaCpp(Peer):
    """Greedy `Llama.generate`. lookup: tokens of `LlamaPromptLookupDecoding` a step, 0 for none; its documentation recommends 2 without
    a GPU."""

    lookup: int = 0

    modules = ("llama_cpp",)

    @classmethod
    def variants(cls) -> list[Peer]:
        """Without prompt lookup, and with two tokens of it."""
        return [cls(), cls(2)]

    @property
    def name(self) -> str:  # type: ignore[override]
        """ "llama-cpp", or "llama-cpp-lookup" with prompt lookup."""
        return "llama-cpp-lookup" if self.lookup else "llama-cpp"

    @property
    def detail(self) -> str:  # type: ignore[override]
        """What is run, in words."""
        draft = f", LlamaPromptLookupDecoding(num_pred_tokens={self.lookup})" if self.lookup else ""
        return f"llama.cpp, greedy, the GGUF file as it is{draft}"

    def problem(self, setup: PeerSetup) -> str:
        """As `Peer.problem`; llama.cpp reads GGUF files only."""
        wrong = "" if setup.source.suffix == ".gguf" else "llama.cpp reads GGUF files only; give --model a .gguf file"
        return super().problem(setup) or wrong

    def load(self, setup: PeerSetup) -> None:
        """Load the GGUF file."""
        from llama_cpp import Llama
        from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

        options: dict[str, Any] = {
            "n_ctx": setup.context,
            "n_threads": setup.num_threads,
            "n_threads_batch": setup.num_threads,
            "verbose": False,
        }
        if self.lookup:
            options |= {"draft_model": LlamaPromptLookupDecoding(num_pred_tokens=self.lookup), "logits_all": True}
        self._model = Llama(model_path=str(setup.source), **options)

    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        """As `Peer.generate`."""
        self._model.reset()  # without this, it would reuse the rows of a common beginning
        new: list[int] = []
        first = None
        begin = time.perf_counter()
        for token in self._model.generate(list(tokens), temp=0.0, repeat_penalty=1.0):
            if first is None:
                first = time.perf_counter() - begin
            if token in stop_tokens:
                break
            new.append(token)
            if len(new) == num_tokens:
                break
        return new, time.perf_counter() - begin, first
