"""Shared by peers that run in transformers: loading the weights, and a timed greedy `generate`."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from foretell.bench.peers.base import Peer, PeerSetup


@lru_cache(maxsize=8)
def load_in_transformers(source: Path, dtype: str = "fp32", device: str = "cpu") -> Any:
    """A transformers model of the weights in `source`, cached for the process. Tensors of a GGUF file are dequantised.

    dtype: "fp32", "bf16", or "int8", which is PyTorch's dynamic quantisation of all linear layers. device: as in PyTorch.
    """
    import torch

    from foretell.models.adapter import TransformersModel
    from foretell.models.load import read_checkpoint

    kind = torch.bfloat16 if dtype == "bf16" else torch.float32
    if source.is_file():
        model = TransformersModel.from_checkpoint(read_checkpoint(source), kind, torch.device(device)).model
    else:
        model = TransformersModel.from_folder(source, kind, torch.device(device)).model
    if dtype == "int8":
        model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    return model.eval()


def load_default_in_transformers(dtype: str = "fp32") -> Any:
    """The default model as a transformers model; dtype as in `load_in_transformers`."""
    from foretell.models.default import default_model_path

    return load_in_transformers(default_model_path(), dtype)


class FirstToken:
    """A `streamer` for `generate` that only notes the time of the first new token, in `seconds`."""

    def __init__(self) -> None:
        self.calls, self.seconds, self._begin = 0, 0.0, time.perf_counter()

    def put(self, value: Any) -> None:
        """Called with the prompt, then with each new token."""
        self.calls += 1
        if self.calls == 2:  # the first call is for the prompt
            self.seconds = time.perf_counter() - self._begin

    def end(self) -> None:
        """Called at the end of the text."""


def timed_generate(model: Any, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int], **options: Any):
    """Greedy `model.generate`, as `Peer.generate`. options: further arguments of `model.generate`."""
    import torch

    ids = torch.tensor([list(tokens)], device=model.device)
    # Without a stop token, the text has a fixed length.
    ends = sorted(stop_tokens) or None
    settings = {"max_new_tokens": num_tokens, "do_sample": False, "eos_token_id": ends, "pad_token_id": 0, **options}
    watch = FirstToken()
    begin = time.perf_counter()
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), streamer=watch, **settings)
    elapsed = time.perf_counter() - begin
    new = out[0, len(tokens) :].tolist()
    return [token for token in new if token not in stop_tokens], elapsed, watch.seconds or None


class TransformersPeer(Peer):
    """Abstract: greedy `generate` with its default attention and cache. Subclasses choose `dtype` and `options`."""

    dtype: str = "fp32"

    modules = ("transformers",)
    devices = ("cpu", "cuda")

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Further arguments of `model.generate`."""

    def load(self, setup: PeerSetup) -> None:
        """Load the weights as a transformers model."""
        import torch

        torch.set_num_threads(setup.num_threads)
        self._model = load_in_transformers(setup.source, self.dtype, setup.device)

    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        """As `Peer.generate`."""
        return timed_generate(self._model, tokens, num_tokens, stop_tokens, **self.options())
