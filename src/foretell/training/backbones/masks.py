"""Which rows of a batch of sequences a row attends to: padding, causality, sliding windows and masks of the caller's own, as one mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.base import POST_NORM, Attention, ContextOverflowError
from foretell.parts import nearest


def check_depth(hidden: Sequence[int | str], stop: int, num_layers: int, layer_dropout: Sequence[float]) -> None:
    """UserError unless there are so many layers, the hidden states lie among them, and `layer_dropout` is empty or has a chance each."""
    if not 0 <= stop <= num_layers:
        raise UserError(f"stop={stop!r} must be a number of layers, 0 to {num_layers}")
    for key in hidden:
        if key != POST_NORM and not (isinstance(key, int) and 0 <= key <= stop):
            raise UserError(f"hidden={key!r} must be {POST_NORM!r} or a layer from 0 to {stop}")
    if len(layer_dropout) not in (0, num_layers) or not all(0 <= chance <= 1 for chance in layer_dropout):
        raise UserError(f"layer_dropout={layer_dropout!r} must hold a probability for each of the {num_layers} layers")


def check_inputs(tokens: Tensor | None, embeddings: Tensor | None, vocab_size: int, width: int) -> None:
    """UserError unless one of them is given, with ids of the vocabulary or rows of this width."""
    if (tokens is None) == (embeddings is None):
        raise UserError("Backbone: give tokens or embeddings, and not both")
    if embeddings is not None and (embeddings.ndim != 3 or embeddings.shape[2] != width):
        raise UserError(f"embeddings of shape {tuple(embeddings.shape)} must have the shape (batch, length, {width})")
    if tokens is not None and (tokens.ndim != 2 or tokens.is_floating_point() or not tokens.numel()):
        raise UserError(f"tokens of shape {tuple(tokens.shape)} and type {tokens.dtype} must be whole numbers of shape (batch, length)")
    if tokens is not None and (int(tokens.min()) < 0 or int(tokens.max()) >= vocab_size):
        raise UserError(f"tokens from {int(tokens.min())} to {int(tokens.max())} must lie in the vocabulary, 0 to {vocab_size - 1}")


def attention_of(attention: Attention | str, num_prefix: Sequence[int] | None, mask: Tensor | None, batch: int) -> Attention:
    """The kind of attention, by itself or by its value ("full"). UserError for others, and where `num_prefix` does not fit it."""
    try:
        kind = Attention(attention)
    except ValueError:
        raise UserError(f"attention={attention!r} is unknown, {nearest(str(attention), [each.value for each in Attention])}") from None
    if (kind is Attention.PREFIX) != (num_prefix is not None) or (num_prefix is not None and len(num_prefix) != batch):
        raise UserError(
            f"num_prefix={num_prefix!r} must hold a number for each of {batch} sequences with attention='prefix', and be None else"
        )
    if kind is not Attention.CAUSAL and mask is not None and mask.ndim == 3:
        raise UserError(f"attention={kind.value!r}: a mask of three dimensions says itself which rows attend to which; leave attention out")
    return kind


def check_masks(mask: Tensor | None, positions: Tensor | None, batch: int, length: int) -> None:
    """UserError unless the arguments of these names, as `Backbone.forward` has them, fit a batch of this size."""
    if mask is not None and (mask.dtype != torch.bool or tuple(mask.shape) not in ((batch, length), (batch, length, length))):
        given = f"mask of shape {tuple(mask.shape)} and type {mask.dtype}"
        raise UserError(f"{given} must be a boolean one of shape {(batch, length)} or {(batch, length, length)}")
    if positions is not None and tuple(positions.shape) != (batch, length):
        raise UserError(f"positions of shape {tuple(positions.shape)} must have the shape {(batch, length)}")


def check_last(positions: Tensor, max_length: int) -> None:
    """ContextOverflowError where a position is beyond the network's."""
    last = int(positions.max())
    if last >= max_length:
        raise ContextOverflowError(f"Backbone: position {last} lies beyond the {max_length} positions of the network; give shorter texts")


def default_positions(mask: Tensor | None, batch: int, length: int, device: torch.device) -> Tensor:
    """(batch, length) int64: 0, 1, 2, ... along each sequence. Padding, where `mask` (batch, length) is False, is not counted, so that
    texts padded on the left start at 0 too.

    >>> default_positions(torch.tensor([[False, True, True]]), 1, 3, torch.device("cpu")).tolist()
    [[0, 0, 1]]
    """
    if mask is not None and mask.ndim == 2:
        return (mask.long().cumsum(1) - 1).clamp(min=0)
    return torch.arange(length, device=device).expand(batch, -1)


def visible(
    order: Tensor, mask: Tensor | None, window: int, attention: Attention = Attention.CAUSAL, num_prefix: Sequence[int] | None = None
) -> Tensor | None:
    """(batch, 1, length, length) bool, True where the row of the last but one dimension attends to the row of the last one; None for the
    plain causal mask, which PyTorch's attention computes faster by itself.

    order: `default_positions`. mask: (batch, length) bool, False for padding; or (batch, length, length) bool, the rows that each row
    attends to, in place of causality; or None. window: only the last so many rows of those are kept, 0 keeps all. Rows that attend to
    later rows (all of `Attention.FULL`, the first `num_prefix` of `Attention.PREFIX`) attend to each other whatever the window. Every
    row attends to itself, since attention to no row at all is not a number.

    >>> visible(torch.arange(3)[None], None, window=2)[0, 0].int().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    if mask is None and not window and attention is Attention.CAUSAL:
        return None
    batch, length = order.shape
    padding = torch.ones(batch, length, dtype=torch.bool, device=order.device) if mask is None or mask.ndim == 3 else mask
    seen = mask if mask is not None and mask.ndim == 3 else padding[:, None, :].expand(-1, length, -1).tril()
    seen = seen | torch.eye(length, dtype=torch.bool, device=order.device)
    if window:
        seen = seen & (seen.long().flip(-1).cumsum(-1).flip(-1) <= window)
    if attention is not Attention.CAUSAL:
        block = padding
        if num_prefix is not None:
            block = padding & (order < torch.as_tensor(num_prefix, device=order.device)[:, None])
        seen = seen | (block[:, :, None] & block[:, None, :])
    return seen[:, None]
