"""transformers' `generate`, plain: what most people run. fp32 is the reference; bf16 and int8 are offered beside it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from foretell.bench.peers.base import Peer, Place

DTYPES = ("fp32", "bf16", "int8")


@lru_cache(maxsize=8)
def load_in_transformers(source: Path, dtype: str = "fp32", device: str = "cpu") -> Any:
    """A transformers model of our own reading of the weights (a GGUF's tensors are dequantised); one a process and type.

    int8 is PyTorch's dynamic quantisation of all linear layers.
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
    """The default model in transformers."""
    from foretell.models.default import default_model_path

    return load_in_transformers(default_model_path(), dtype)


class FirstToken:
    """A `streamer` that only notes when the first new token came."""

    def __init__(self) -> None:
        self.calls, self.seconds, self._begin = 0, 0.0, time.perf_counter()

    def put(self, value: Any) -> None:
        self.calls += 1
        if self.calls == 2:  # the first call gives the prompt back
            self.seconds = time.perf_counter() - self._begin

    def end(self) -> None:
        pass


def timed_generate(model: Any, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int], **options: Any):
    """(new tokens, seconds, seconds until the first) of greedy `model.generate`."""
    import torch

    ids = torch.tensor([list(tokens)], device=model.device)
    # A stop token that does not exist asks for texts of fixed length.
    ends = sorted(stop_tokens) or None
    settings = {"max_new_tokens": num_tokens, "do_sample": False, "eos_token_id": ends, "pad_token_id": 0, **options}
    watch = FirstToken()
    begin = time.perf_counter()
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), streamer=watch, **settings)
    elapsed = time.perf_counter() - begin
    new = out[0, len(tokens) :].tolist()
    return [token for token in new if token not in stop_tokens], elapsed, watch.seconds or None


@dataclass
class TransformersGenerate(Peer):
    """Greedy `generate` with its default attention and cache."""

    dtype: str = "fp32"

    modules = ("transformers",)
    devices = ("cpu", "cuda")

    @classmethod
    def variants(cls) -> list[Peer]:
        return [cls(dtype) for dtype in DTYPES]

    @property
    def name(self) -> str:  # type: ignore[override]
        return "transformers" if self.dtype == "fp32" else f"transformers-{self.dtype}"

    @property
    def detail(self) -> str:  # type: ignore[override]
        quantised = ", linear layers quantised dynamically" if self.dtype == "int8" else ""
        return f"transformers generate, greedy, {self.dtype}{quantised}"

    def problem(self, place: Place) -> str:
        on_cpu = self.dtype != "int8" or place.device == "cpu"
        return super().problem(place) or ("" if on_cpu else "PyTorch's dynamic quantisation runs on the CPU; use --device cpu")

    def load(self, place: Place) -> None:
        import torch

        torch.set_num_threads(place.num_threads)
        self._model = load_in_transformers(place.source, self.dtype, place.device)

    def generate(self, tokens: Sequence[int], num_tokens: int, stop_tokens: frozenset[int]) -> tuple[list[int], float, float | None]:
        return timed_generate(self._model, tokens, num_tokens, stop_tokens)
