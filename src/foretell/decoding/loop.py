"""The one loop. Plain decoding is this loop with the drafter that proposes nothing.

Each step: the pace says how much, the drafter proposes trees, one forward pass computes the rows of all requests, the sampler
turns rows into distributions node by node, the verifier decides, the cache keeps the accepted path, everyone observes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from foretell.decoding.constrained import ConstrainedSampler, pruned, step_back
from foretell.decoding.constraint import ConstraintState
from foretell.decoding.distribution import Distribution
from foretell.decoding.drafter import Ask, Queries, Seen
from foretell.decoding.pacing.cost_curve import CostCurve
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request, write
from foretell.decoding.trace import Clock, Step, Trace
from foretell.decoding.tree import ROOT, Tree
from foretell.errors import UserError
from foretell.models.base import Cache, Feed, Model, Rows
from foretell.models.vocabulary import Vocabulary
from foretell.parts import Guarantee, weakest

#: Longest piece of a prompt fed in one step; longer prompts take several.
PREFILL_CHUNK = 256
_NO_CURVE = CostCurve.flat()
_NOTHING: tuple[None, Queries] = (None, Queries())


@dataclass
class Session:
    """A model with a recipe, and the memory its drafter and pace keep across requests."""

    model: Model
    recipe: Recipe
    curve: CostCurve | None = None
    draft_memory: Any = field(init=False)
    pace_memory: Any = field(init=False)

    def __post_init__(self) -> None:
        if self.curve is None:
            from foretell.decoding.pacing.cost_curve import curve_of

            needs = self.recipe.pace.needs_curve and not self.recipe.drafter.is_plain
            self.curve = curve_of(self.model) if needs else _NO_CURVE
        self.draft_memory = self.recipe.drafter.remember(self.model)
        self.pace_memory = self.recipe.pace.remember(self.recipe.drafter.num_members)

    @property
    def guarantee(self) -> Guarantee:
        """What is promised about the text: the weaker of the verifier's distribution and the model's own."""
        return weakest(self.recipe.verifier.guarantee, self.model.guarantee)

    def run(self, requests: Iterable[Request], max_batch: int = 16) -> Iterator[Request]:
        """Decode `requests`, at most `max_batch` at a time; yields a request each time its text grew or it ended.

        A request is finished when `finish_reason` is set: "stop" (stop token or string, or a constraint that is fulfilled and allows
        nothing more), "length" (max_new_tokens), "context" (the model's longest text) or "dead-end" (a constraint that is not
        fulfilled allows nothing). Leaving the iterator early is safe: what was generated is in the requests.
        """
        if max_batch < 1:
            raise UserError(f"max_batch={max_batch!r} must be at least 1")
        waiting: deque[Request] = deque(requests)
        active: list[Request] = []
        while waiting or active:
            while waiting and len(active) < max_batch:
                active.append(self._begin(waiting.popleft()))
            yield from self._step(active)
            for request in active:
                if request.finish_reason == "dead-end" and step_back(request, Vocabulary.of(self.model, request.stop_tokens)):
                    self._refit(request)
                if request.finish_reason:
                    if request.state is not None:
                        request.state.end_request()
                    request.cache = request.draft_state = request.pace_state = None  # `state` stays: it says where the text ended
            active = [request for request in active if not request.finish_reason]

    def _begin(self, request: Request) -> Request:
        if len(request.prompt) >= self.model.max_length:
            raise UserError(
                f"prompt has {len(request.prompt)} tokens, but the model was made for {self.model.max_length}; shorten the prompt"
            )
        request.cache = self.model.new_cache()
        request.cache.prompt_length = len(request.prompt)
        if request.constraint is not None:
            state = request.constraint.start(Vocabulary.of(self.model, request.stop_tokens), request.tokens)
            most = min(request.max_new_tokens, self.model.max_length - len(request.prompt))
            request.state = state.for_request(request.sampler, most)
        self._refit(request)
        request.trace = Trace(len(request.prompt), str(self.recipe), self.guarantee.kind)
        return request

    def _refit(self, request: Request) -> None:
        """Cache and states for the text as it is: the prompt, or one that tokens were taken back from."""
        cache = _cache(request)
        cache.truncate(min(cache.length, len(request.tokens) - 1))
        request.draft_state = self.recipe.drafter.begin(self.draft_memory, request.tokens)
        request.pace_state = self.recipe.pace.begin(self.pace_memory, alone=self.recipe.drafter.draws_drafts and not request.sampler.greedy)

    def _step(self, active: list[Request]) -> list[Request]:
        clock = Clock()
        # 1. Draft, for requests whose text is in the cache but for a piece that fits one step.
        ready = [request for request in active if _lag(request) <= PREFILL_CHUNK]
        drafts = dict(zip(map(id, ready), self._draft(ready), strict=True))
        clock.stop("draft")
        # 2. One forward pass over everybody's rows.
        feeds, fed = [], []
        every_row = self.recipe.drafter.wants_prompt_rows
        for request in active:
            cache, (tree, queries) = _cache(request), drafts.get(id(request), _NOTHING)
            text = request.tokens[cache.length :][:PREFILL_CHUNK]
            last = len(text) - 1
            if tree is None:
                feeds.append(Feed(cache, text, num_logits=None if every_row else 0))
                fed.append(text)
                continue
            hanging = [*tree.parents, *queries.parents]
            parents = [*range(-1, last), *(last if parent == ROOT else parent + last + 1 for parent in hanging)]
            num_logits = None if every_row else 1 + len(hanging)
            feeds.append(Feed(cache, [*text, *tree.tokens, *queries.tokens], parents, num_logits=num_logits))
            fed.append(text + tree.tokens)
        clock.stop("other")
        outputs = self.model.forward(feeds, hidden=self.recipe.drafter.wants_hidden)
        clock.stop("forward")
        # 3. Decide, keep, and let everyone observe.
        grown = []
        for request, feed_tokens, rows in zip(active, fed, outputs, strict=True):
            tree, queries = drafts.get(id(request), _NOTHING)
            if tree is None:
                _cache(request).keep(range(len(feed_tokens)))
                seen = Seen(feed_tokens, rows.logits, Tree(), [], [], rows.hidden)
                step = Step(len(feed_tokens), [], [], [], [], [], [], [], {}, work=list(rows.work))
            else:
                seen, step = self._decide(request, tree, queries, feed_tokens, rows, clock)
                grown.append(request)
            clock.stop("decide")
            measured = self.recipe.drafter.observe(request.draft_state, seen)
            if measured is not None:
                self.recipe.pace.learn(request.pace_state, measured)
            clock.stop("draft")
            request.trace.steps.append(step)
        clock.stop("other")
        for request in active:
            request.trace.steps[-1].seconds = clock.share(len(active))
        return grown

    def _draft(self, ready: list[Request]) -> list[tuple[Tree, Queries]]:
        drafter, pace, curve = self.recipe.drafter, self.recipe.pace, self.curve
        assert curve is not None

        def draft_cost(depth: int, member: int | None = None) -> float:
            memory = self.draft_memory
            return drafter.draft_cost(memory, depth) if member is None else drafter.member_cost(memory, member, depth)

        trees = [Tree() for _ in ready]
        if drafter.is_plain:
            return [(tree, Queries()) for tree in trees]
        asks: dict[int, Ask] = {}
        for i, request in enumerate(ready):
            limit = pace.limit(request.pace_state, curve, draft_cost)
            # The last token of the step is the target's own, and the tree must fit the model's longest text.
            room = min(request.max_new_tokens - request.num_generated, self.model.max_length - len(request.tokens)) - 1
            depth = min(limit.depth, room)
            if limit.num_nodes > 0 and depth > 0:
                asks[i] = Ask(
                    request.tokens,
                    len(request.prompt),
                    request.draft_state,
                    limit.num_nodes,
                    depth,
                    request.sampler
                    if request.state is None
                    else ConstrainedSampler.of(request.sampler, request.state, len(request.tokens)),
                    request.draws,
                    _cache(request),
                    pace.setting(request.pace_state),
                    request.state,
                )
        for i, tree in zip(asks, drafter.propose(list(asks.values())), strict=True):
            state = ready[i].state
            trees[i] = tree if state is None else pruned(tree, state)
        if asks:
            trees = pace.trim([request.pace_state for request in ready], trees, curve)
        return [(tree, self._queries(ready[i], tree) if i in asks else Queries()) for i, tree in enumerate(trees)]

    def _queries(self, request: Request, tree: Tree) -> Queries:
        """What the drafter asks beside the tree; nothing where that reaches beyond the model's longest text."""
        queries = self.recipe.drafter.queries(request.draft_state, tree)
        if len(queries):
            depths = tree.depths()
            for parent in queries.parents:
                depths.append(1 if parent == ROOT else depths[parent] + 1)
            if len(request.tokens) + max(depths) > self.model.max_length:
                return Queries()
        return queries

    def _decide(self, request: Request, tree: Tree, queries: Queries, fed: list[int], rows: Rows, clock: Clock) -> tuple[Seen, Step]:
        logits = rows.logits[: len(rows.logits) - len(queries)]
        first = len(logits) - len(tree)  # the row of node 0; the root's row is the one before
        start = len(request.tokens)
        margins: dict[int, float] = {}
        states: dict[int, ConstraintState | None] = {ROOT: request.state}

        def target(node: int) -> Distribution:
            history = request.tokens + [tree.tokens[up] for up in tree.path(node)] if node != ROOT else request.tokens
            if node != ROOT:  # nodes are visited from the root down
                before = states[tree.parents[node]]
                states[node] = None if before is None else before.advance(tree.tokens[node])
            state, row = states[node], logits[first + node]
            if state is None:
                distribution = request.sampler.distribution(row, history, len(request.prompt))
            else:
                clock.stop("decide")
                state.prepare(request.sampler)
                clock.stop("mask")
                distribution = state.target_distribution(request.sampler, row, history, len(request.prompt))
            margins[node] = distribution.margin
            return distribution

        decision = self.recipe.verifier.decide(tree, target, request.draws, start)
        lag = len(fed) - len(tree)
        _cache(request).keep([*range(lag), *(lag + node for node in decision.path)])
        if not self.recipe.drafter.is_plain:
            self.recipe.pace.observe(request.pace_state, tree, decision.path)
        added = [*(tree.tokens[node] for node in decision.path), decision.token]
        sources = [*(tree.sources[node] for node in decision.path), ""]
        visited = [ROOT, *decision.path]
        num = write(request, added, [logits[first + node] for node in visited], self.model.max_length)
        ties = [place for place, node in enumerate(visited[:num]) if margins.get(node, math.inf) < self.model.tolerance]
        speakers = [rows.speakers[first + node] for node in visited[:num]] if rows.speakers else []
        step = Step(
            len(fed) + len(queries), tree.tokens, tree.parents, tree.sources, decision.path, added[:num], sources[:num], ties, {}, speakers,
            list(rows.work),
        )  # fmt: skip
        hidden = {key: states[: len(fed)] for key, states in rows.hidden.items()}
        asked = {key: states[len(fed) :] for key, states in rows.hidden.items()}
        return Seen(fed, logits, tree, decision.path, added[:num], hidden, rows.logits[len(logits) :], asked), step


def _cache(request: Request) -> Cache:
    assert request.cache is not None  # `_begin` gave it one
    return request.cache


def _lag(request: Request) -> int:
    return len(request.tokens) - _cache(request).length
