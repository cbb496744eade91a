"""Small things that many tests here need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.decoding.tree import Tree
from foretell.models.base import Feed, Model

GREEDY = Sampler(greedy=True)


def ask(tokens: Sequence[int], state=None, num_nodes: int = 80, depth: int = 80, prompt_length: int = 1) -> Ask:
    """A greedy request's question to a drafter."""
    return Ask(list(tokens), prompt_length, state, num_nodes, depth, GREEDY, SampledDraws(0))


def run(model: Model, recipe: Recipe | Drafter, requests: list[Request], max_batch: int = 16, curve: CostCurve | None = None):
    """The requests, run to their end; a drafter alone goes at a fixed pace."""
    recipe = recipe if isinstance(recipe, Recipe) else Recipe(recipe, pace=Fixed(80))
    for _ in Session(model, recipe, curve or CostCurve.flat()).run(requests, max_batch):
        pass
    return requests


def greedy_text(model: Model, prompt: Sequence[int], length: int) -> list[int]:
    """What plain greedy decoding writes, straight from the rows."""
    text = list(prompt)
    for _ in range(length):
        text.append(int(model.forward([Feed(model.new_cache(), text, num_logits=1)])[0].logits[-1].argmax()))
    return text[len(prompt) :]


@dataclass(frozen=True)
class Scripted(Drafter):
    """Proposes what `script(text)` says: a tree, or tokens for a chain."""

    script: Callable[[list[int]], Tree | Sequence[int]]

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = []
        for each in asks:
            answer = self.script(each.tokens)
            tree = answer if isinstance(answer, Tree) else Tree.chain(answer, "scripted")
            trees.append(tree.clip(each.num_nodes, each.depth))
        return trees
