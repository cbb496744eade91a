"""The never-slower pace: verify the number of drafted tokens that is fastest by the cost curve, which may be none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from foretell.decoding.draft_order import NO_COSTS, NOTHING, REST, DraftCosts, DraftOrder
from foretell.decoding.pace import Pace
from foretell.decoding.pacing.account import Account
from foretell.decoding.pacing.node_choice import most_worth, sure
from foretell.decoding.pacing.rates import Key, Rates, any_at, keys
from foretell.decoding.pacing.session_memory import SessionMemory
from foretell.decoding.tree import Kind, Tree
from foretell.parts import Needs, require

_LEAST = 0.25  #: least reach of the nodes that are verified of a request's first sampled tree


@dataclass
class _State:
    memory: SessionMemory | None  # None where the request is decided alone
    rates: Rates
    allowance: float  # share of plain decoding's time that the request may lose, in the present company
    account: Account = field(default_factory=Account)
    asked: bool = False  # whether the drafter is asked in this step
    idle: int = 0  # consecutive steps without a node worth verifying
    skip: int = 0  # steps until the drafter is asked again
    known: list[Key] | None = None  # keys, before trimming, of the nodes kept of the last proposal
    plan: tuple[int, float] | None = None  # for sampled trees, from the previous step: most nodes, least reach


@dataclass(frozen=True)
class NeverSlower(Pace[SessionMemory, _State]):
    """Choose the number of nodes m that maximises expected tokens / seconds of the step, as long as a failure can be afforded.

    The acceptance probability of a node is learnt online, for the request and for all requests before, by (drafter, grade, depth, rank). A
    node's reach is the product along its path, and expected tokens = 1 + sum of reach. Nodes of the whole batch compete: those with the
    largest reach are verified in one step, as many as pay by the curve (for sampled trees, as many as paid in the previous step). Counts
    decay, so rejected drafters are tried again after a while; drafters whose trees are not worth verifying are asked less often.

    Each request has an account of the seconds that its drafts saved and took, of a batch's step in full, by the cost curve. A draft is made
    only if the account of no request of the batch could fall below minus a share of plain decoding's time so far. What is thought to be
    accepted in any case counts as saved: 1 - 4 (1 - reach) of a node with a reach above 3/4. While the account or the drafter's record
    says that drafts do not pay, drafters that can rest do, and the step costs what a plain one does.

    max_nodes: most drafted tokens per step and request. memory: steps after which a count has decayed to 1/e. trust: weight, in
    observations, of the rates from other requests. allowance, shared_allowance: share of plain decoding's time that a request may lose,
    alone in its step, and in a batch, where all wait for the drafts of some. Alone, the acceptance rates stop what fails within a few
    steps, and a tight bound would cost more gains than losses; it is there for drafters whose rates mislead.

    Guarantee: none of its own; exact verifiers stay exact, because sampled nodes are dropped by source, grade, depth and rank only, never
    by the token drawn or by what follows from it. Needs: the cost curve. Cost: microseconds per node. State: counts, and the account.

    Expected-improvement choice as in Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", section
    3.3, with a measured cost curve and by-node rates in place of one constant; trees by reach as in Sequoia (Chen et al.,
    "Sequoia: Scalable, Robust, and Hardware-aware Speculative Decoding", section 3). The account is Foretell's own.

    >>> from foretell.decoding.cost_curve import CostCurve
    >>> pace = NeverSlower()
    >>> state, costs = pace.begin(pace.remember()), DraftCosts(CostCurve.flat(1.0, per_row=1.0))
    >>> [len(tree) for tree in pace.trim([state], [Tree.chain([1, 2, 3])], costs)]  # a token costs as much as a step
    [0]
    """

    papers = ("speculative-decoding", "sequoia")

    max_nodes: int = 16
    memory: float = 200.0
    trust: float = 16.0
    allowance: float = 0.5
    shared_allowance: float = 0.005

    aliases = ("cost",)

    def __post_init__(self) -> None:
        require(isinstance(self.max_nodes, int) and self.max_nodes >= 0, self, "max_nodes", self.max_nodes, "must be 0 or above")
        require(self.memory >= 1, self, "memory", self.memory, "must be at least 1 step")
        require(self.trust > 0, self, "trust", self.trust, "must be above 0")
        for name in ("allowance", "shared_allowance"):
            require(0 <= getattr(self, name) <= 1, self, name, getattr(self, name), "must lie between 0 and 1")

    @property
    def needs(self) -> Needs:
        return Needs(curve=True)

    def remember(self, costs: DraftCosts = NO_COSTS) -> SessionMemory:
        return SessionMemory(Rates(None, math.exp(-1 / (8 * self.memory))))

    def begin(self, memory: SessionMemory, alone: bool = False) -> _State:
        if alone:
            return _State(None, Rates(None, math.exp(-1 / self.memory)), self.allowance)
        return _State(memory, Rates(memory.rates, math.exp(-1 / self.memory)), self.allowance)

    def limit(self, state: _State, costs: DraftCosts) -> DraftOrder:
        state.account.open_step(costs.plain)
        state.asked = False
        if state.memory is not None:
            state.allowance = self.shared_allowance if len(costs.texts) > 1 else self.allowance
        room, left = state.account.room(state.allowance), math.inf
        if state.memory is not None:
            left = state.memory.left(room, Account(step=costs.plain).room(state.allowance), len(costs.texts))
            room -= state.memory.committed
        if state.skip > 0:
            return DraftOrder(0, 0, rest=state.skip)
        if min(room, left) < costs.ask + costs.node:
            if state.memory is None:  # its text must not depend on when it is asked
                return REST
            return DraftOrder(0, 0, rest=state.account.steps_until(costs.ask + costs.node, min(room, left), state.allowance))
        depth = self._depth(state, costs, room, left if len(costs.texts) > 1 else math.inf)
        if depth == 0:
            self._pause(state)
            return NOTHING
        state.asked = True
        if state.memory is not None:
            state.memory.committed += costs.ask + costs.draft(depth)
        return DraftOrder(self.max_nodes, depth)

    def _depth(self, state: _State, costs: DraftCosts, room: float, left: float) -> int:
        """How deep to draft; where drafting costs time, by the probability that some node of each depth is accepted. room: seconds that
        the request may lose. left: seconds that drafting may take, since all other requests of the batch wait for it."""
        if costs.draft(1) == 0:
            return self.max_nodes
        best, depth, expected, reach = 1.0 / costs.plain, 0, 1.0, 1.0
        for d, rows in enumerate(costs.extra([0] * self.max_nodes), 1):
            reach *= state.rates.rate(any_at(d), self.trust)
            expected += reach
            extra = rows + costs.draft(d) + costs.ask + d * costs.node
            if extra - sure(reach) * d * costs.plain > room or costs.draft(d) + costs.ask > left:
                break
            if expected / (costs.plain + extra) > best:
                best, depth = expected / (costs.plain + extra), d
        return depth

    def trim(self, states: Sequence[_State], trees: Sequence[Tree], costs: DraftCosts) -> list[Tree]:
        """The best set of nodes for requests that share a step, or for one that is decided alone."""
        if not costs.texts:
            costs = replace(costs, texts=((costs.curve.context, 1),) * len(states))
        known = [keys(tree) for tree in trees]
        nodes: list[tuple[float, int, int]] = []
        for i, (state, tree) in enumerate(zip(states, trees, strict=True)):
            nodes += [(-reach, i, node) for node, reach in enumerate(state.rates.reach(tree, self.trust, known[i]))]
        nodes.sort()
        drafting = sum(
            costs.ask + costs.draft(max(tree.depths(), default=0)) for state, tree in zip(states, trees, strict=True) if state.asked
        )
        extra = costs.extra([i for _, i, _ in nodes])
        losses = [drafting, *(drafting + seconds + num * costs.node for num, seconds in enumerate(extra, 1))]
        for state, (length, rows) in zip(states, costs.texts, strict=True):
            state.account.read(costs.curve.reading(length + rows))
            state.account.step = costs.plain
        rooms = [state.account.room(state.allowance) for state in states]
        num = most_worth([(-minus, i) for minus, i, _ in nodes], losses, costs.plain, rooms)
        kept: list[list[int]] = [[] for _ in trees]
        for _, i, node in nodes[:num]:
            kept[i].append(node)
        if states[0].memory is None:  # decided alone
            kept = [self._as_before(states[0], trees[0], [(-minus, node) for minus, _, node in nodes], num, losses, rooms[0])]
        for state, chosen, before in zip(states, kept, known, strict=True):
            chosen.sort()  # the order in `subtree`
            state.known = [before[node] for node in chosen]
            state.account.spent = losses[sum(map(len, kept))]
            if chosen:
                state.idle = 0
            elif state.asked:
                self._pause(state)
        return [tree if len(chosen) == len(tree) else tree.subtree(chosen) for tree, chosen in zip(trees, kept, strict=True)]

    def _as_before(
        self, state: _State, tree: Tree, nodes: list[tuple[float, int]], num: int, losses: Sequence[float], room: float
    ) -> list[int]:
        """The nodes of a sampled tree to keep; `nodes` are (reach, node) by descending reach, of which the first `num` would pay.

        The shape of a sampled tree depends on its tokens (where few tokens are probable there are few siblings). Whether a node is verified
        must not depend on what follows it, or the output would be biased. So the limits come from the previous step.
        """
        if all(kind is Kind.FIXED for kind in tree.kinds):
            return [node for _, node in nodes[:num]]
        most, least = state.plan or (self.max_nodes, _LEAST)
        state.plan = num, nodes[num - 1][0] / 2 if num else 1.0
        most = min(most, max(sum(loss <= room for loss in losses) - 1, 0))
        return sorted(node for reach, node in nodes if reach >= least)[:most]

    def observe(self, state: _State, tree: Tree, path: Sequence[int]) -> None:
        if state.skip > 0:
            state.skip -= 1
        state.account.close_step(len(path))
        if state.memory is not None:
            state.memory.observe(state.account.room(state.allowance))
        same = state.known is not None and len(state.known) == len(tree)
        state.rates.note(tree, path, state.known if same else None)

    def _pause(self, state: _State) -> None:
        """Do not ask the drafter for a number of steps that grows to 16."""
        state.idle += 1
        state.skip = min(state.idle, 16)
