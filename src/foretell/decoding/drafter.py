"""The contract of drafters: they propose the next tokens."""

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

#: What a drafter keeps across requests, and what it keeps for one request.
Memory = TypeVar("Memory")
State = TypeVar("State")


@dataclass
class Ask:
    """What a drafter is asked for one request.

    tokens: the text so far, prompt included; its last token is the tree's root. state: what `begin` returned for this request.
    num_nodes, depth: limits of the tree. sampler, prompt_length: those of the target, so that a draft model applies the same sampler steps;
    under a constraint the sampler gives forbidden tokens no mass. draws: for sampled drafts; use `draws.at(position, stream=DRAFT_STREAM)`.
    cache: the target's, without pending rows, for drafters that run the target itself; fork it, never change it (None in some tests).
    choices: what the pace chose beside the size. constraint: the constraint's state after `tokens`, or None. Drafters may ignore it,
    because forbidden fixed candidates are pruned.
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
        """The pace's choice of class `kind`; None where the drafter decides."""
        return next((choice for choice in self.choices if isinstance(choice, kind)), None)


#: Stream of `Draws` for drafts, so that the target's random numbers do not depend on what is drafted.
DRAFT_STREAM = 1


@dataclass
class Queries:
    """Rows that a drafter adds to the target's verification pass: placeholders, guesses, masked positions.

    They have parents in the tree but are not part of it: they cannot be accepted, and their keys and values are dropped after the step.
    tokens: token ids. parents: ROOT, a node of the tree, or an earlier query; queries are numbered after the tree's last node.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass
class Seen:
    """The result of a verification pass for one request.

    fed: tokens that went through the model (text not yet in the cache, then the tree). logits: (k, vocab_size), rows of the last k tokens
    of `fed`. tree: the draft that was verified. path: its accepted nodes. tokens: what was added to the text. hidden: hidden states that
    the drafter needs, (len(fed), width) by key. query_logits, query_hidden: rows of the drafter's `queries`, in their order; empty where
    they did not fit the model's longest text.
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
    """Properties of a drafter's proposals; `|` joins those of several drafters.

    samples: proposals may contain sampled nodes, so the random numbers that a position uses depend on the draft. learns: the text of one
    request changes the proposals for another. proposes: it may propose tokens; False for plain decoding. freely: it does so without a
    constraint too. rests: it can do without observing some steps, after which `Drafter.resume` is called; drafters that need the rows of
    every step (hidden states, say) cannot.

    >>> Traits(proposes=False) | Traits(samples=True, rests=True)
    Traits(samples=True, learns=False, proposes=True, freely=True, rests=False)
    """

    samples: bool = False
    learns: bool = False
    proposes: bool = True
    freely: bool = True
    rests: bool = False

    def __or__(self, other: Traits) -> Traits:
        return Traits(
            self.samples or other.samples,
            self.learns or other.learns,
            self.proposes or other.proposes,
            self.freely or other.freely,
            self.rests and other.rests,
        )


class Drafter(Part, Generic[Memory, State]):
    """Settings of a drafting method. Memory lives across requests, state within one; the drafter makes both and gets them passed back.

    For each request the loop calls `begin` once, and then in each step `propose` (not in every step), `queries` and `observe`. Between two
    asks the text may have grown by several tokens. Where tokens are taken back, the loop calls `rewind`. A drafter that can rest
    (`Traits.rests`) is not called at all in steps in which the pace lets it rest; `resume` comes before the next call.
    """

    @property
    def name(self) -> str:
        """The name shown as the source of this drafter's tokens."""
        from foretell.catalog import name_of

        return name_of(type(self))

    @property
    def traits(self) -> Traits:
        """Properties of the proposals."""
        return Traits()

    def variants(self) -> list[Drafter]:
        """Settings that `foretell tune` tries: this drafter first, then copies with one boolean setting changed."""
        names = [field.name for field in dataclasses.fields(self) if isinstance(getattr(self, field.name), bool)]  # type: ignore[arg-type]
        return [self, *(self.replace(**{name: not getattr(self, name)}) for name in names)]

    def remember(self, model: Model) -> Memory:
        """Memory kept across requests with this model; UserError where the drafter does not fit the model."""
        return None  # type: ignore[return-value]

    def begin(self, memory: Memory, text: Sequence[int], cached: int = 0) -> State:
        """State for a request whose text so far is `text` (token ids).

        cached: number of its first tokens that are in the target's cache already; `observe` will not get their rows.
        """
        return memory  # type: ignore[return-value]

    def rewind(self, memory: Memory, state: State, text: Sequence[int]) -> State:
        """State for a request whose text was cut back to `text`, a prefix of the text read so far; all but its last token were observed.

        By default this calls `begin`. Override it where the state holds data that cannot be computed again, such as hidden states of the
        kept text: `observe` does not get their rows a second time.
        """
        return self.begin(memory, text, len(text) - 1)

    def resume(self, memory: Memory, state: State, text: Sequence[int]) -> State:
        """State for a request after steps that the drafter did not observe. text: the text now; all but its last token is in the target's
        cache, and their rows do not come again. Called only for drafters that can rest; by default this calls `rewind`."""
        return self.rewind(memory, state, text)

    @abstractmethod
    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        """One tree for each ask; an empty tree where the drafter has no proposal."""

    def queries(self, state: State, tree: Tree) -> Queries:
        """Extra rows for the pass that verifies `tree`, which is the proposal (of this or several drafters) after the pace trimmed it.

        Called after `propose` for each request that was asked. It must depend on its arguments only and change nothing.
        """
        return Queries()

    def observe(self, states: Sequence[State], seens: Sequence[Seen]) -> list[Any]:
        """Learn from a pass over several requests. Also called for pieces of prompts, with an empty tree.

        Returns a measurement for each request, which the pace gets (`Pace.learn`), or None. By default it calls `observe_request` for each
        request; override it where one computation can serve the batch.
        """
        return [self.observe_request(state, seen) for state, seen in zip(states, seens, strict=True)]

    def observe_request(self, state: State, seen: Seen) -> Any:
        """`observe` for one request."""

    def draft_cost(self, memory: Memory, depth: int) -> float:
        """Seconds that drafting to `depth` takes beside the target's step; 0 where it is negligible."""
        return 0.0
