"""A second, smaller model drafts: chains and trees, sampled or fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from foretell.decoding.distribution import Distribution
from foretell.decoding.drafters.base import DRAFT_STREAM, Ask, Drafter, Seen
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.models.base import Cache, Feed, Model
from foretell.models.vocabulary import check_same_vocabulary
from foretell.parts import require

SIBLINGS = ("sampled", "without-replacement", "top-k")


@dataclass
class _State:
    """cache: the draft model's own, which lags behind the text and catches up when asked. tree: our last proposal; rows: the
    pending row of each of its nodes that was fed. num_lag: rows of text fed before them (0: nothing is pending)."""

    model: Model
    cache: Cache
    tree: Tree = field(default_factory=Tree)
    num_lag: int = 0
    rows: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DraftModel(Drafter):
    """Any model with the same vocabulary proposes a tree, level by level.

    model: a loaded `Model`, or an id or path for `foretell.load`. branching: children of every node, by depth; (1, 1, 1, 1)
    is the classic chain of four. siblings: "sampled" (independent draws; speculative sampling
    and SpecInfer), "without-replacement" (distinct draws; RSD-C) or "top-k" (the most probable, fixed). With a greedy sampler
    the draft's law is one token, so sampled siblings are one; use "top-k" for greedy trees. Where fewer tokens have
    probability than siblings were asked for, fewer are drawn.

    Law: exact under the verifier of the siblings' kind. Needs: the same vocabulary as the target; its rows are warped by the
    target's sampler with each node's own history. Cost: one draft step a level, over all requests of the batch together.
    State: the draft model's cache, which lags and catches up.

    Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", section 2; Miao et al., "SpecInfer",
    section 3; Jeon et al., "Recursive Speculative Decoding", section 4.1 (RSD-C).
    Errors: ValueError for another vocabulary (names the first differing token), empty branching, branches below 1.

    >>> from foretell.models.tiny import TinyModel
    >>> DraftModel(TinyModel(seed=1), branching=(2, 1)).branching
    (2, 1)
    """

    model: Model | str
    branching: tuple[int, ...] = (1, 1, 1, 1)
    siblings: str = "sampled"

    def __post_init__(self) -> None:
        object.__setattr__(self, "branching", tuple(self.branching))
        good = bool(self.branching) and all(isinstance(b, int) and b >= 1 for b in self.branching)
        require(good, self, "branching", self.branching, "must name at least one level, each with at least 1 child")
        require(self.siblings in SIBLINGS, self, "siblings", self.siblings, f"must be one of {', '.join(SIBLINGS)}")

    @classmethod
    def examples(cls) -> list[DraftModel]:  # type: ignore[override]
        from foretell.models.tiny import TinyModel

        draft = TinyModel(vocab_size=3, order=1, seed=7)  # the law kit's vocabulary
        shapes = (((1, 1), "sampled"), ((2, 1), "sampled"), ((2, 1), "without-replacement"), ((1, 2), "without-replacement"))
        return [*(cls(draft, branching, siblings) for branching, siblings in shapes), cls(draft, (2, 1), "top-k")]

    @property
    def draws_drafts(self) -> bool:
        return self.siblings != "top-k"

    def remember(self, model: Model) -> Model:
        draft = self.model
        if isinstance(draft, str):
            from foretell.models.load import load

            draft = load(draft)
        check_same_vocabulary(model, draft)
        return draft

    def begin(self, memory: Any, tokens: Sequence[int]) -> _State:
        return _State(memory, memory.new_cache())

    def draft_cost(self, memory: Any, depth: int) -> float:
        from foretell.decoding.stored_curve import curve_of

        curve = curve_of(memory)  # a stored one: a curve measured anew would change what a seed draws
        cost, width = 0.0, 1
        for branch in self.branching[:depth]:
            cost += curve(width)
            width *= branch
        return cost

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        everyone = asks
        asks = [ask for ask in asks if len(ask.tokens) + len(self.branching) <= ask.state.model.max_length]
        if not asks:
            return [Tree() for _ in everyone]
        # The text the cache has not seen yet, whose last row gives the law after the root.
        feeds = []
        for ask in asks:
            lag = ask.tokens[ask.state.cache.length :]
            ask.state.tree, ask.state.num_lag, ask.state.rows = Tree(), len(lag), {}
            feeds.append(Feed(ask.state.cache, lag, num_logits=1))
        model = asks[0].state.model
        laws: list[dict[int, Distribution]] = [
            {ROOT: ask.sampler.distribution(rows.logits[-1], ask.tokens, ask.prompt_length)}
            for ask, rows in zip(asks, model.forward(feeds), strict=True)
        ]
        depth = min(len(self.branching), max(ask.depth for ask in asks))
        for level, branch in enumerate(self.branching[:depth]):
            grown = [self._grow(ask, law, branch, level) for ask, law in zip(asks, laws, strict=True)]
            if not any(grown) or level + 1 == depth:
                break
            laws = self._laws(model, asks, grown)
        trees = {id(ask): ask.state.tree for ask in asks}
        return [trees.get(id(ask), Tree()) for ask in everyone]

    def _grow(self, ask: Ask, laws: dict[int, Distribution], branch: int, level: int) -> list[int]:
        """Add children below each node that has a law; returns the new nodes."""
        new: list[int] = []
        tree = ask.state.tree
        if level >= ask.depth:
            return new
        for parent, q in laws.items():
            draws = ask.draws.at(len(ask.tokens) + level, DRAFT_STREAM + 1 + parent)
            left = q
            for _ in range(min(branch, ask.num_nodes - len(tree))):
                if self.siblings == "sampled":
                    new.append(tree.add(q.draw(draws), parent, Kind.SAMPLED, q, self.name))
                    if len(q.ids) == 1:  # a second draw could only repeat the first
                        break
                    continue
                if self.siblings == "top-k":
                    token, kind, mark = int(left.ids[left.probs.argmax()]), Kind.FIXED, None
                else:
                    token, kind, mark = left.draw(draws), Kind.WITHOUT_REPLACEMENT, q
                new.append(tree.add(token, parent, kind, mark, self.name))
                if len(left.ids) == 1:
                    break
                left = left.without(token)
        return new

    def _laws(self, model: Model, asks: Sequence[Ask], grown: list[list[int]]) -> list[dict[int, Distribution]]:
        """One draft step over the new nodes of all requests: the draft's law after each."""
        busy = [i for i, new in enumerate(grown) if new]
        feeds = []
        for i in busy:
            state, tree = asks[i].state, asks[i].state.tree
            first = len(state.cache.pending)
            state.rows.update({node: first + place for place, node in enumerate(grown[i])})
            up = [state.rows[tree.parents[node]] if tree.parents[node] != ROOT else state.num_lag - 1 for node in grown[i]]
            feeds.append(Feed(state.cache, [tree.tokens[node] for node in grown[i]], up))
        laws: list[dict[int, Distribution]] = [{} for _ in asks]
        for i, rows in zip(busy, model.forward(feeds), strict=True):
            ask, tree = asks[i], asks[i].state.tree
            for node, logits in zip(grown[i], rows.logits, strict=True):
                history = ask.tokens + [tree.tokens[up] for up in tree.path(node)]
                laws[i][node] = ask.sampler.distribution(logits, history, ask.prompt_length)
        return laws

    def observe(self, state: Any, seen: Seen) -> None:
        if state.num_lag == 0:
            return
        # The target's tree may be pruned or merged with others', so accepted tokens are looked up in our own by their text.
        nodes = {(state.tree.parents[node], state.tree.tokens[node]): node for node in state.rows}
        path, node = list(range(state.num_lag)), ROOT
        for token in seen.tokens[:-1]:  # the last token's row is asked for again: the next tree hangs on it
            if (node, token) not in nodes:
                break
            node = nodes[node, token]
            path.append(state.rows[node])
        state.cache.keep(path)
        state.num_lag, state.rows = 0, {}
