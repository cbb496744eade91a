"""S2D: a nested draft model that each token leaves at the first exit with a confidence above a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from foretell.decoding.draft_order import ConfidenceStop
from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.drafting.exits import confidence, stage_seconds
from foretell.decoding.drafting.lagging_cache import LaggingCache, deepen, feed, read
from foretell.decoding.tree import Tree
from foretell.models.base import Model
from foretell.parts import require

#: Unread text longer than this (a prompt) goes through all layers at once.
_MOST_UNREAD = 16
#: Weight, in tokens, of the prior that an equal share of tokens leaves at each exit.
_PRIOR = 4.0
#: Thresholds that tuning tries, beside each exit alone.
_THRESHOLDS = (0.3, 0.5, 0.7, 0.9)


@dataclass
class _Memory:
    """taken: how many tokens left at each exit."""

    model: Model
    taken: list[float]


@dataclass
class _State:
    """rows: the draft's cache. fed: its tokens. known: number of leading tokens that were text, not drafts, when they were fed."""

    memory: _Memory
    rows: LaggingCache
    fed: list[int] = field(default_factory=list)
    known: int = 0


@dataclass(frozen=True)
class SortedDraft(Drafter[_Memory, _State]):
    """A small model with trained exits (sorted fine-tuning) drafts a chain. Each token runs to the first exit, and on to the next one where
    the best probability at the exit is at or below the exit's threshold.

    model: a loaded `Model`, or an id or path for `foretell.load`. exits: layers, ascending; the last one is the model's depth.
    thresholds: one per exit; the last exit always emits a token, so its threshold may be omitted and counts as 0. num_tokens: longest
    chain. One draft model serves every target with its vocabulary: one loaded model may be used by several sessions, each of which checks
    the vocabulary once. `foretell tune --recipe` finds the thresholds for a target by measured time.

    Guarantee: exact under a verifier that takes fixed nodes, also where the target samples; all nodes are arg-max tokens. Needs: the same
    vocabulary as the target; trained exits, because otherwise confidence is meaningless. Cost: the layers and heads passed, from
    measured curves and the shares of tokens that left at each exit so far. State: keys and values of all layers. Rows that left early
    keep their hidden state; when a later token goes deeper, they are completed with it in one call. Rejected tokens are removed by
    position. Grade: number of exits that a node passed. Shapes: states (width,), logits (vocab_size,).

    Kavehzadeh et al., "S2D: Sorted Speculative Decoding For More Efficient Deployment of Nested Large Language Models", section 3.
    Departures: the draft's length is the pace's; the tree variant is left out.
    Errors: UserError for exits that do not ascend or do not end with the depth, for a wrong number of thresholds, for another
    vocabulary. Texts longer than the draft's positions get no drafts.

    >>> from foretell.models.tiny import TinyModel
    >>> SortedDraft(TinyModel(num_layers=3), exits=(1, 3), thresholds=(0.5,)).thresholds
    (0.5, 0.0)
    """

    papers = ("s2d",)

    model: Model | str
    exits: tuple[int, ...]
    thresholds: tuple[float, ...] = ()
    num_tokens: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "exits", tuple(self.exits))
        rising = bool(self.exits) and self.exits[0] >= 1 and all(a < b for a, b in zip(self.exits, self.exits[1:]))
        require(rising, self, "exits", self.exits, "must be layers in ascending order, from 1")
        given = tuple(self.thresholds) or (0.5,) * (len(self.exits) - 1)
        good = len(given) in (len(self.exits) - 1, len(self.exits)) and all(0 <= threshold <= 1 for threshold in given)
        require(good, self, "thresholds", given, f"must be a probability for each of {len(self.exits)} exits; the last may be left out")
        object.__setattr__(self, "thresholds", (*map(float, given[: len(self.exits) - 1]), 0.0))
        good = isinstance(self.num_tokens, int) and self.num_tokens >= 1
        require(good, self, "num_tokens", self.num_tokens, "must be at least 1")

    @classmethod
    def examples(cls) -> list[SortedDraft]:
        from foretell.models.tiny import TinyModel

        return [cls(TinyModel(vocab_size=3, order=1, seed=7, num_layers=3), (1, 2, 3), (0.6, 0.5), 2)]

    def variants(self) -> list[Drafter]:
        """This drafter, copies with one threshold for all exits but the last, and copies that use a single exit for every token."""
        early = len(self.exits) - 1
        cascades = [(threshold,) * early for threshold in _THRESHOLDS] if early else []
        alone = [(1.0,) * layer + (0.0,) * (early - layer) for layer in range(len(self.exits))]
        return list(dict.fromkeys([self, *(self.replace(thresholds=thresholds) for thresholds in [*cascades, *alone])]))

    def remember(self, model: Model) -> _Memory:
        from foretell.models.load import load
        from foretell.models.vocabulary import fitted

        draft = fitted(model, load(self.model) if isinstance(self.model, str) else self.model)
        depth = draft.num_layers
        require(self.exits[-1] == depth, self, "exits", self.exits, f"must end with the draft's depth, {depth}")
        return _Memory(draft, [_PRIOR / len(self.exits)] * len(self.exits))

    def begin(self, memory: _Memory, text: Sequence[int], cached: int = 0) -> _State:
        return _State(memory, LaggingCache(memory.model, self.exits))

    def draft_cost(self, memory: _Memory, depth: int) -> float:
        total, deeper, cost = sum(memory.taken), sum(memory.taken), 0.0
        for taken, seconds in zip(memory.taken, stage_seconds(memory.model, self.exits), strict=True):
            cost += seconds * deeper / total
            deeper -= taken
        return min(depth, self.num_tokens) * cost

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = [Tree() for _ in asks]
        unseen: dict[int, list[int]] = {}
        for i, ask in enumerate(asks):
            depth = min(ask.depth, ask.num_nodes, self.num_tokens)
            if len(ask.tokens) + depth <= ask.state.memory.model.max_length:
                unseen[i] = _catch_up(ask.state, ask.tokens)
        for level in range(self.num_tokens):
            busy = [i for i in unseen if min(asks[i].depth, asks[i].num_nodes) > level]
            if not busy:
                break
            for i, (logits, passed, probability) in zip(busy, self._cascade([asks[i].state for i in busy], [unseen[i] for i in busy])):
                ask, tree = asks[i], trees[i]
                ask.state.fed += unseen[i]
                ask.state.memory.taken[passed - 1] += 1
                distribution = ask.sampler.distribution(logits, ask.tokens + tree.tokens, ask.prompt_length)
                tree.add(int(distribution.ids[distribution.probs.argmax()]), level - 1, source=self.name, grade=passed)
                unseen[i] = tree.tokens[-1:]
                stop = ask.choice(ConfidenceStop)
                if stop is not None and probability < stop.threshold:
                    del unseen[i]
        return trees

    def _cascade(self, states: Sequence[_State], tokens: Sequence[Sequence[int]]) -> list[tuple[Tensor, int, float]]:
        """Feed tokens, and run each text's last one as deep as needed. For each text: logits, number of exits passed, best probability."""
        results = [(logits, 1, confidence(logits[None])[0]) for logits in feed([state.rows for state in states], tokens)]
        for passed in range(1, len(self.exits)):
            deeper = [i for i, (_, at, best) in enumerate(results) if at == passed and best <= self.thresholds[passed - 1]]
            if deeper:
                for i, logits in zip(deeper, deepen([states[i].rows for i in deeper], passed), strict=True):
                    results[i] = logits, passed + 1, confidence(logits[None])[0]
        return results


def _catch_up(state: _State, tokens: list[int]) -> list[int]:
    """Remove drafted tokens that did not become text, read a long unread text, and return the tokens left to feed, at least one."""
    same = min(state.known, len(state.fed), len(tokens) - 1)
    while same < min(len(state.fed), len(tokens) - 1) and state.fed[same] == tokens[same]:
        same += 1
    state.rows.truncate(same)
    del state.fed[same:]
    if len(tokens) - same > _MOST_UNREAD:
        read(state.rows, tokens[same:-1])
        state.fed += tokens[same:-1]
    state.known = len(tokens)
    return tokens[len(state.fed) :]
