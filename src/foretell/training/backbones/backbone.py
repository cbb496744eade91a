"""`Backbone`: a model's network with gradients, on which heads, adapters and encoders are trained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foretell.models.architecture import Architecture
from foretell.models.base import POST_NORM, Attention, Model
from foretell.models.text import Text
from foretell.models.weights.checkpoint import Checkpoint
from foretell.parts import require
from foretell.training.backbones.layer_dropout import run_layer
from foretell.training.backbones.masks import attention_of, check_depth, check_inputs, check_last, check_masks, default_positions, visible
from foretell.training.backbones.weights import network_of, random_network, read_network, with_mean_row, write_folder

Device = torch.device | str
#: What `freeze` and `unfreeze` call parts of a network; a number from 1 is one layer.
PARTS = ("embedding", "layers", "norm", "head")


@dataclass(frozen=True)
class BackboneRows:
    """What a pass returns. logits: (batch, length, vocab_size) float32, or None where they were not asked for. hidden: by the keys asked
    for, (batch, length, width) in the network's dtype. Rows of padding hold numbers without a meaning."""

    logits: Tensor | None
    hidden: dict[int | str, Tensor] = field(default_factory=dict)


class Backbone(nn.Module):
    """The network of a Llama-family model (llama, mistral, qwen2, qwen3) as a PyTorch module: the same weights and the same rows as the
    `Model` that decodes, with gradients and for padded batches. Everything that is trained here is trained on it.

    network: a causal language model of transformers. tokenizer: a `Text`, kept for `export`. Make one by `from_checkpoint`,
    `from_model` or `from_config`. Its layers are transformers' own modules, run one by one: so tools for these (peft, gradient
    checkpointing) work on it, `state_dict` has the names of a checkpoint's tensors, and hidden states need no hooks.

    Guarantee: in float32, hidden states and logits are those of `Model.forward` within 1e-4. Needs: memory for the weights and, with
    gradients, for the activations of a batch. Cost: one pass of transformers. Errors: UserError for other families (see
    `Architecture.from_config`) and for arguments that do not fit.

    >>> from transformers import LlamaConfig
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    >>> backbone = Backbone.from_config(LlamaConfig(vocab_size=10, **sizes))
    >>> rows = backbone(torch.tensor([[1, 2, 3]]), hidden=(1, POST_NORM))
    >>> rows.logits.shape, rows.hidden[1].shape
    (torch.Size([1, 3, 10]), torch.Size([1, 3, 8]))
    """

    def __init__(self, network: Any, tokenizer: Text | None = None) -> None:
        super().__init__()
        self.config, self.generation_config, self.tokenizer = network.config, network.generation_config, tokenizer
        self.architecture = Architecture.from_config(network.config)
        self.model, self.lm_head = network.model, network.lm_head

    @classmethod
    def from_config(cls, config: Any, seed: int = 0, tokenizer: Text | None = None) -> Backbone:
        """With random float32 weights, which follow from the seed. config: a transformers configuration of the family."""
        return cls(random_network(config, seed), tokenizer)

    @classmethod
    def from_checkpoint(
        cls, source: Checkpoint | str | os.PathLike[str] | None = None, dtype: torch.dtype = torch.float32, device: Device = "cpu"
    ) -> Backbone:
        """With the weights of a folder, a GGUF file (quantised weights are expanded), a hub id, or a `Checkpoint`; None is the default
        model. Raises FileNotFoundError where nothing is found."""
        return cls(*read_network(source, dtype)).to(device)

    @classmethod
    def from_model(cls, model: Model, dtype: torch.dtype = torch.float32, device: Device | None = None) -> Backbone:
        """With the weights of a model that was loaded, read from its file again, since an int8 model has only rounded ones in memory.
        device: None is the model's. UserError for models that no file stands behind, such as groups."""
        return cls(*network_of(model, dtype)).to(model.device if device is None else device)

    @property
    def device(self) -> torch.device:
        """Of the weights."""
        return self.lm_head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights and hidden states."""
        return self.lm_head.weight.dtype

    @property
    def num_layers(self) -> int:
        """Layers: hidden states have the keys 0 to num_layers, and POST_NORM."""
        return self.architecture.num_layers

    @property
    def num_parameters(self) -> int:
        """Weights, shared ones once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def embed(self, tokens: Tensor) -> Tensor:
        """The rows of the embedding table at `tokens` (...) int64, (..., width)."""
        return self.model.embed_tokens(tokens)

    def norm(self, states: Tensor) -> Tensor:
        """The final norm of hidden states (..., width)."""
        return self.model.norm(states)

    def head(self, states: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Logits (..., vocab_size) float32 of states behind the final norm (..., width); with `tokens` (k,) int64, of those tokens only."""
        return (self.lm_head(states) if tokens is None else F.linear(states, self.lm_head.weight[tokens])).float()

    def forward(
        self,
        tokens: Tensor | None = None,
        *,
        embeddings: Tensor | None = None,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        attention: Attention | str = Attention.CAUSAL,
        num_prefix: Sequence[int] | None = None,
        hidden: Sequence[int | str] = (),
        stop: int | None = None,
        logits: bool = True,
        layer_dropout: Sequence[float] = (),
    ) -> BackboneRows:
        """One pass over a batch of sequences, given as `tokens` (batch, length) int64 or as `embeddings` (batch, length, width).

        mask: (batch, length) bool, False for padding, on any side; or (batch, length, length) bool, True where the row of the second
        dimension attends to the row of the third, instead of causal attention. A row always attends to itself. attention: as in `Feed`,
        "causal", "full" as in an encoder, or "prefix" with `num_prefix` (batch,), the rows of each sequence, without padding, that
        attend to each other. positions: (batch, length) int64, by default counted along each sequence without padding; sliding windows
        count rows, not positions.
        hidden: keys of hidden states as in `Model.forward`: 0 the embedding, i the residual stream after layer i, and POST_NORM.
        stop: run layers 1 to stop only; logits are then those of an early exit. logits: False leaves the head out. layer_dropout:
        (num_layers,), the chance by which each sequence skips a layer, drawn from torch's random numbers of the CPU; () skips none.
        """
        stop = self.num_layers if stop is None else stop
        check_depth(hidden, stop, self.num_layers, layer_dropout)
        check_inputs(tokens, embeddings, self.model.embed_tokens.num_embeddings, self.architecture.hidden_size)
        x = self.embed(tokens.to(self.device)) if tokens is not None else embeddings.to(self.device, self.dtype)  # type: ignore[union-attr]
        batch, length = x.shape[:2]
        check_masks(mask, positions, batch, length)
        kind = attention_of(attention, num_prefix, mask, batch)
        mask = None if mask is None else mask.to(x.device)
        order = default_positions(mask, batch, length, x.device)
        positions = order if positions is None else positions.to(x.device)
        check_last(positions, self.architecture.max_length)
        windows = self.architecture.windows[:stop]
        masks = {window: visible(order, mask, window, kind, num_prefix) for window in set(windows)}
        rotation = [part.to(x.dtype) for part in self.architecture.rotation(positions)]
        states: dict[int | str, Tensor] = {0: x} if 0 in hidden else {}
        for i, window in enumerate(windows):
            chance = layer_dropout[i] if len(layer_dropout) else 0.0
            x = run_layer(self.model.layers[i], chance, x, masks[window], positions, *rotation)
            if i + 1 in hidden:
                states[i + 1] = x
        normed = self.norm(x) if logits or POST_NORM in hidden else None
        if normed is not None and POST_NORM in hidden:
            states[POST_NORM] = normed
        return BackboneRows(self.head(normed) if normed is not None and logits else None, states)

    def freeze(self, *parts: int | str) -> Backbone:
        """Take parts out of training: "embedding", "layers", "norm", "head", or the numbers of single layers, from 1; none named means
        all. An embedding that is also the head (`architecture.tie_embeddings`) is one part under both names. Returns the backbone."""
        return self._set_trained(parts, False)

    def unfreeze(self, *parts: int | str) -> Backbone:
        """The inverse of `freeze`."""
        return self._set_trained(parts, True)

    def _set_trained(self, parts: Sequence[int | str], trained: bool) -> Backbone:
        modules: dict[int | str, nn.Module] = dict(zip(PARTS, [self.model.embed_tokens, self.model.layers, self.model.norm, self.lm_head]))
        modules.update(enumerate(self.model.layers, start=1))
        for part in parts:
            require(part in modules, self, "part", part, f"must be one of {', '.join(PARTS)}, or a layer from 1 to {self.num_layers}")
        for part in parts or PARTS:
            modules[part].requires_grad_(trained)
        return self

    def add_token(self) -> int:
        """Add one token to the vocabulary, whose rows in the embedding and the head start as the mean of all others; returns its id. No
        text may hold it: `export` writes it down as suppressed, which `foretell.load` respects."""
        embedding, token = self.model.embed_tokens, self.model.embed_tokens.num_embeddings
        embedding.weight, embedding.num_embeddings = with_mean_row(embedding.weight), token + 1
        self.lm_head.weight = embedding.weight if self.architecture.tie_embeddings else with_mean_row(self.lm_head.weight)
        self.lm_head.out_features = token + 1
        self.config.vocab_size = token + 1
        self.architecture = Architecture.from_config(self.config)
        self.generation_config.suppress_tokens = [*(self.generation_config.suppress_tokens or []), token]
        return token

    def export(self, folder: Path | str, dtype: torch.dtype | None = None) -> Path:
        """Write a folder that `foretell.load`, and transformers, read: configuration, weights, and the tokenizer where there is one.
        dtype: of the written weights; None is the backbone's. Returns the folder."""
        tied = {"lm_head.weight"} if self.architecture.tie_embeddings else set()
        tensors = {name: tensor.to(dtype or self.dtype) for name, tensor in self.state_dict().items() if name not in tied}
        return write_folder(Path(folder), tensors, self.config, self.generation_config, self.tokenizer)
