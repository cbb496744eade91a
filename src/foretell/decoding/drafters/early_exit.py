"""Self-speculation: the target's own first layers draft a chain, which all of its layers then verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.drafters.base import DRAFT_STREAM, Ask, Drafter
from foretell.decoding.tree import Kind, Tree
from foretell.models.base import Cache, Feed, Model
from foretell.parts import require

#: Longest piece of unread text that a draft begins with: longer ones (a prompt) are read by the target's own step first.
MOST_UNREAD = 16


@dataclass(frozen=True)
class EarlyExit(Drafter):
    """Leave the target after `layer`, read that state through its final norm and head, and go on with the token it says.

    layer: the exit, from 1 to the target's depth - 1. num_tokens: longest chain. A greedy sampler gets the exit's arg-max
    tokens (fixed); others get tokens drawn from the exit's law (sampled), warped by the request's sampler.

    Law: exact under a verifier that takes fixed and sampled nodes. Needs: a target whose layers are accessible; exits that
    say something, which ordinary models' do not: networks are trained for it (`foretell.training.exit_loss`), others decode
    as plain under the never-slower pace. Cost: one row through `layer` layers and the head for each token, measured once per
    exit and machine and kept. State: none; keys and values of the drafts live in a fork of the target's cache for the length
    of a proposal (`Ask.cache`), so there is nothing to roll back. Shapes: rows of logits (vocab_size,).

    Elhoushi et al., "LayerSkip: Enabling Early Exit Inference and Self-Speculative Decoding", section 4.3; the fixed exit that
    Zarch et al., "DEL: Context-Aware Dynamic Exit Layer for Efficient Self-Speculative Decoding" is compared with. Departure:
    the papers verify from `layer` on; here the verifying step runs the first layers again for the drafted rows, which costs
    little because a step over several rows takes about the time of one.
    Errors: ValueError for a layer outside the target's, for num_tokens below 1, for a target without accessible layers.

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.samplers.base import Sampler
    >>> from foretell.models.tiny import TinyModel
    >>> model, drafter = TinyModel(vocab_size=8, num_layers=4), EarlyExit(layer=3, num_tokens=3)
    >>> state = drafter.begin(drafter.remember(model), [1, 2])
    >>> ask = Ask([1, 2], 2, state, 8, 8, Sampler(greedy=True), SampledDraws(0), model.new_cache())
    >>> [len(tree) for tree in drafter.propose([ask])]
    [3]
    """

    layer: int
    num_tokens: int = 4

    def __post_init__(self) -> None:
        require(isinstance(self.layer, int) and self.layer >= 1, self, "layer", self.layer, "must be a layer, 1 or above")
        good = isinstance(self.num_tokens, int) and self.num_tokens >= 1
        require(good, self, "num_tokens", self.num_tokens, "must be at least 1")

    @classmethod
    def examples(cls) -> list[EarlyExit]:  # type: ignore[override]
        return [cls(layer=1, num_tokens=2)]

    @property
    def draws_drafts(self) -> bool:
        return True  # of requests that sample

    def remember(self, model: Model) -> Model:
        last = model.num_layers - 1
        require(self.layer <= last, self, "layer", self.layer, f"must be at most {last}: the target has {model.num_layers} layers")
        model.forward([Feed(model.new_cache(), [0])], stop=self.layer)  # says now, not in the middle, where layers are out of reach
        return model

    def draft_cost(self, memory: Any, depth: int) -> float:
        from foretell.decoding.stored_curve import curve_of

        return min(depth, self.num_tokens) * curve_of(memory, stop=self.layer)(1)

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = [Tree() for _ in asks]
        # By number of the ask: a cache to draft in, and the tokens it has not seen.
        forks: dict[int, Cache] = {}
        unseen: dict[int, list[int]] = {}
        for i, ask in enumerate(asks):
            if ask.cache is None:
                raise ValueError(f"{self.name}: the ask holds no cache of the target; give one (Ask.cache), as the loop does")
            text = ask.tokens[ask.cache.length :]
            if len(text) <= MOST_UNREAD:
                forks[i], unseen[i] = ask.cache.fork(), text
        for level in range(self.num_tokens):
            busy = [i for i in forks if min(asks[i].depth, asks[i].num_nodes) > level]
            if not busy:
                break
            feeds = [Feed(forks[i], unseen[i], num_logits=1) for i in busy]
            for i, rows in zip(busy, asks[busy[0]].state.forward(feeds, stop=self.layer), strict=True):
                ask, tree = asks[i], trees[i]
                law = ask.sampler.distribution(rows.logits[-1], ask.tokens + tree.tokens, ask.prompt_length)
                if ask.sampler.greedy:
                    tree.add(int(law.ids[law.probs.argmax()]), level - 1, source=self.name)
                else:
                    token = law.draw(ask.draws.at(len(ask.tokens) + level, DRAFT_STREAM))
                    tree.add(token, level - 1, Kind.SAMPLED, law, self.name)
                unseen[i] = tree.tokens[-1:]
        return trees
