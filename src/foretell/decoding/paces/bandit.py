"""The bandit pace: in each step a contextual bandit picks a member of the drafter and a draft length, or no draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.catalog.part_text import parse_part
from foretell.decoding.chooser import Array, OnlineChooser
from foretell.decoding.choosers.neural_fast_cb import NeuralFastCB
from foretell.decoding.choosing.replay import Round
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import NO_COSTS, Choice, DraftCosts, DraftOrder, Member
from foretell.decoding.pace import Pace
from foretell.decoding.pacing.arm_memory import ArmMemory, ArmRecord
from foretell.decoding.tree import Kind, Tree
from foretell.parts import Needs, require

#: Longest time of a round in the loss, in plain steps.
CAP = 2.0


@dataclass
class _Pending:
    """The round of the current step: contexts, the arm picked, its propensity, and the seconds of its drafting."""

    contexts: Array
    arm: int
    propensity: float
    draft_seconds: float
    curve: CostCurve


@dataclass
class _State:
    memory: ArmMemory
    record: ArmRecord
    num_steps: int = 0
    last_accepted: int = 0
    pending: _Pending | None = None


@dataclass(frozen=True)
class Bandit(Pace[ArmMemory, _State]):
    """In each step a contextual bandit picks an arm: no draft, or a member of the drafter (those of `a ^ b`; any other drafter has one)
    with one of `lengths` as limit of nodes and depth. It learns from the cost of that arm only.

    The loss of a round is its time plus the time of the tokens that it did not add: (seconds + rate * (1 + longest - tokens))
    / (2 t(1) + rate * longest), where seconds = t(1 + nodes) + drafting, from the cost curve for a batch of one request, tokens = 1 +
    accepted, and rate is the recent mean seconds per token. At the best rate, the arm with the least mean loss has the most tokens per
    second; the arm with the least mean seconds per token need not. The context of an arm is known before the step: the arm, its length, how
    often its member had a proposal and was accepted at depth 1, the last accepted count, the position, and the loss that the member's
    record predicts. A chooser with `offset` starts from this last feature and learns to correct it.

    lengths: draft lengths, ascending. chooser: the chooser, as a part or its text. seed: of the chooser's random numbers, which are
    independent of the text's. keep: decay factor per step of the members' records in this text, so that unused arms are tried again.

    Guarantee: none of its own; exact verifiers stay exact, because an arm depends on earlier steps and the chooser's random numbers only.
    Needs: the cost curve. Cost: 0.3 ms per step. State: the chooser's state and the members' records, across requests (`ArmMemory`, which
    can be written and read); where drafts are sampled, per request.

    Deb et al., "Contextual Bandits with Online Neural Regression"; arms over drafters and lengths as in Liu et al., "Speculative Decoding
    via Early-exiting for Faster LLM Inference with Thompson Sampling Control Mechanism", section 3. Departures: a round's loss as above.
    Errors: UserError for lengths that do not ascend from 1.

    >>> pace, costs = Bandit(lengths=(2,)), DraftCosts(CostCurve.flat(1.0, per_row=0.1))
    >>> state = pace.begin(pace.remember())
    >>> for _ in range(100):  # drafts of two tokens that are always accepted
    ...     limit = pace.limit(state, costs)
    ...     pace.observe(state, Tree.chain([7] * limit.depth), list(range(limit.depth)))
    >>> pace.limit(state, costs)
    DraftOrder(num_nodes=2, depth=2, choices=())
    """

    papers = ("neural-bandit", "eesd")

    lengths: tuple[int, ...] = (1, 2, 4, 8)
    chooser: OnlineChooser = NeuralFastCB(width=32, learning_rate=0.05, offset=True, gamma=5000.0, growth=0.0)  # noqa: RUF009
    seed: int = 0
    keep: float = 0.95

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", tuple(self.lengths))
        whole = all(isinstance(length, int) and length >= 1 for length in self.lengths)
        good = whole and len(self.lengths) > 0 and list(self.lengths) == sorted(set(self.lengths))
        require(good, self, "lengths", self.lengths, "must be whole numbers that ascend from 1 or more")
        if isinstance(self.chooser, str):
            object.__setattr__(self, "chooser", parse_part(self.chooser, "chooser"))
        require(isinstance(self.chooser, OnlineChooser), self, "chooser", self.chooser, "must be a chooser, such as 'neural-fast-cb'")
        require(0 < self.keep < 1, self, "keep", self.keep, "must lie between 0 and 1")

    @classmethod
    def examples(cls) -> list[Bandit]:
        from foretell.decoding.choosers.epsilon_greedy import EpsilonGreedy

        return [cls((1, 2)), cls((2,), EpsilonGreedy(width=2, epsilon=0.5))]

    @property
    def needs(self) -> Needs:
        return Needs(curve=True)

    def remember(self, costs: DraftCosts = NO_COSTS) -> ArmMemory:
        return self._new_memory(len(costs.members))

    def _new_memory(self, num_members: int) -> ArmMemory:
        return ArmMemory(
            self.chooser.begin(self._num_features(num_members), self.seed), ArmRecord.fresh(num_members, self.lengths[-1], keep=0.99)
        )

    def begin(self, memory: ArmMemory, alone: bool = False) -> _State:
        members, longest = memory.record.tried.shape
        good = longest == self.lengths[-1] and memory.learnt.num_features == self._num_features(members)
        require(good, self, "lengths", self.lengths, f"do not fit a memory of {members} members whose longest draft is {longest}")
        if alone:
            memory = self._new_memory(members)
        return _State(memory, ArmRecord.fresh(members, longest, self.keep))

    def _num_features(self, num_members: int) -> int:
        return 1 + num_members * len(self.lengths) + 6

    def limit(self, state: _State, costs: DraftCosts) -> DraftOrder:
        curve, num_members = costs.curve, len(costs.members)
        drafting = np.array([[member(length) for length in self.lengths] for member in costs.members])
        supply, rates = state.record.rates(state.memory.record)
        contexts = self._contexts(supply, rates, drafting, curve, state.memory.seconds_a_token(curve), state.last_accepted, state.num_steps)
        choice = self.chooser.choose(state.memory.learnt, contexts)
        choices, length, seconds = tuple[Choice, ...](), 0, 0.0
        if choice.arm:
            member, index = divmod(choice.arm - 1, len(self.lengths))
            length, seconds = self.lengths[index], float(drafting[member, index])
            choices = (Member(member),) if num_members > 1 else ()
        state.pending = _Pending(contexts, choice.arm, choice.propensity, seconds, curve)
        return DraftOrder(length, length, choices)

    def observe(self, state: _State, tree: Tree, path: Sequence[int]) -> None:
        pending, memory = state.pending, state.memory
        if pending is None:
            return
        state.pending = None
        member, index = divmod(pending.arm - 1, len(self.lengths))
        num_nodes, depths = len(tree), tree.depths()
        if any(kind is not Kind.FIXED for kind in tree.kinds):  # their number depends on random numbers that later positions use again
            num_nodes = self.lengths[index]
        rate = memory.seconds_a_token(pending.curve)
        seconds = pending.curve(1 + num_nodes) + pending.draft_seconds
        loss = min(float(self._loss(seconds, 1 + len(path), rate, pending.curve)), 1.0)
        self.chooser.update(memory.learnt, pending.contexts, pending.arm, loss)
        if memory.rounds is not None:
            memory.rounds.append(Round(pending.contexts, pending.arm, pending.propensity, loss))
        memory.spend(seconds, 1 + len(path))
        for record in (state.record, memory.record):
            record.fade()
            if pending.arm:
                record.note(member, max(depths, default=0), len(path))
        state.last_accepted = len(path)
        state.num_steps += 1

    def _loss(self, seconds: Any, tokens: Any, rate: float, curve: CostCurve) -> Any:
        longest = self.lengths[-1]
        return (seconds + rate * (1 + longest - tokens)) / (CAP * curve(1) + rate * longest)

    def _contexts(
        self, supply: Array, rates: Array, costs: Array, curve: CostCurve, rate: float, last_accepted: int, num_steps: int
    ) -> Array:
        """Contexts (arms, arms + 6); row 0 is no draft. supply (members,), rates (members, longest): from the records. costs (members,
        lengths): seconds of drafting."""
        depths = np.array(self.lengths) - 1
        plain, seconds = curve(1), np.array([curve(1 + length) for length in self.lengths])
        expected = supply[:, None] * rates.cumprod(1).cumsum(1)[:, depths]  # accepted tokens, (members, lengths)
        losses = self._loss(plain + supply[:, None] * (seconds - plain) + costs, 1 + expected, rate, curve)
        num_arms = 1 + costs.size
        features = np.zeros((num_arms, 6))
        by_member = features[1:].reshape(*costs.shape, -1)
        by_member[:, :, 0] = 0.5 * (depths + 1) / self.lengths[-1]
        by_member[:, :, 1] = 0.5 * supply[:, None]
        by_member[:, :, 2] = 0.5 * rates[:, :1]
        features[:, 3] = 0.5 * min(last_accepted / self.lengths[-1], 1.0)
        features[:, 4] = 0.5 * num_steps / (num_steps + 100)
        features[:, 5] = [self._loss(plain, 1, rate, curve), *np.minimum(losses, 1.0).ravel()]
        return np.hstack([0.5 * np.eye(num_arms), features])
