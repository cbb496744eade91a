"""The contract of drafters: who proposes the next tokens."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import Tensor

from foretell.decoding.constraint import ConstraintState
from foretell.decoding.draft_order import AnyChoice, Choice
from foretell.decoding.draws import Draws
from foretell.decoding.sampler import Sampler
from foretell.decoding.tree import Tree
from foretell.models.base import Cache, Model
from foretell.parts import Part

#: What a drafter keeps across requests, and what it keeps of one request.
Memory = TypeVar("Memory")
State = TypeVar("State")


@dataclass
class Ask:
    """One request's question to a drafter.

    tokens: the whole text so far, whose last token is the tree's root. state: what `begin` returned for this request.
    num_nodes, depth: at most so many nodes, no deeper. sampler, prompt_length: as in the target, so that a draft model warps
    its logits alike; under a constraint it gives no mass to what is forbidden. draws: for sampled drafts; use
    `draws.at(position, stream=DRAFT_STREAM)`. cache: the target's, with nothing pending, for drafters that run the target itself;
    fork it, never change it (None: nobody decodes, as in some tests). choices: what the pace chose beside the size. constraint: the
    state that the text has come to, None without one; drafters need not look at it, since fixed candidates that it forbids are pruned.
    """

    tokens: list[int]
    prompt_length: int
    state: Any
    num_nodes: int
    depth: int
    sampler: Sampler
    draws: Draws
    cache: Cache | None = None
    choices: tuple[Choice, ...] = ()
    constraint: ConstraintState | None = None

    def choice(self, kind: type[AnyChoice]) -> AnyChoice | None:
        """The pace's choice of that kind; None where it left it to the drafter."""
        return next((choice for choice in self.choices if isinstance(choice, kind)), None)


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


@dataclass(frozen=True)
class Traits:
    """What a drafter's proposals are like; `|` joins those of several drafters.

    samples: proposals may hold sampled nodes, whose presence changes which coins a position uses. learns: one request's text changes
    what another is proposed. proposes: it may propose something; plain decoding never does.

    >>> Traits(proposes=False) | Traits(samples=True)
    Traits(samples=True, learns=False, proposes=True)
    """

    samples: bool = False
    learns: bool = False
    proposes: bool = True

    def __or__(self, other: Traits) -> Traits:
        return Traits(self.samples or other.samples, self.learns or other.learns, self.proposes or other.proposes)


class Drafter(Part, Generic[Memory, State]):
    """Settings of a drafting method. Memory lives across requests, state within one; both are made here and passed back.

    The loop calls, for each request: `begin` once; then, step by step, `propose` (not every step), `queries` and `observe`. The text of
    an ask may have grown by several tokens since the last one. Where tokens are taken back, `rewind` comes instead of `observe`.
    """

    @property
    def name(self) -> str:
        """The name shown as the source of this drafter's tokens."""
        from foretell.catalog import name_of

        return name_of(type(self))

    @property
    def traits(self) -> Traits:
        """What the proposals are like."""
        return Traits()

    def variants(self) -> list[Drafter]:
        """Settings worth trying beside these, which come first, for `foretell tune`: one yes-or-no setting changed at a time."""
        names = [field.name for field in dataclasses.fields(self) if isinstance(getattr(self, field.name), bool)]  # type: ignore[arg-type]
        return [self, *(self.replace(**{name: not getattr(self, name)}) for name in names)]

    def remember(self, model: Model) -> Memory:
        """Memory kept across requests with this model; raises UserError where the drafter does not fit the model."""
        return None  # type: ignore[return-value]

    def begin(self, memory: Memory, text: Sequence[int], cached: int = 0) -> State:
        """State for a request whose text so far is `text` (token ids).

        cached: how many of its first tokens the target has read already, so that `observe` will not show their rows.
        """
        return memory  # type: ignore[return-value]

    def rewind(self, memory: Memory, state: State, text: Sequence[int]) -> State:
        """State for a request whose text was cut back to `text`, a prefix of what was read; all but its last token have been observed.

        By default the request begins anew. Override it where the state holds what cannot be had again, such as the hidden states of
        the text that is kept: their rows do not come a second time.
        """
        return self.begin(memory, text, len(text) - 1)

    @abstractmethod
    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        """One tree for each ask, empty where nothing is worth proposing."""

    def queries(self, state: State, tree: Tree) -> Queries:
        """Extra rows for the pass that verifies `tree`, which is what the pace left of the proposal (or of several drafters').

        Asked of each request that was asked for a proposal, after `propose`; a function of its arguments that changes nothing.
        """
        return Queries()

    def observe(self, states: Sequence[State], seens: Sequence[Seen]) -> list[Any]:
        """Learn from a pass over several requests (also called for pieces of prompts, with an empty tree).

        Returns what it measured of each on the way, for the pace (`Pace.learn`); None where there is nothing, as usual. By default
        each request is observed alone; override this where one computation can serve the batch.
        """
        return [self.observe_request(state, seen) for state, seen in zip(states, seens, strict=True)]

    def observe_request(self, state: State, seen: Seen) -> Any:
        """`observe` of one request."""

    def draft_cost(self, memory: Memory, depth: int) -> float:
        """Seconds that drafting to `depth` takes beside the target's own step; 0 where it does not matter."""
        return 0.0
