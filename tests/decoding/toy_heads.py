"""A toy head in the manner of Medusa: random weights on post-norm states. It shows that trained heads fit the contract of drafters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from foretell.decoding.drafter import Ask, Drafter, Seen
from foretell.decoding.tree import ROOT, Tree
from foretell.models.base import POST_NORM, Model
from foretell.models.one_thread import one_thread
from foretell.parts import Needs


@dataclass
class _Memory:
    """weights: (num_heads, width, 2 * width), which read the states of a row and of the row before it."""

    model: Model
    weights: Tensor


@dataclass
class _State:
    """features: (n, width), the post-norm states of the text's tokens from number `first` on, but for its last token."""

    memory: _Memory
    features: Tensor
    first: int = 0

    @property
    def length(self) -> int:
        return self.first + len(self.features)


@dataclass(frozen=True)
class ToyHeads(Drafter[_Memory, _State]):
    """Head i guesses the token i places behind the root from the states of the last two rows: its `top` best, below the best path.

    Guarantee: exact under verifiers that take fixed candidates. Needs: post-norm states. Cost: a small product and the output head, once
    for all requests of the batch. State: the states of the whole text, so that a text that was cut back goes on with its own.
    """

    num_heads: int = 2
    top: int = 2
    seed: int = 0

    @property
    def needs(self) -> Needs:
        return Needs(hidden=(POST_NORM,))

    def remember(self, model: Model) -> _Memory:
        weights = torch.randn(self.num_heads, model.width, 2 * model.width, generator=torch.Generator().manual_seed(self.seed))
        return _Memory(model, weights / model.width**0.5)

    def begin(self, memory: _Memory, text: Sequence[int], cached: int = 0) -> _State:
        return _State(memory, torch.empty(0, memory.model.width), cached)

    def rewind(self, memory: _Memory, state: _State, text: Sequence[int]) -> _State:
        return _State(memory, state.features[: len(text) - 1 - state.first], state.first)

    @one_thread()
    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = [Tree() for _ in asks]
        able = [i for i, ask in enumerate(asks) if len(ask.state.features) > 1 and ask.state.length == len(ask.tokens) - 1]
        if able:
            memory: _Memory = asks[0].state.memory
            last = torch.stack([asks[i].state.features[-2:].flatten() for i in able])
            states = last[:, memory.model.width :] + torch.einsum("hwv,nv->nhw", memory.weights, last).transpose(0, 1).tanh()
            logits = memory.model.head(states.flatten(0, 1)).view(self.num_heads, len(able), -1)
            best = logits.topk(min(self.top, logits.shape[-1])).indices.tolist()
            for place, i in enumerate(able):
                self._grow(trees[i], asks[i], [level[place] for level in best])
        return trees

    def _grow(self, tree: Tree, ask: Ask, levels: list[list[int]]) -> None:
        parent = ROOT
        for tokens in levels[: ask.depth]:
            nodes = [tree.add(token, parent, source=self.name) for token in tokens[: ask.num_nodes - len(tree)]]
            if not nodes:
                break
            parent = nodes[0]

    def observe(self, states: Sequence[_State], seens: Sequence[Seen]) -> list[Any]:
        for state, seen in zip(states, seens, strict=True):
            lag = len(seen.fed) - len(seen.tree)
            kept = seen.hidden[POST_NORM][[*range(lag), *(lag + node for node in seen.path)]]
            state.features = torch.cat([state.features, kept])
        return [None] * len(states)
