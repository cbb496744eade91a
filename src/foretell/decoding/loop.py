"""The decoding loop. Plain decoding is this loop with the drafter that proposes nothing.

In each step the pace limits the draft, the drafter proposes trees, one forward pass computes the rows of all requests, the sampler turns
rows into distributions, the verifier accepts a path, the cache keeps it, and drafter and pace observe the result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from torch import Tensor

from foretell.catalog.part_text import describe
from foretell.decoding.constrained import Backtracking, ConstrainedSampler, pruned
from foretell.decoding.constraint import ConstraintState
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.distribution import Distribution
from foretell.decoding.draft_order import DraftCosts
from foretell.decoding.drafter import Ask, Queries, Seen
from foretell.decoding.drafters.composite import members
from foretell.decoding.handling import handling_of
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.trace import ENDING, Clock, Step, Trace
from foretell.decoding.tree import ROOT, Tree
from foretell.decoding.verifier import Target
from foretell.errors import UserError
from foretell.models.base import Cache, Context, Feed, Model, Rows
from foretell.models.vocabulary import Vocabulary
from foretell.moved import moved
from foretell.parts import Guarantee, weakest

#: Most tokens of a prompt that one step feeds; longer prompts take several steps.
PREFILL_CHUNK = 256
#: Drafted tokens are thought to cost so much more than the measured curve says.
_CAUTION = 1.1

Item = TypeVar("Item")


@dataclass
class Running:
    """A request that is being decoded: its cache, and the states of the recipe's parts. alone: the pace decides as if it were the only
    one (`Pace.begin`). rests: the drafter does not observe this step. rested: nor those before, and must be told the text. rest:
    further steps for which the pace need not be asked."""

    request: Request
    cache: Cache
    draft_state: Any = None
    verify_state: Any = None
    pace_state: Any = None
    backtracking: Backtracking = field(default_factory=Backtracking)
    alone: bool = False
    rests: bool = False
    rested: bool = False
    rest: int = 0

    @property
    def lag(self) -> int:
        """Number of tokens of the text that are not in the cache."""
        return len(self.request.tokens) - self.cache.length


@dataclass
class _Draft:
    """What is fed after a request's text in this step."""

    tree: Tree = field(default_factory=Tree)
    queries: Queries = field(default_factory=Queries)


_NO_DRAFT = _Draft()


