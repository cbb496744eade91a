"""Random switching with a given share of tokens from the large model: the control for routers that use the rows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from foretell.decoding.draws import SampledDraws
from foretell.decoding.router import LARGE, SMALL, Router
from foretell.parts import Guarantee, require


class BlockState(NamedTuple):
    """The router's state. speaker: member of the previous token (-1: none). position: tokens since the prompt. key: seed of this text."""

    speaker: int
    position: int
    key: int


@dataclass(frozen=True)
class RandomBlocks(Router):
    """A two-state Markov chain: blocks of the large model have a geometric length, and it gives a fixed share of the tokens.

    share: of tokens from the large model, between 0 and 1. mean_length: of the large model's blocks, in tokens. seed: together with the
    prompt it determines the blocks, so that the same prompt always gets the same ones.

    Guarantee: lossy; the text follows neither model alone. Needs: two models that share a vocabulary. Cost: reading the text that the
    other model gave. State: member and position.
    Errors: UserError for a share that is not between 0 and 1, blocks shorter than 1 token, or a share that needs longer ones.

    The control for Tufa Labs, "Entropy Adaptive Decoding: Dynamic Model Switching for Efficient Inference", section 4.

    >>> router = RandomBlocks(0.5, mean_length=4)
    >>> router.choose(router.begin([1, 2]), None) == router.choose(router.begin([1, 2]), None)
    True
    """

    papers = ("entropy-adaptive",)

    share: float
    mean_length: float = 20.0
    seed: int = 0

    guarantee = Guarantee("lossy", "a small and a large model take turns at random, and the text is neither's own")

    def __post_init__(self) -> None:
        require(0 < self.share < 1, self, "share", self.share, "must lie between 0 and 1; `always` is for the ends")
        least = max(1.0, self.share / (1 - self.share))
        require(self.mean_length >= least, self, "mean_length", self.mean_length, f"must be at least {least:.3g} tokens at this share")
        require(isinstance(self.seed, int) and self.seed >= 0, self, "seed", self.seed, "must be a whole number from 0 on")

    @classmethod
    def examples(cls) -> list[RandomBlocks]:
        return [cls(0.5, mean_length=2.0)]

    def begin(self, prompt: Sequence[int]) -> BlockState:
        return BlockState(-1, 0, zlib.crc32(np.asarray([self.seed, *prompt], dtype=np.int64).tobytes()))

    def choose(self, state: BlockState, row: Tensor | None) -> tuple[int, BlockState]:
        leave = 1 / self.mean_length
        enter = leave * self.share / (1 - self.share)
        odds_of_large = {-1: self.share, SMALL: enter, LARGE: 1 - leave}[state.speaker]
        speaker = LARGE if SampledDraws(state.key).at(state.position).bernoulli(odds_of_large) else SMALL
        return speaker, BlockState(speaker, state.position + 1, state.key)
