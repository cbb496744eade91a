"""Self-speculation: the target's own first layers draft a chain, which all of its layers then verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from foretell.decoding.draft_order import ConfidenceStop, ExitLayer
from foretell.decoding.drafter import DRAFT_STREAM, Ask, Drafter, Seen, Traits
from foretell.decoding.drafting.exits import Shadow, confidence, measure_exits
from foretell.decoding.tree import Kind, Tree
from foretell.models.base import Cache, Feed, Model
from foretell.parts import Needs, require

#: Longest piece of unread text that a draft begins with: longer ones (a prompt) are read by the target's own step first.
MOST_UNREAD = 16
#: While nothing is drafted, exits are measured every so many steps at most: reading them out costs a head a layer.
_MOST_IDLE = 32


@dataclass
class _State:
    """idle: steps in a row without a draft; wait: steps until the exits are measured again."""

    model: Model
    idle: int = 0
    wait: int = 0


@dataclass(frozen=True)
class EarlyExit(Drafter[Model, _State]):
    """Leave the target after `layer`, read that state through its final norm and head, and go on with the token it says.

    layer: the exit, from 1 to the target's depth - 1. num_tokens: longest chain. threshold: the chain ends with the first token
    where the exit's best one has a probability below (that pass is paid, so its token is verified too). candidates: exits
    whose guesses are compared with the target's own at every accepted position ("shadow tokens"), for a pace that chooses
    among them (`dynamic-exit-layer`); layer and threshold are then its choice. A greedy sampler gets the exit's arg-max
    tokens (fixed); others get tokens drawn from the exit's distribution (sampled), warped by the request's sampler.

    Guarantee: exact under a verifier that takes fixed and sampled nodes. Needs: a target whose layers are accessible; exits that
    say something, which ordinary models' do not: networks are trained for it (`foretell.training.exit_loss`), others decode
    as plain under the never-slower pace. Cost: one row through `layer` layers and the head for each token, measured once per
    exit and machine and kept; with candidates also their states of every row, and one pass of the head over candidates x accepted
    rows, which steps without drafts do less and less often (1, 2, 4, ... 32 steps apart). State: how long nothing was drafted;
    keys and values of the drafts live in a fork of the target's cache for the length of a proposal (`Ask.cache`), so there is
    nothing to roll back. Shapes: rows of logits (vocab_size,).

    Elhoushi et al., "LayerSkip: Enabling Early Exit Inference and Self-Speculative Decoding", section 4.3; shadow tokens:
    Zarch et al., "DEL: Context-Aware Dynamic Exit Layer for Efficient Self-Speculative Decoding", section 3. Departures: the
    papers verify from `layer` on; here the verifying step runs the first layers again for the drafted rows, which costs little
    because a step over several rows takes about the time of one. The prompt's last 32 positions are not measured. A drawn
    chain ends by the probability of the best token, not of the drawn one: whether a node is there must not depend on its token.
    Errors: ValueError for a layer outside the target's, for num_tokens below 1, for a target without accessible layers.

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.sampler import Sampler
    >>> from foretell.models.tiny import TinyModel
    >>> model, drafter = TinyModel(vocab_size=8, num_layers=4), EarlyExit(layer=3, num_tokens=3)
    >>> state = drafter.begin(drafter.remember(model), [1, 2])
    >>> ask = Ask([1, 2], 2, state, 8, 8, Sampler(greedy=True), SampledDraws(0), model.new_cache())
    >>> [len(tree) for tree in drafter.propose([ask])]
    [3]
    """

    papers = ("layerskip", "del")

    layer: int
    num_tokens: int = 4
    threshold: float = 0.0
    candidates: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require(isinstance(self.layer, int) and self.layer >= 1, self, "layer", self.layer, "must be a layer, 1 or above")
        good = isinstance(self.num_tokens, int) and self.num_tokens >= 1
        require(good, self, "num_tokens", self.num_tokens, "must be at least 1")
        require(0 <= self.threshold <= 1, self, "threshold", self.threshold, "must be a probability")
        object.__setattr__(self, "candidates", tuple(self.candidates))
        good = all(isinstance(layer, int) and layer >= 1 for layer in self.candidates) and len(set(self.candidates)) == len(self.candidates)
        require(good, self, "candidates", self.candidates, "must be different layers, 1 or above")

    @classmethod
    def examples(cls) -> list[EarlyExit]:
        return [cls(layer=1, num_tokens=2), cls(layer=1, num_tokens=2, threshold=0.6, candidates=(1,))]

    @property
    def traits(self) -> Traits:
        return Traits(samples=True)  # for requests that sample

    @property
    def needs(self) -> Needs:
        return Needs(hidden=self.candidates)

    def remember(self, model: Model) -> Model:
        last = model.num_layers - 1
        for name, layer in (("layer", self.layer), *(("candidates", layer) for layer in self.candidates)):
            require(layer <= last, self, name, getattr(self, name), f"must be at most {last}: the target has {model.num_layers} layers")
        model.forward([Feed(model.new_cache(), [0])], stop=self.layer)  # says now, not in the middle, where layers are out of reach
        return model

    def begin(self, memory: Model, text: Sequence[int], cached: int = 0) -> _State:
        return _State(memory)

    def draft_cost(self, memory: Model, depth: int) -> float:
        from foretell.decoding.pacing.measured_curve import curve_of

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
            busy = [i for i in unseen if min(asks[i].depth, asks[i].num_nodes) > level]
            for layer in sorted({self._layer(asks[i]) for i in busy}):  # requests that leave at one layer share a pass
                together = [i for i in busy if self._layer(asks[i]) == layer]
                feeds = [Feed(forks[i], unseen[i], num_logits=1) for i in together]
                outputs = asks[together[0]].state.model.forward(feeds, stop=layer)
                for i, rows in zip(together, outputs, strict=True):
                    self._grow(asks[i], trees[i], rows.logits[-1])
                    if self._is_sure(asks[i], rows.logits[-1]):
                        unseen[i] = trees[i].tokens[-1:]
                    else:
                        del unseen[i]
        return trees

    def _layer(self, ask: Ask) -> int:
        chosen = ask.choice(ExitLayer)
        return self.layer if chosen is None else chosen.layer

    def _is_sure(self, ask: Ask, logits: Tensor) -> bool:
        """Whether to draft on after the token that the exit says."""
        chosen = ask.choice(ConfidenceStop)
        threshold = self.threshold if chosen is None else chosen.threshold
        return threshold == 0 or confidence(logits[None])[0] >= threshold

    def _grow(self, ask: Ask, tree: Tree, logits: Tensor) -> None:
        """Add the exit's token to the chain."""
        level = len(tree)
        distribution = ask.sampler.distribution(logits, ask.tokens + tree.tokens, ask.prompt_length)
        if ask.sampler.greedy:
            tree.add(int(distribution.ids[distribution.probs.argmax()]), level - 1, source=self.name)
        else:
            token = distribution.draw(ask.draws.at(len(ask.tokens) + level, DRAFT_STREAM))
            tree.add(token, level - 1, Kind.SAMPLED, distribution, self.name)

    def observe_request(self, state: _State, seen: Seen) -> Shadow | None:
        if not self.candidates or not seen.tokens:  # a piece of the prompt
            return None
        if len(seen.tree):
            state.idle = state.wait = 0
        elif state.wait > 0:
            state.wait -= 1
            return None
        else:
            state.idle = min(2 * state.idle + 1, _MOST_IDLE)
            state.wait = state.idle - 1
        return measure_exits(state.model, self.candidates, seen)
