"""Lexical units, runs of tokens that a model predicts confidently once it has seen the first, and texts laid out to learn them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from foretell.training.backbones.backbone import Backbone

#: Target of rows without a prediction, which PyTorch's cross-entropy ignores.
NOTHING = -100

Unit = tuple[int, int]  #: (start, end) in tokens, end excluded


def mark_units(probabilities: Sequence[float], alpha: float, max_length: int) -> list[Unit]:
    """Cut a text into units (start, end): maximal runs in which every token after the first has probability `alpha` or more, none longer
    than `max_length`. probabilities: of each token given all before it; that of the first is not used.

    >>> mark_units([0.0, 0.95, 0.2, 0.99, 0.99], alpha=0.9, max_length=4)
    [(0, 2), (2, 5)]
    """
    units: list[Unit] = []
    start = 0
    for i in range(1, len(probabilities)):
        if probabilities[i] < alpha or i - start >= max_length:
            units.append((start, i))
            start = i
    return [*units, (start, len(probabilities))] if len(probabilities) else units


def unit_lengths(units: Iterable[Unit]) -> dict[int, int]:
    """The number of units of each length, shortest first."""
    return dict(sorted(Counter(end - start for start, end in units).items()))


@torch.no_grad()
def token_probabilities(network: Backbone, rows: Tensor, batch: int = 32) -> Tensor:
    """(n, length): the probability that the network gives to each token of `rows` (n, length), 0 for the first. batch: rows a pass."""
    network.eval()
    found = []
    for piece in rows.split(batch):
        logprobs = network(piece[:, :-1].long()).logits.log_softmax(-1)
        found.append(F.pad(logprobs.gather(-1, piece[:, 1:, None].long().to(network.device))[..., 0].exp(), (1, 0)).cpu())
    return torch.cat(found)


@dataclass(frozen=True)
class Branch:
    """`num` placeholders after the token at position `end`: the j-th, from 1, predicts the token at end + 1 + j."""

    end: int
    num: int


def branches_of(units: Iterable[Unit], num_tokens: int, ask_all: bool, length: int) -> list[Branch]:
    """A branch before every token of a unit that at least one more token of it follows. It predicts the rest of the unit, or (`ask_all`)
    all `num_tokens` - 1 tokens after the next one, up to the end of the text. length: of the text, in tokens."""
    found = []
    for start, end in units:
        for here in range(max(start - 1, 0), end - 2):
            found.append(Branch(here, min(num_tokens - 1, (length if ask_all else end) - here - 2)))
    return found


@dataclass
class Packed:
    """Texts with their branches in one pass: tokens, positions and targets are (n, rows); mask is (n, rows, rows) bool, True where a row
    attends. text_targets and branch_targets are the tokens that rows of the text and placeholders predict, NOTHING elsewhere."""

    tokens: Tensor
    positions: Tensor
    mask: Tensor
    text_targets: Tensor
    branch_targets: Tensor


def pack(texts: Tensor, branches: Sequence[Sequence[Branch]], placeholder: int) -> Packed:
    """Lay out each text (n, length) and its branches in one row each. A branch attends to its text up to its end, and to itself.
    placeholder: the token id of placeholders."""
    num, length = texts.shape
    sizes = [sum(branch.num for branch in each) for each in branches]
    total = length + max(sizes, default=0)
    tokens = torch.full((num, total), placeholder)
    positions = torch.zeros(num, total, dtype=torch.long)
    text_targets, branch_targets = (torch.full((num, total), NOTHING) for _ in range(2))
    mask = torch.eye(total, dtype=torch.bool).repeat(num, 1, 1)  # rows of padding attend to themselves, since attention to nothing is NaN
    tokens[:, :length], positions[:, :length] = texts, torch.arange(length)
    text_targets[:, : length - 1] = texts[:, 1:]
    mask[:, :length, :length] = torch.ones(length, length, dtype=torch.bool).tril()
    for i, each in enumerate(branches):
        at = length
        for branch in each:
            rows, told = slice(at, at + branch.num), slice(branch.end + 1, branch.end + 1 + branch.num)
            positions[i, rows] = torch.arange(told.start, told.stop)
            branch_targets[i, rows] = texts[i, branch.end + 2 : branch.end + 2 + branch.num]
            mask[i, rows, : branch.end + 1] = True
            mask[i, rows, rows] = torch.ones(branch.num, branch.num, dtype=torch.bool).tril()
            at += branch.num
    return Packed(tokens, positions, mask, text_targets, branch_targets)
