"""Recipes that the installed parts can form, found by discovery: plug-ins join by their entry points alone.

With and without constraints there is a full product, and a covering array of it, in which any two parts of different kinds meet.
The test suite runs the covering arrays, `benchmarks/law_kit.py` the products.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from foretell.catalog import name_of, parts
from foretell.catalog.part_text import describe
from foretell.decoding.constraint import Constraint
from foretell.decoding.distribution import Distribution
from foretell.decoding.drafter import Drafter
from foretell.decoding.draws import Draws, SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler, SamplerStep
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Decision, Target, Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import Part
from foretell.rules.constraints.regex import Regex
from foretell.testing.covering import covering_array
from foretell.testing.laws import SPELLING, STEPPED_CURVE, LawCase
from foretell.testing.models import resized

#: Requests in a batch, and the tokens that the one under test writes in it: the number of outcomes is exponential in them.
BATCHES = ((1, 3), (3, 2))


@dataclass(frozen=True)
class PartCombination:
    """Parts that fit together, and the batch and rule that they are tried with.

    recipe: with draft models of the case's vocabulary. sampler_name: short and unique. batch: number of requests.
    max_new_tokens: of the request under test. constraint: what all requests obey, or None.
    """

    recipe: Recipe
    sampler_name: str
    sampler: Sampler
    batch: int = 1
    max_new_tokens: int = 3
    constraint: Constraint | None = None

    def __str__(self) -> str:
        rule = "" if self.constraint is None else f"; {describe(self.constraint)}"
        return f"{self.recipe}; {self.sampler_name}; batch {self.batch}{rule}"

    @property
    def case(self) -> LawCase:
        """What the law kit runs it on."""
        return _case(self.batch, self.max_new_tokens, self.constraint)


@cache
def _case(batch: int, max_new_tokens: int, constraint: Constraint | None) -> LawCase:
    """One object a case, so that its plain distributions are worked out once."""
    if constraint is None:
        return LawCase.small(batch, max_new_tokens)
    return LawCase.constrained(constraint, batch, max_new_tokens)


def examples(kind: str) -> list:
    """All examples of all parts of a kind ("drafter", "verifier", "pace", "sampler", ...); the same objects at each call."""
    return list(_examples(tuple(parts(kind).values())))


@cache
def _examples(classes: tuple[type[Part], ...]) -> tuple[Part, ...]:
    return tuple(example for cls in classes for example in cls.examples())


def samplers() -> dict[str, Sampler]:
    """Each step alone, the bare softmax, a usual mix of all, and greedy."""
    alone: dict[str, Sampler] = {}
    for step in examples("sampler"):
        assert isinstance(step, SamplerStep)
        name = name_of(type(step))
        alone[name if name not in alone else describe(step)] = Sampler((step,))
    mix = make_sampler(temperature=0.8, top_k=2, top_p=0.95, min_p=0.1, repetition_penalty=1.2, presence_penalty=0.2, frequency_penalty=0.1)
    return {**alone, "softmax": Sampler(), "mix": mix, "greedy": Sampler(greedy=True)}


@dataclass(frozen=True)
class _KindRecorder(Verifier):
    """`Exact`, which notes the kinds of nodes that it is shown."""

    seen: set[Kind] = field(default_factory=set, compare=False)

    guarantee = Exact.guarantee
    kinds = Exact.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        return Exact().choose(p, siblings, tree, draws)

    def decide(self, tree: Tree, target: Target, draws: Draws, position: int, state: None = None) -> Decision:
        self.seen.update(tree.kinds)
        return super().decide(tree, target, draws, position)


@cache
def kinds_drawn(drafter: Drafter) -> frozenset[Kind]:
    """The kinds of nodes that the drafter draws, found by running it: sampled and greedy, with and without a constraint."""
    recorder = _KindRecorder()
    for case in (LawCase.small(batch=3), LawCase.constrained(Regex("([01]abab){4}"), batch=3)):
        stops = case.stop_tokens if case.constraint else frozenset()  # long texts show more kinds
        prompts = [case.prompt, *(prompt for prompt, _ in case.companions)]
        for sampler in (Sampler(), Sampler(greedy=True)):
            session = Session(case.model, Recipe(resized(drafter, case.model.vocab_size), recorder, Fixed()), STEPPED_CURVE)
            for seed in range(2):
                for _ in session.run([Request(p, 6, sampler, SampledDraws(seed), stops, constraint=case.constraint) for p in prompts]):
                    pass
    return frozenset(recorder.seen)


def fits(drafter: Drafter, verifier: Verifier) -> bool:
    """Whether the verifier takes every kind of node that the drafter draws."""
    return kinds_drawn(drafter) <= verifier.kinds


def is_served(constraint: Constraint, sampler: Sampler) -> bool:
    """Whether the constraint can be kept with this sampler: some need a distribution, which greedy decoding has not."""
    case = _case(1, 3, constraint)
    state = constraint.start(Vocabulary.of(case.model, case.stop_tokens), case.prompt)
    try:
        state.for_request(sampler, case.max_new_tokens)
    except UserError:
        return False
    return True


def exact_verifiers() -> list[Verifier]:
    """Examples of the verifiers that promise exactness."""
    return [verifier for verifier in examples("verifier") if verifier.guarantee.kind == "exact"]


def inexact_verifiers() -> list[Verifier]:
    """Verifiers that promise less than exactness: the law kit says nothing about them."""
    return [verifier for verifier in examples("verifier") if verifier.guarantee.kind != "exact"]


def pairs(drafters: Sequence[Drafter] | None = None) -> Iterator[tuple[Drafter, Verifier]]:
    """Drafters (all examples, or those given) with the verifiers that fit them and promise exactness."""
    for drafter in examples("drafter") if drafters is None else drafters:
        for verifier in exact_verifiers():
            if fits(drafter, verifier):
                yield drafter, verifier


def combinations(batch: int = 1, max_new_tokens: int = 3) -> Iterator[PartCombination]:
    """The full product Drafter x Verifier x Pace x Sampler of parts that promise exactness."""
    for drafter, verifier in pairs():
        for pace in examples("pace"):
            for name, sampler in samplers().items():
                yield PartCombination(Recipe(drafter, verifier, pace), name, sampler, batch, max_new_tokens)


def constrained_combinations() -> Iterator[PartCombination]:
    """The full product Drafter x Verifier x Constraint, with the default pace and the bare softmax."""
    for drafter, verifier in pairs():
        for constraint in examples("constraint"):
            recipe = Recipe(resized(drafter, len(SPELLING)), verifier, Fixed())
            yield PartCombination(recipe, "softmax", Sampler(), constraint=constraint)


def covering_combinations(drafters: Sequence[Drafter] | None = None) -> list[PartCombination]:
    """A covering array of `combinations` and `BATCHES`: any two of a drafter, a verifier, a pace, a sampler and a batch that fit each
    other meet.

    drafters: all examples, or those given.
    """
    return [_combination(row) for row in covering_array(_factors(drafters), {("drafter", "verifier"): fits})]


def covering_constrained_combinations(drafters: Sequence[Drafter] | None = None) -> list[PartCombination]:
    """The same under constraints, which are one factor more."""
    factors = {**_factors(drafters), "constraint": examples("constraint")}
    rules = {("drafter", "verifier"): fits, ("sampler", "constraint"): lambda named, constraint: is_served(constraint, named[1])}
    return [_combination(row) for row in covering_array(factors, rules)]


def _factors(drafters: Sequence[Drafter] | None) -> dict[str, Sequence[Any]]:
    """The values of each factor, samplers with their names, batches with the length of the text."""
    drafters = examples("drafter") if drafters is None else drafters
    return {
        "drafter": drafters,
        "verifier": [verifier for verifier in exact_verifiers() if any(fits(drafter, verifier) for drafter in drafters)],
        "pace": examples("pace"),
        "sampler": list(samplers().items()),
        "batch": BATCHES,
    }


def _combination(row: Mapping[str, Any]) -> PartCombination:
    """A row of a covering array as parts."""
    drafter, constraint, (name, sampler), (batch, length) = row["drafter"], row.get("constraint"), row["sampler"], row["batch"]
    if constraint is not None:
        drafter = resized(drafter, len(SPELLING))
    return PartCombination(Recipe(drafter, row["verifier"], row["pace"]), name, sampler, batch, length, constraint)