class Loop:
    """Decodes batches of requests with one model and one recipe. Holds the memories that the recipe's parts keep across requests.

    Call `begin` for a request, `step` until its `finish_reason` is set, then `end`. Not thread-safe: `Scheduler` adds queues and locks.
    curve: the model's cost curve; None takes the stored one, and measures it where a part needs it and none is stored.
    """

    def __init__(self, model: Model, recipe: Recipe, curve: CostCurve | None = None) -> None:
        self.model, self.recipe, self.needs = model, recipe, recipe.needs
        self.traits = recipe.drafter.traits
        caution = 1.0 if curve is not None else _CAUTION
        if curve is None:
            curve = curve_of(model) if self.needs.curve and self.traits.proposes else CostCurve.flat()
        self.draft_memory: Any = recipe.drafter.remember(model)
        self.verify_memory: Any = recipe.verifier.remember(model)
        ask, node = self._handling() if caution > 1 and self.needs.curve else (0.0, 0.0)
        self.costs = DraftCosts(
            curve,
            partial(recipe.drafter.draft_cost, self.draft_memory),
            tuple(partial(member.draft_cost, memory) for member, memory in members(recipe.drafter, self.draft_memory)),
            ask,
            node,
            caution=caution,
        )
        self.pace_memory: Any = recipe.pace.remember(self.costs)
        self._num_asked = 0  # requests of the step in which the pace was last asked

    def _handling(self) -> tuple[float, float]:
        """What a draft and each drafted token cost beside the forward pass, for drafters that declare no cost."""
        drafter = self.recipe.drafter
        if not self.traits.proposes or self.needs.hidden or drafter.draft_cost(self.draft_memory, 1) > 0:
            return 0.0, 0.0

        def loop(stand_in: Model, most: int | None) -> Loop:
            recipe = Recipe() if most is None else Recipe(drafter, self.recipe.verifier, NeverSlower(max_nodes=most))
            return Loop(stand_in, recipe, CostCurve.flat())

        return handling_of(self.model, describe(drafter), loop)

    @property
    def guarantee(self) -> Guarantee:
        """The guarantee for the text: the weaker one of the verifier's and the model's."""
        return weakest(self.recipe.verifier.guarantee, self.model.guarantee)

    def begin(self, request: Request) -> Running:
        """Prepare a request: its cache and the states of the parts.

        UserError where it cannot be served, because its prompt is too long or its constraint does not fit the model.
        """
        if len(request.prompt) >= self.model.max_length:
            raise UserError(
                f"prompt has {len(request.prompt)} tokens, but the model was made for {self.model.max_length}; shorten the prompt"
            )
        cache = self.model.new_cache(Context(len(request.prompt), request.memory))
        if request.constraint is not None:
            state = request.constraint.start(self._vocabulary(request), request.tokens)
            max_tokens = min(request.max_new_tokens, self.model.max_length - len(request.prompt))
            request.state = state.for_request(request.sampler, max_tokens)
        draft_state = self.recipe.drafter.begin(self.draft_memory, request.tokens)
        verify_state = self.recipe.verifier.begin(self.verify_memory, request.tokens)
        alone = self.traits.samples and not request.sampler.greedy
        running = Running(request, cache, draft_state, verify_state, self.recipe.pace.begin(self.pace_memory, alone=alone), alone=alone)
        request.trace = Trace(len(request.prompt), str(self.recipe), self.guarantee.kind)
        return running

    def _vocabulary(self, request: Request) -> Vocabulary:
        return Vocabulary.of(self.model, request.stop_tokens)

    def step_back(self, running: Running) -> bool:
        """Take back the last token of a request in a dead end; False where the request has to end."""
        request = running.request
        with _alone(request):
            self._resume(running)  # `rewind` is for drafters that have read the text
            if not running.backtracking.step_back(request, self._vocabulary(request)):
                return False
            running.cache.truncate(min(running.cache.length, len(request.tokens) - 1))
            running.draft_state = self.recipe.drafter.rewind(self.draft_memory, running.draft_state, request.tokens)
            running.verify_state = self.recipe.verifier.rewind(self.verify_memory, running.verify_state, request.tokens)
            running.pace_state = self.recipe.pace.begin(self.pace_memory, alone=running.alone)
        return not request.finish_reason

    def end(self, running: Running) -> None:
        """Release a request that has ended for any reason, also where a traceback still holds its cache."""
        running.cache.truncate(0)
        if running.request.state is not None:
            with _alone(running.request):
                running.request.state.end_request()

    def step(self, batch: Sequence[Running]) -> None:
        """One step of every request of the batch: it reads a piece of its prompt, or its text grows.

        An error of one request is not raised: its `finish_reason` becomes "error" and `error` holds the exception. Where a part fails in a
        call for the whole batch, the call is repeated for each request alone.
        """
        clock = Clock()
        # 1. Draft, for requests whose text that is not in the cache fits one step.
        drafts: dict[int, _Draft] = {}
        if self.traits.proposes:
            self._draft(batch, drafts)
        clock.stop("draft")
        # 2. One forward pass over the rows of all requests.
        batch = [running for running in batch if not running.request.finish_reason]
        feeds = [self._feed(running, drafts.get(id(running), _NO_DRAFT)) for running in batch]
        clock.stop("other")
        outputs = self._each(batch, feeds, lambda subset: self.model.forward(subset, hidden=self.needs.hidden))
        clock.stop("forward")
        # 3. Verify, keep the accepted path, and let drafter and pace observe.
        shown: list[tuple[Running, Seen]] = []
        for running, feed, rows in zip(batch, feeds, outputs, strict=True):
            if rows is not None:
                with _alone(running.request):
                    if not running.rests:  # before the text grows: the steps up to this one are those it missed
                        self._resume(running)
                    shown.append((running, self._decide(running, drafts.get(id(running), _NO_DRAFT), feed, rows, clock)))
        clock.stop("decide")
        self._observe(shown)
        clock.stop("draft")
        clock.stop("other")
        for running, _ in shown:
            running.request.trace.steps[-1].seconds = clock.share(len(batch))

    def _draft(self, batch: Sequence[Running], drafts: dict[int, _Draft]) -> None:
        """Call the drafter for the requests whose pace allows a draft, and write the trimmed trees into `drafts`."""
        pace, drafter, trees = self.recipe.pace, self.recipe.drafter, dict[int, Tree]()
        if self._all_rest(batch):
            return
        ready = [running for running in batch if running.lag <= PREFILL_CHUNK]
        others = PREFILL_CHUNK * (len(batch) - len(ready))
        costs = self._costs_of([running for running in ready if not running.alone], others)
        asks: list[tuple[Running, Ask]] = []
        for running in ready:
            with _alone(running.request):
                ask = self._ask(running, self._costs_of([running], 0) if running.alone else costs)
                if ask is not None:
                    asks.append((running, ask))
        if not asks:
            return
        asked = [running for running, _ in asks]
        for running, tree in zip(asked, self._each(asked, [ask for _, ask in asks], drafter.propose), strict=True):
            with _alone(running.request):
                state = running.request.state
                trees[id(running)] = tree if state is None or tree is None else pruned(tree, state)
        ready = [running for running in ready if not running.request.finish_reason]
        together = [running for running in ready if not running.alone]
        for group, num in [([running], 0) for running in ready if running.alone] + ([(together, others)] if together else []):
            with _alone(*(running.request for running in group)):
                proposed = [trees.get(id(running), Tree()) for running in group]
                kept = pace.trim([running.pace_state for running in group], proposed, self._costs_of(group, num))
                for running, tree in zip(group, kept, strict=True):
                    drafts[id(running)] = _Draft(tree, self._queries(running, tree) if id(running) in trees else Queries())

    def _all_rest(self, batch: Sequence[Running]) -> bool:
        """Whether the pace said before that all requests of this batch rest, so that it need not be asked."""
        if len(batch) != self._num_asked or any(running.rest < 1 for running in batch):
            self._num_asked = len(batch)
            return False
        for running in batch:
            running.rest -= 1
        return True

    def _costs_of(self, ready: Sequence[Running], others: int) -> DraftCosts:
        """The costs of a step over these requests and `others` rows of prompts."""
        texts = tuple((running.cache.length, running.lag) for running in ready)
        return dataclasses.replace(self.costs, texts=texts, others=others)

    def _ask(self, running: Running, costs: DraftCosts) -> Ask | None:
        """What to ask the drafter for; None where the pace allows no draft, or the text has no room for one."""
        request = running.request
        order = self.recipe.pace.limit(running.pace_state, costs)
        running.rests, running.rest = order.rest > 0 and self.traits.rests, order.rest - 1
        # The last token of a step comes from the target, and the tree must fit the model's longest text.
        room = min(request.max_new_tokens - request.num_generated, self.model.max_length - len(request.tokens)) - 1
        depth = min(order.depth, room)
        if order.num_nodes < 1 or depth < 1:
            return None
        self._resume(running)
        sampler = request.sampler
        if request.state is not None:
            sampler = ConstrainedSampler.of(sampler, request.state, len(request.tokens))
        return Ask(
            request.tokens, len(request.prompt), running.draft_state, order.num_nodes, depth, sampler, request.draws, running.cache,
            order.choices, request.state,
        )  # fmt: skip

    def _resume(self, running: Running) -> None:
        """Tell a drafter that rested what the text is now."""
        if running.rested:
            running.draft_state = self.recipe.drafter.resume(self.draft_memory, running.draft_state, running.request.tokens)
            running.rested = False

    def _queries(self, running: Running, tree: Tree) -> Queries:
        """The drafter's queries; none where they would exceed the model's longest text."""
        queries = self.recipe.drafter.queries(running.draft_state, tree)
        if len(queries):
            depths = tree.depths()
            for parent in queries.parents:
                depths.append(1 if parent == ROOT else depths[parent] + 1)
            if len(running.request.tokens) + max(depths) > self.model.max_length:
                return Queries()
        return queries

    def _feed(self, running: Running, draft: _Draft) -> Feed:
        """The text that is not in the cache, followed by the draft; of a longer text only a piece, without logits."""
        text = running.request.tokens[running.cache.length :]
        if len(text) > PREFILL_CHUNK:
            return Feed(running.cache, text[:PREFILL_CHUNK], num_logits=None if self.needs.prompt_rows else 0)
        if not (len(draft.tree) or len(draft.queries)):
            return Feed(running.cache, text, num_logits=None if self.needs.prompt_rows else 1)
        tree, queries, last = draft.tree, draft.queries, len(text) - 1
        below = [*tree.parents, *queries.parents]
        parents = [*range(-1, last), *(last if parent == ROOT else parent + last + 1 for parent in below)]
        num_logits = None if self.needs.prompt_rows else 1 + len(below)
        return Feed(running.cache, [*text, *tree.tokens, *queries.tokens], parents, num_logits=num_logits)

    def _decide(self, running: Running, draft: _Draft, feed: Feed, rows: Rows, clock: Clock) -> Seen:
        """Verify a request's rows: extend its text, keep the accepted rows in its cache, and add a step to its trace."""
        request, cache, tree, num_queries = running.request, running.cache, draft.tree, len(draft.queries)
        num_fed = len(feed.tokens) - num_queries
        fed, lag = list(feed.tokens[:num_fed]), num_fed - len(tree)
        if running.lag > lag:  # a piece of the prompt
            cache.keep(range(num_fed))
            request.trace.steps.append(Step(num_fed, [], [], [], [], [], [], [], {}, work=list(rows.work)))
            return Seen(fed, rows.logits, Tree(), [], [], rows.hidden)
        logits = rows.logits[: len(rows.logits) - num_queries]
        first = len(logits) - len(tree)  # the row of node 0; the root's row is the one before
        margins: dict[int, float] = {}
        target = Target(
            self._distributions(request, tree, lambda node: logits[first + node], margins, clock),
            lambda node: {key: states[lag + node] for key, states in rows.hidden.items()},
        )
        decision = self.recipe.verifier.decide(tree, target, request.draws, len(request.tokens), running.verify_state)
        cache.keep([*range(lag), *(lag + node for node in decision.path)])
        if self.traits.proposes:
            self.recipe.pace.observe(running.pace_state, tree, decision.path)
        added = [*(tree.tokens[node] for node in decision.path), decision.token]
        sources = [*(tree.sources[node] for node in decision.path), ""]
        visited = [ROOT, *decision.path]
        num = request.write(added, [logits[first + node] for node in visited], self.model.max_length)
        ending = request.tokens[len(request.tokens) - request.num_ending :]
        ties = [place for place, node in enumerate(visited[:num]) if margins.get(node, math.inf) < self.model.tolerance]
        speakers = [rows.speakers[first + node] for node in visited[:num]] if rows.speakers else []
        request.trace.steps.append(
            Step(
                len(feed.tokens), tree.tokens, tree.parents, tree.sources, decision.path, [*added[:num], *ending],
                [*sources[:num], *[ENDING] * len(ending)], ties, {}, speakers, list(rows.work),
            )
        )  # fmt: skip
        hidden = {key: states[:num_fed] for key, states in rows.hidden.items()}
        asked = {key: states[num_fed:] for key, states in rows.hidden.items()}
        return Seen(fed, logits, tree, decision.path, added[:num], hidden, rows.logits[len(logits) :], asked)

    def _distributions(
        self, request: Request, tree: Tree, row: Callable[[int], Tensor], margins: dict[int, float], clock: Clock
    ) -> Callable[[int], Distribution]:
        """The target's distribution at each node, as a function to be called from the root down. Writes each node's margin to `margins`."""
        states: dict[int, ConstraintState | None] = {ROOT: request.state}

        def distribution(node: int) -> Distribution:
            history = request.tokens + [tree.tokens[up] for up in tree.path(node)] if node != ROOT else request.tokens
            if node != ROOT and node not in states:
                before = states[tree.parents[node]]
                states[node] = None if before is None else before.advance(tree.tokens[node])
            state = states[node]
            if state is None:
                p = request.sampler.distribution(row(node), history, len(request.prompt))
            else:
                clock.stop("decide")
                state.prepare(request.sampler)
                clock.stop("mask")
                p = state.target_distribution(request.sampler, row(node), history, len(request.prompt))
            margins[node] = p.margin
            return p

        return distribution

    def _observe(self, shown: Sequence[tuple[Running, Seen]]) -> None:
        """Pass the results to the drafter, and its measurements to the pace. An error here ends all these requests."""
        if not self.traits.proposes:
            return
        for running, _ in shown:
            running.rested |= running.rests
        shown = [(running, seen) for running, seen in shown if not running.rests]
        if not shown:
            return
        with _alone(*(running.request for running, _ in shown)):
            measured = self.recipe.drafter.observe([running.draft_state for running, _ in shown], [seen for _, seen in shown])
            for (running, _), value in zip(shown, measured, strict=True):
                if value is not None:
                    self.recipe.pace.learn(running.pace_state, value)

    def _each(self, batch: Sequence[Running], items: Sequence[Item], call: Callable[[Sequence[Item]], Sequence[Any]]) -> list[Any]:
        """`call(items)`, one item for each request. Where that fails, one call for each item: None for requests whose own call fails."""
        if not items:
            return []
        if len(items) == 1:
            with _alone(batch[0].request):
                return list(call(items))
            return [None]
        try:
            return list(call(items))
        except Exception as error:
            results = [result for running, item in zip(batch, items, strict=True) for result in self._each([running], [item], call)]
            if not any(result is None for result in results):
                message = f"a call for {len(items)} requests failed ({error!r}), and succeeded for each alone"
                warnings.warn(message, RuntimeWarning, stacklevel=2)
            return results


@contextlib.contextmanager
def _alone(*requests: Request) -> Iterator[None]:
    """An exception inside ends these requests, and is not raised."""
    try:
        yield
    except Exception as error:
        for request in requests:
            request.finish_reason, request.error = "error", error


__getattr__ = moved(__name__, {"Session": "foretell.decoding.session"})
