"""The contract of drafters: who proposes the next tokens."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from foretell.decoding.constraint import State
from foretell.decoding.draws import Draws
from foretell.decoding.sampler import Sampler
from foretell.decoding.tree import Tree
from foretell.models.base import Cache, Model
from foretell.parts import Part

if TYPE_CHECKING:  # compiled code that most drafters do without
    from foretell.decoding.drafting.successors.table import SuccessorTable


@dataclass(frozen=True)
class Setting:
    """How a pace wants drafts made this time; a drafter takes from it what it knows, and None leaves it to the drafter.

    layer: the exit to draft with. threshold: draft no further after a token where the best one's probability was below. member: of a
    drafter that asks one of several, the one to ask.
    """

    layer: int | None = None
    threshold: float | None = None
    member: int | None = None


@dataclass
class Ask:
    """One request's question to a drafter.

    tokens: the whole text so far, whose last token is the tree's root. state: what `begin` returned for this request.
    num_nodes, depth: at most so many nodes, no deeper. sampler, prompt_length: as in the target, so that a draft model warps
    its logits alike; under a constraint it gives no mass to what is forbidden. draws: for sampled drafts; use
    `draws.at(position, stream=DRAFT_STREAM)`. cache: the target's, with nothing pending, for drafters that run the target itself;
    fork it, never change it (None: nobody decodes, as in some tests). setting: how the pace wants it. constraint: the state that
    the text has come to, None without one; drafters need not look at it, since fixed candidates that it forbids are pruned.
    """

    tokens: list[int]
    prompt_length: int
    state: Any
    num_nodes: int
    depth: int
    sampler: Sampler
    draws: Draws
    cache: Cache | None = None
    setting: Setting = Setting()
    constraint: State | None = None


#: Stream of `Draws` that drafts are drawn from, so that the target's coins stay the same whatever is drafted.
DRAFT_STREAM = 1


@dataclass
class Queries:
    """Rows that a drafter adds to the target's own pass to ask it something: placeholders, guesses, masked positions.

    They hang on the tree and are no part of it: nothing can accept them, and their keys and values are dropped with the step.
    tokens: token ids. parents: ROOT, a node of the tree, or an earlier query, which are numbered on from the tree's last node.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass
class Seen:
    """What a verify pass showed, told to everyone.

    fed: tokens that went through the model (text not yet in the cache, then the tree). logits: (k, vocab_size), rows of the
    last k of `fed`. tree, path: what was drafted and the accepted nodes. tokens: what was added to the text. hidden: states
    that the drafter asked for, rows as in `fed`. query_logits, query_hidden: rows of the drafter's `queries`, in their order;
    none where there was no room for them.
    """

    fed: Sequence[int]
    logits: Tensor
    tree: Tree
    path: list[int]
    tokens: list[int]
    hidden: dict[int | str, Tensor] = field(default_factory=dict)
    query_logits: Sequence[Tensor] | Tensor = ()
    query_hidden: dict[int | str, Tensor] = field(default_factory=dict)


class Drafter(Part):
    """Settings of a drafting method. Memory lives across requests, state within one; both are made here and passed back."""

    @property
    def name(self) -> str:
        """The name shown as the source of this drafter's tokens."""
        from foretell.catalog import name_of

        return name_of(type(self))

    @property
    def wants_prompt_rows(self) -> bool:
        """Whether `observe` wants logits at every prompt position (costs the output head over the prompt)."""
        return False

    @property
    def wants_hidden(self) -> tuple[int | str, ...]:
        """Hidden states that `observe` needs, keys as in `Model.forward`."""
        return ()

    @property
    def draws_drafts(self) -> bool:
        """Whether proposals may hold sampled nodes, whose presence changes which coins a position uses."""
        return False

    @property
    def learns_across_requests(self) -> bool:
        """Whether one request's text changes what another is proposed."""
        return False

    @property
    def needs_tuned_model(self) -> bool:
        """Whether it works only with a target that was trained for it, and so is no candidate for any model."""
        return False

    @property
    def is_plain(self) -> bool:
        """Whether this drafter never proposes anything."""
        return False

    def variants(self) -> list[Drafter]:
        """Settings worth trying beside these, which come first, for `foretell tune`: one yes-or-no setting changed at a time."""
        names = [field.name for field in dataclasses.fields(self) if isinstance(getattr(self, field.name), bool)]  # type: ignore[arg-type]
        return [self, *(self.replace(**{name: not getattr(self, name)}) for name in names)]

    def remember(self, model: Model) -> Any:
        """Memory kept across requests with this model; raises ValueError where the drafter does not fit the model."""
        return None

    def begin(self, memory: Any, tokens: Sequence[int]) -> Any:
        """State for a new request whose prompt is `tokens`."""
        return memory

    @abstractmethod
    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        """One tree for each ask, empty where nothing is worth proposing."""

    def queries(self, state: Any, tree: Tree) -> Queries:
        """Extra rows for the pass that verifies `tree`, which is what the pace left of the proposal (or of several drafters').

        Asked of each request that was asked for a proposal, after `propose`; a function of its arguments that changes nothing.
        """
        return Queries()

    def observe(self, state: Any, seen: Seen) -> Any:
        """Learn from a verify pass of this request (also called for prompt chunks, with an empty tree).

        Returns what it measured on the way, for the pace (`Pace.learn`): None where there is nothing, as usual.
        """

    def draft_cost(self, memory: Any, depth: int) -> float:
        """Seconds that drafting to `depth` takes beside the target's own step; 0 where it does not matter."""
        return 0.0

    @property
    def num_members(self) -> int:
        """How many drafters there are of which a pace may name the one to ask (`Setting.member`)."""
        return 1

    def member_cost(self, memory: Any, member: int, depth: int) -> float:
        """`draft_cost` of a step for which that member is named."""
        return self.draft_cost(memory, depth)


class TableDrafter(Drafter):
    """Abstract: a drafter that keeps what it knows in a table of successors, so that it can be interpolated with others."""

    @abstractmethod
    def table_for(self, ask: Ask) -> SuccessorTable:
        """The table that would answer this ask."""
