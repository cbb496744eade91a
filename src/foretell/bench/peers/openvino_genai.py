"""OpenVINO GenAI on the same GGUF file, which it converts as it loads: greedy, with or without its prompt lookup."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.bench.peers.base import Peer, PeerSetup


@dataclass
class OpenVinoGenAi(Peer):
    """Greedy `LLMPipeline.generate` on the CPU. lookup: candidates of `prompt_lookup` a step, 0 for none."""

    lookup: int = 0

    modules = ("openvino", "openvino_genai")

    @classmethod
    def variants(cls) -> list[Peer]:
        """Without prompt lookup, and with five candidates of it."""
        return [cls(), cls(5)]

    @property
    def name(self) -> str:  # type: ignore[override]
        """ "openvino", or "openvino-lookup" with prompt lookup."""
        return "openvino-lookup" if self.lookup else "openvino"

    @property
    def detail(self) -> str:  # type: ignore[override]
        """What is run, in words."""
        draft = f", prompt_lookup with num_assistant_tokens={self.lookup}" if self.lookup else ""
        return f"OpenVINO GenAI, greedy, reading the GGUF file{draft}"

    def problem(self, setup: PeerSetup) -> str:
        """As `Peer.problem`; OpenVINO GenAI reads GGUF files and folders exported for it."""
        missing = super().problem(setup)
        exported = setup.source.is_dir() and (setup.source / "openvino_model.xml").is_file()
        if missing or exported or setup.source.suffix == ".gguf":
            return missing
        return "OpenVINO GenAI reads GGUF files, or folders exported for it; give --model a .gguf file"

    def load(self, setup: PeerSetup) -> None:
        """Load the GGUF file or the exported folder."""
        import openvino_genai

        options: dict[str, Any] = {"INFERENCE_NUM_THREADS": setup.num_threads}
        if self.lookup:
            options["prompt_lookup"] = True
        self._pipeline = openvino_genai.LLMPipeline(str(setup.source), "CPU", **options)

    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        """As `Peer.generate`."""
        import numpy as np
        import openvino
        import openvino_genai

        ids = np.array([list(tokens)], dtype=np.int64)
        inputs = openvino_genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(np.ones_like(ids)))
        config = openvino_genai.GenerationConfig(max_new_tokens=num_tokens, do_sample=False, apply_chat_template=False)
        if stop_tokens:
            config.stop_token_ids = set(stop_tokens)
        else:
            config.ignore_eos = True
        if self.lookup:
            config.num_assistant_tokens, config.max_ngram_size = self.lookup, 3
        begin = time.perf_counter()
        result = self._pipeline.generate(inputs, config)
        elapsed = time.perf_counter() - begin
        first = result.perf_metrics.get_ttft().mean / 1000  # milliseconds
        return [int(token) for token in result.tokens[0] if token not in stop_tokens], elapsed, first
