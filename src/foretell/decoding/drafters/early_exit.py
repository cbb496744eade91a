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

#: Longest unread text that a proposal reads itself; a longer one (a prompt) is first read by the target's step.
MOST_UNREAD = 16
#: Most steps between two measurements of the exits while nothing is drafted. A measurement costs one output head per layer.
_MOST_IDLE = 32


@dataclass
class _State:
    """idle: consecutive steps without a draft. wait: steps until the exits are measured again."""

    model: Model
    idle: int = 0
    wait: int = 0


@dataclass(frozen=True)
class EarlyExit(Drafter[Model, _State]):
    """Leaves the target after `layer`, applies its final norm and head to that state, and drafts the resulting token.

    layer: the exit, from 1 to the target's depth - 1. num_tokens: longest chain. threshold: the chain ends with the first token where the
    exit's best probability is below it; that token is verified too. candidates: exits whose tokens are compared with the target's at every
    accepted position ("shadow tokens"), for a pace that chooses among them (`dynamic-exit-layer`), which then also chooses layer and
    threshold. With a greedy sampler the drafted tokens are the exit's arg-max (fixed); otherwise they are drawn from the exit's
    distribution after the request's sampler (sampled).

    Guarantee: exact under a verifier that takes fixed and sampled nodes. Needs: a target whose layers are accessible, and trained exits
    (`foretell.training.exit_loss`); with ordinary models drafts are rarely accepted, and the never-slower pace drafts nothing. Cost: one
    row through `layer` layers and the head for each token, measured once per exit and machine; with candidates also their hidden states
    of every row, and one pass of the head over candidates x accepted rows, which steps without drafts do less and less often (1, 2, 4, ...
    32 steps apart). State: number of steps without a draft; the drafts' keys and values are in a fork of the target's cache that lasts for
    one proposal (`Ask.cache`), so nothing is rolled back. Shapes: rows of logits (vocab_size,).

    Elhoushi et al., "LayerSkip: Enabling Early Exit Inference and Self-Speculative Decoding", section 4.3; shadow tokens:
    Zarch et al., "DEL: Context-Aware Dynamic Exit Layer for Efficient Self-Speculative Decoding", section 3. Departures: the
    papers verify from `layer` on; here the verification step computes the first layers again for the drafted rows, which costs little
    because a step over several rows takes about the time of one. The prompt's last 32 positions are not measured. A sampled chain ends by
    the probability of the best token, not of the drawn one, because whether a node exists must not depend on its token.
    Errors: UserError for a layer outside the target's, for num_tokens below 1, for a target without accessible layers.

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
        model.forward([Feed(model.new_cache(), [0])], stop=self.layer)  # fails here, not while decoding, where layers are not accessible
        return model

    def begin(self, memory: Model, text: Sequence[int], cached: int = 0) -> _State:
        return _State(memory)

    def draft_cost(self, memory: Model, depth: int) -> float:
        from foretell.decoding.pacing.measured_curve import curve_of

        return min(depth, self.num_tokens) * curve_of(memory, stop=self.layer)(1)

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = [Tree() for _ in asks]
        # By index of the ask: a cache to draft in, and the tokens that it has not read.
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
            for layer in sorted({self._layer(asks[i]) for i in busy}):  # requests with the same exit share a pass
                together = [i for i in busy if self._layer(asks[i]) == layer]
                feeds = [Feed(forks[i], unseen[i], num_logits=1) for i in together]
                outputs = asks[together[0]].state.model.forward(feeds, stop=layer)
                for i, rows in zip(together, outputs, strict=True):
                    self._grow(asks[i], trees[i], rows.logits[-1])
                    if self._continues(asks[i], rows.logits[-1]):
                        unseen[i] = trees[i].tokens[-1:]
                    else:
                        del unseen[i]
        return trees

    def _layer(self, ask: Ask) -> int:
        chosen = ask.choice(ExitLayer)
        return self.layer if chosen is None else chosen.layer

    def _continues(self, ask: Ask, logits: Tensor) -> bool:
        """Whether to continue the chain after the token of this exit row."""
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
