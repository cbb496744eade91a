"""`TransformersModel`: any causal language model of the transformers library behind the `Model` contract.

Slower than the native models (one sequence at a time, the library's own layers) but universal: trees are 4-dimensional
attention masks with explicit positions, caches are plain tensors of rows. Recurrent and linear-attention layers are refused,
because their state cannot be rolled back; so are models without explicit positions.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.locks import ForkSafeLock
from foretell.models.adapter_cache import PastKeyValues, RowCache, tree_masks
from foretell.models.adapter_folder import check_class, network_of
from foretell.models.adapter_layers import find_layers, normalised, only_layers
from foretell.models.adapter_probe import check_rows
from foretell.models.adapter_windows import misfit, only_our_masks, read_local_layers, read_windows
from foretell.models.base import POST_NORM, Attention, Context, Feed, Model, Rows
from foretell.models.engines.torch_engine import TOLERANCES
from foretell.models.weights.checkpoint import Checkpoint

#: Rows that the norm or the head takes at a time when it runs alone.
_PIECE = 256


class TransformersModel(Model):
    """Wraps `model`, a `PreTrainedModel` with a language-model head, on its device and in its dtype.

    `embeddings` of a feed, and `hidden[0]`, are what the first layer reads: with learned positions added, as in GPT-2.
    Rows that see later rows of their feed do so in layers with a sliding window too. Raises UserError for models whose forward
    cannot be given a tree.
    """

    attentions = frozenset(Attention)
    has_positions = True

    def __init__(self, model: Any, tokenizer: Any = None, fingerprint: str | None = None) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        config = model.config.get_text_config()
        self.device, self.dtype = model.device, model.dtype
        self.num_parameters = sum(parameter.numel() for parameter in model.parameters())
        self.num_layers, self.width = config.num_hidden_layers, config.hidden_size
        self.max_length = getattr(config, "max_position_embeddings", None) or 1 << 20
        self.tolerance = TOLERANCES.get(self.dtype, TOLERANCES[torch.float32])
        self.fingerprint = f"{fingerprint or _digest(model)}-{str(self.dtype).removeprefix('torch.')}-transformers-{self.device.type}"
        self._accepts = set(inspect.signature(model.forward).parameters)
        check_class(type(model), config)
        self.windows = read_windows(type(model), config)
        self._layers = find_layers(model.base_model, self.num_layers)
        self._tuples = False
        self._lock = ForkSafeLock()
        self._local, self._local_window = read_local_layers(config)
        self._probe()

    @classmethod
    def from_folder(cls, folder: Path, dtype: torch.dtype | None, device: torch.device, tokenizer: Any = None) -> TransformersModel:
        """From a folder that transformers can load."""
        return cls(network_of(folder, dtype).to(device), tokenizer)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, dtype: torch.dtype | None, device: torch.device, tokenizer: Any = None):
        """From weights that were read already (a GGUF file's)."""
        return cls(checkpoint.network(dtype).to(device), tokenizer, checkpoint.fingerprint)

    def _new_cache(self, context: Context) -> RowCache:
        return RowCache()

    def _probe(self) -> None:
        """A few tokens through the model: learns the logits' width and what layers return, and finds misfits early."""
        forms: list[bool] = []
        handles = []
        if self._layers is not None:
            handles.append(self._layers[0].register_forward_hook(lambda module, args, output: forms.append(isinstance(output, tuple))))
        cache, name = RowCache(), type(self.model).__name__
        cache.append([-1])
        try:
            with torch.no_grad():
                output, past = self._call(cache, [0], [0], 1)
            if not past.updated:
                raise misfit(name, "it keeps no keys and values in its cache, so it cannot be rolled back")
            self.vocab_size = output.shape[-1]
            self._tuples = bool(forms and forms[0])
            check_rows(self, self.model)
        except (UserError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever the library's class does with what it is given
            reason = " ".join(str(error).split())[:200]
            raise misfit(name, f"its forward fails on a token tree ({type(error).__name__}: {reason})") from error
        finally:
            for handle in handles:
                handle.remove()

    def _call(
        self,
        cache: RowCache,
        rows: list[int],
        tokens: list[int],
        num_logits: int,
        num_block: int = 0,
        positions: Sequence[int] | None = None,
    ) -> tuple[Tensor, PastKeyValues]:
        windows = self.windows if isinstance(self.windows, dict) else {"all": self.windows}
        masks = tree_masks(cache, rows, {*windows.values(), self._local_window}, self.dtype, self.device, num_block)
        mixed = isinstance(self.windows, dict)
        past = PastKeyValues(cache, rows, self.device)
        options = {"logits_to_keep": max(1, num_logits)} if "logits_to_keep" in self._accepts else {}
        where = [cache.length + cache.depths[row] for row in rows] if positions is None else list(positions)
        with only_our_masks(self._layers, self._local, masks[min(masks)], masks[self._local_window]):
            output = self.model(
                input_ids=torch.tensor([tokens], device=self.device),
                position_ids=torch.tensor([where], device=self.device),
                attention_mask={kind: masks[window] for kind, window in windows.items()} if mixed else masks[windows["all"]],
                past_key_values=past,
                use_cache=True,
                return_dict=True,
                **options,
            )
        logits = output.logits[0]
        return logits[len(logits) - num_logits :].float(), past

    def _embed(self, tokens: Sequence[int], position: int) -> Tensor:
        return self._siblings(tokens, position, 0, None, (0,))[0]

    def _norm(self, states: Tensor) -> Tensor:
        pieces = states.to(self.device, self.dtype).split(_PIECE)
        return torch.cat([self._siblings([0] * len(piece), 0, self.num_layers, piece, (POST_NORM,))[POST_NORM] for piece in pieces])

    def _head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        """The whole product also for some tokens: what a family does to its logits is the library's affair."""
        pieces = []
        for piece in states.to(self.device, self.dtype).split(_PIECE):
            cache = RowCache()
            cache.append([-1])
            with self._lock, self._quick(), normalised(self.model.base_model, piece[None]):
                pieces.append(self._call(cache, [0], [0], len(piece))[0])
        logits = torch.cat(pieces)
        return logits if tokens is None else logits[:, torch.from_numpy(tokens).to(self.device)]

    def _siblings(
        self, tokens: Sequence[int], position: int, layer: int, states: Tensor | None, hidden: tuple[int | str, ...]
    ) -> dict[int | str, Tensor]:
        """Hidden states at `layer` of rows that do not see each other, without running a layer. states: (rows, width) after it."""
        cache = RowCache()
        cache.length = position  # no layer runs, so no row before this one is ever looked at
        cache.append([-1] * len(tokens))
        feed = Feed(cache, tokens if states is None else (), None, states, None if states is None else range(len(states)), num_logits=0)
        with self._lock:
            return self._rows(feed, hidden, layer, layer).hidden

    def _quick(self) -> AbstractContextManager[Any]:
        """Run no layer, where the layers are known."""
        if self._layers is None:
            return nullcontext()
        return only_layers(self._layers, self.model.base_model, 0, 0, None, (), self._tuples)

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        with self._lock:
            return [self._rows(feed, hidden, start, stop) for feed in feeds]

    def _rows(self, feed: Feed, hidden: tuple[int | str, ...], start: int, stop: int) -> Rows:
        cache = feed.cache
        if not isinstance(cache, RowCache):
            raise UserError(f"forward: cache={cache!r} was not made by this model's new_cache()")
        if not len(feed):
            empty = torch.empty(0, self.width, dtype=self.dtype, device=self.device)
            return Rows(torch.empty(0, self.vocab_size, device=self.device), dict.fromkeys(hidden, empty))
        rows = list(range(len(cache.pending) - len(feed), len(cache.pending))) if feed.rows is None else list(feed.rows)
        tokens, wanted = feed.ids, feed.num_wanted
        if self._layers is None:
            if hidden or start or stop < self.num_layers or feed.embeddings is not None:
                raise UserError(f"{type(self.model).__name__}: its layers were not found, so only plain forwards of tokens are possible")
            with torch.no_grad():
                return Rows(self._call(cache, rows, tokens, wanted, feed.num_block, feed.positions)[0])
        states = None if feed.embeddings is None else feed.embeddings.to(self.device, self.dtype)[None]
        places = None if feed.places is None else torch.tensor(feed.places, dtype=torch.int64, device=self.device)
        with only_layers(self._layers, self.model.base_model, start, stop, states, hidden, self._tuples, places) as taps:
            logits, _ = self._call(cache, rows, tokens, wanted, feed.num_block, feed.positions)
        return Rows(logits, {key: taps[key] for key in hidden})


def _digest(model: Any) -> str:
    digest = hashlib.blake2b(model.config.to_json_string().encode(), digest_size=12)
    for name, parameter in model.named_parameters():
        values = parameter.detach().flatten()
        digest.update(f"{name} {values[:8].tolist()} {values[-8:].tolist()}".encode())
    return digest.hexdigest()
