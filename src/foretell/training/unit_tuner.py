"""`UnitTuner`: tunes a network so that placeholders after a text predict the tokens after the next one (lexical unit decoding)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from foretell.errors import UserError
from foretell.parts import require
from foretell.training.backbones.backbone import Backbone
from foretell.training.lexical_units import (
    NOTHING,
    Branch,
    Packed,
    Unit,
    branches_of,
    mark_units,
    pack,
    token_probabilities,
    unit_lengths,
)
from foretell.training.settings import TrainSettings
from foretell.training.trainer import Trainer, TrainingReport

ASKS = ("unit", "all")
MARKS = ("confidence", "random")


@dataclass(frozen=True)
class UnitTuner:
    """How units are marked and learnt. A reconstruction, since the paper's code was not published.

    alpha: probability that every token of a unit after its first has under the network itself. num_tokens: K, longest unit. mix: weight of
    the placeholders' loss beside the text's own next-token loss, which preserves the network. asks: "all", placeholders predict all K - 1
    tokens, so that they also learn where they cannot know, or "unit", tokens of their unit only. marks: "confidence", or "random", units of
    the same lengths in random order: the control. max_placeholders: most rows for the branches of a text in one step; beyond it they are
    sampled. Errors: UserError for settings out of range.

    Departures: branches begin at every token of a unit, not only at its beginning, since decoding may stop anywhere; "all" is ours, since
    placeholders that were never trained beyond a unit are overconfident there.

    Sun et al., "Decoding at the Speed of Thought: Harnessing Parallel Decoding of Lexical Units for LLMs", section 3.

    >>> UnitTuner(alpha=1.5)
    Traceback (most recent call last):
        ...
    foretell.errors.UserError: UnitTuner: alpha=1.5 must be a probability above 0
    """

    alpha: float = 0.9
    num_tokens: int = 4
    mix: float = 1.0
    asks: str = "all"
    marks: str = "confidence"
    max_placeholders: int = 128

    def __post_init__(self) -> None:
        require(0 < self.alpha <= 1, self, "alpha", self.alpha, "must be a probability above 0")
        require(self.num_tokens >= 2, self, "num_tokens", self.num_tokens, "must be at least 2 tokens")
        require(self.mix > 0, self, "mix", self.mix, "must be above 0, or placeholders learn nothing")
        require(self.asks in ASKS, self, "asks", self.asks, f"must be one of {', '.join(ASKS)}")
        require(self.marks in MARKS, self, "marks", self.marks, f"must be one of {', '.join(MARKS)}")
        least = self.num_tokens - 1
        require(self.max_placeholders >= least, self, "max_placeholders", self.max_placeholders, f"must be at least {least}")

    def mark(self, network: Backbone, rows: Tensor) -> list[list[Unit]]:
        """Units of each text of `rows` (n, length), by the network's own probabilities; UserError where no unit has 2 tokens."""
        if rows.ndim != 2 or rows.shape[1] <= self.num_tokens:
            shape = tuple(rows.shape)
            raise UserError(f"UnitTuner: texts of shape {shape} are not longer than num_tokens={self.num_tokens}; give longer ones")
        probabilities = token_probabilities(network, rows)
        found = [mark_units(each, self.alpha, self.num_tokens) for each in probabilities.tolist()]
        if not any(branches_of(units, self.num_tokens, False, rows.shape[1]) for units in found):
            shares = [int(10 * share) for share in probabilities[:, 1:].flatten().clamp(max=0.999).tolist()]
            counts = ", ".join(f"{place / 10:.1f}: {shares.count(place)}" for place in range(10))
            raise UserError(
                f"UnitTuner: alpha={self.alpha!r} leaves no unit in {len(rows)} texts; lower it or train the network longer "
                f"(tokens by probability, in steps of 0.1: {counts})"
            )
        if self.marks == "random":
            found = [_shuffled(units, number) for number, units in enumerate(found)]
        return found

    def packed(self, rows: Tensor, units: Sequence[Sequence[Unit]], placeholder: int, seed: int) -> Packed:
        """A step's texts with as many of their branches as fit into max_placeholders."""
        dice, chosen = random.Random(seed), []
        for each in units:
            branches = branches_of(each, self.num_tokens, self.asks == "all", rows.shape[1])
            dice.shuffle(branches)
            room, taken = self.max_placeholders, list[Branch]()
            for branch in branches:
                if branch.num <= room:
                    taken.append(branch)
                    room -= branch.num
            chosen.append(taken)
        return pack(rows, chosen, placeholder)

    def loss(self, network: Backbone, batch: Packed, step: int) -> Tensor:
        """Next-token loss of the texts, plus `mix` times that of the placeholders, in nats a token."""
        device = network.device
        rows = network(batch.tokens, mask=batch.mask.to(device), positions=batch.positions.to(device))
        logits = rows.logits.flatten(0, 1)
        text = F.cross_entropy(logits, batch.text_targets.flatten().to(device), ignore_index=NOTHING)
        asked = batch.branch_targets.flatten().to(device)
        if not bool((asked != NOTHING).any()):
            return text
        return text + self.mix * F.cross_entropy(logits, asked, ignore_index=NOTHING)

    def run(
        self,
        network: Backbone,
        rows: Tensor,
        settings: TrainSettings,
        folder: Path | str | None = None,
        progress: bool = True,
    ) -> tuple[int, TrainingReport]:
        """Mark `rows` (n, length) with the network as it is, add a placeholder token to it, and tune it; returns the placeholder's id.

        The network is changed in place. settings.batch texts a step; folder: where the trainer keeps its checkpoint.
        """
        units = self.mark(network, rows)
        placeholder = add_placeholder(network, rows)

        def batch_at(step: int, size: int) -> Packed:
            chosen = torch.randint(len(rows), (size,), generator=torch.Generator().manual_seed(1_000_003 * settings.seed + step))
            return self.packed(rows[chosen].long(), [units[i] for i in chosen.tolist()], placeholder, step)

        report = Trainer(network, self.loss, batch_at, settings, folder=folder, name="lexical units").run(progress=progress)
        return placeholder, report

    def histogram(self, network: Backbone, rows: Tensor) -> dict[int, int]:
        """The number of units of each length that the network's own probabilities mark in `rows` (n, length)."""
        return unit_lengths(unit for units in self.mark(network, rows) for unit in units)


def add_placeholder(network: Backbone, rows: Tensor) -> int:
    """Give the network one more token (see `Backbone.add_token`) and return its id. UserError where `rows` (n, length) hold that id."""
    if not isinstance(network, Backbone):
        raise UserError(f"{type(network).__name__} is no Backbone; make one by Backbone.from_checkpoint")
    placeholder = network.architecture.vocab_size
    if int(rows.max()) >= placeholder:
        raise UserError(f"rows hold the token {int(rows.max())}, but the network has {placeholder}; the placeholder would be a real token")
    return network.add_token()


def _shuffled(units: Sequence[Unit], seed: int) -> list[Unit]:
    """Units of the same lengths in random order."""
    lengths = [end - start for start, end in units]
    random.Random(seed).shuffle(lengths)
    found, start = [], 0
    for length in lengths:
        found.append((start, start + length))
        start += length
    return found
