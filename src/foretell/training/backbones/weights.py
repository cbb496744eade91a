"""Where the network of a backbone comes from, and the folder that it is written to."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.models.adapter import TransformersModel
from foretell.models.base import Model
from foretell.models.load import read_checkpoint, read_text
from foretell.models.locate import locate
from foretell.models.text import Text
from foretell.models.weights.checkpoint import Checkpoint


def random_network(config: Any, seed: int) -> Any:
    """A causal language model of transformers with random float32 weights. The same seed gives the same ones, and nobody else's random
    numbers are disturbed."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def read_network(source: Checkpoint | str | os.PathLike[str] | None, dtype: torch.dtype) -> tuple[Any, Text | None]:
    """The causal language model of a checkpoint, or of a folder, GGUF file or hub id, and its tokenizer where there is one."""
    checkpoint = source if isinstance(source, Checkpoint) else read_checkpoint(locate(source))
    network = checkpoint.network(dtype)
    if (checkpoint.source / "generation_config.json").is_file():
        network.generation_config = type(network.generation_config).from_pretrained(checkpoint.source)
    return network, read_text(checkpoint.source)


def network_of(model: Model, dtype: torch.dtype) -> tuple[Any, Text | None]:
    """The same of a model that was loaded: a copy of its weights, or those of its file. UserError where no file stands behind it."""
    if isinstance(model, TransformersModel):
        return copy.deepcopy(model.model).to(dtype).requires_grad_(True), model.tokenizer
    if model.source is None:
        kind = type(model).__name__
        raise UserError(f"Backbone.from_model: model={kind} was not loaded from a file; name its folder in Backbone.from_checkpoint")
    return read_network(model.source, dtype)


def with_mean_row(table: nn.Parameter) -> nn.Parameter:
    """A table (n, width) with one row more, (n + 1, width): the mean of all others.

    >>> with_mean_row(nn.Parameter(torch.tensor([[1.0], [3.0]]))).tolist()
    [[1.0], [3.0], [2.0]]
    """
    return nn.Parameter(torch.cat([table.detach(), table.detach().mean(0, keepdim=True)]), table.requires_grad)


def write_folder(folder: Path, tensors: Mapping[str, Tensor], config: Any, generation_config: Any, tokenizer: Text | None) -> Path:
    """Write what `foretell.load` and transformers read: config.json, generation_config.json, the tensors by transformers' names as
    safetensors, and the tokenizer's files. The weights come last. Returns the folder."""
    from huggingface_hub import save_torch_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    config, generation_config = copy.deepcopy(config), copy.deepcopy(generation_config)
    config.dtype = next(iter(tensors.values())).dtype
    if tokenizer is not None:
        tokenizer.save(folder)
        if tokenizer.stop_tokens:
            generation_config.eos_token_id = sorted(tokenizer.stop_tokens)
    config.save_pretrained(folder)
    generation_config.save_pretrained(folder)
    save_torch_state_dict(dict(tensors), folder)
    return folder
