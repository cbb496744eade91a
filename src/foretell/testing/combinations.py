"""Every recipe that the installed parts can form, found by discovery: plug-ins join by their entry points alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from foretell.catalog import name_of, parts
from foretell.catalog.part_text import describe
from foretell.decoding.drafter import Drafter
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler, SamplerStep
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.decoding.verifier import KindMismatchError, Verifier
from foretell.rules.constraints.regex import Regex
from foretell.testing.laws import SPELLING, STEPPED_CURVE, Case
from foretell.testing.models import resized


@dataclass(frozen=True)
class Combination:
    """Parts that fit together. `sampler_name` is short and unique."""

    recipe: Recipe
    sampler_name: str
    sampler: Sampler

    def __str__(self) -> str:
        return f"{self.recipe}; {self.sampler_name}"


def examples(kind: str) -> list:
    """All examples of all parts of a kind ("drafter", "verifier", "pace", "sampler")."""
    return [example for cls in parts(kind).values() for example in cls.examples()]


def samplers() -> dict[str, Sampler]:
    """Each step alone, the bare softmax, a usual mix of all, and greedy."""
    alone: dict[str, Sampler] = {}
    for step in examples("sampler"):
        assert isinstance(step, SamplerStep)
        name = name_of(type(step))
        alone[name if name not in alone else describe(step)] = Sampler((step,))
    mix = make_sampler(temperature=0.8, top_k=2, top_p=0.95, min_p=0.1, repetition_penalty=1.2, presence_penalty=0.2, frequency_penalty=0.1)
    return {**alone, "softmax": Sampler(), "mix": mix, "greedy": Sampler(greedy=True)}


@cache
def fits(drafter: Drafter, verifier: Verifier) -> bool:
    """Whether the verifier takes every kind of node that the drafter may draw: found by running them together, also under a rule."""
    for case in (Case.small(batch=3, max_new_tokens=6), Case.constrained(Regex("([01]abab){4}"), batch=3, max_new_tokens=6)):
        stops = case.stop_tokens if case.constraint else frozenset()  # long texts show more kinds
        prompts = [case.prompt, *(prompt for prompt, _ in case.companions)]
        for sampler in (Sampler(), Sampler(greedy=True)):
            session = Session(case.model, Recipe(resized(drafter, case.model.vocab_size), verifier, Fixed()), STEPPED_CURVE)
            for seed in range(4):
                asked = [Request(p, 6, sampler, SampledDraws(seed), stops, constraint=case.constraint) for p in prompts]
                try:
                    for _ in session.run(asked):
                        pass
                except KindMismatchError:
                    return False
                except ValueError:
                    if verifier.guarantee.kind == "exact":  # others may write what the rule forbids
                        raise
    return True


def pairs(drafters: Sequence[Drafter] | None = None) -> Iterator[tuple[Drafter, Verifier]]:
    """Drafters (all examples, or those given) with the verifiers that fit them and promise exactness."""
    for drafter in examples("drafter") if drafters is None else drafters:
        for verifier in examples("verifier"):
            if verifier.guarantee.kind == "exact" and fits(drafter, verifier):
                yield drafter, verifier


def combinations(drafters: Sequence[Drafter] | None = None) -> Iterator[Combination]:
    """Every exact Drafter x Verifier x Pace x Sampler, of all drafters' examples or of those given."""
    chosen = samplers()
    for drafter, verifier in pairs(drafters):
        for pace in examples("pace"):
            for name, sampler in chosen.items():
                yield Combination(Recipe(drafter, verifier, pace), name, sampler)


@cache
def constrained_pairs() -> list[tuple[Drafter, Verifier]]:
    """All exact pairs, once."""
    return list(pairs())


def constrained(number: int) -> tuple[Recipe, Sampler, Case]:
    """Recipe, sampler and constrained case `number` of a covering set: pair i with constraint i, i + 1, ... round and round.

    Numbers below the number of pairs meet every pair once; below pairs times constraints, the whole product.
    """
    found, rules = constrained_pairs(), examples("constraint")
    drafter, verifier = found[number % len(found)]
    constraint = rules[(number % len(found) + number // len(found)) % len(rules)]
    return Recipe(resized(drafter, len(SPELLING)), verifier, Fixed()), Sampler(), Case.constrained(constraint)


def unconfirmed() -> list[Verifier]:
    """Verifiers that promise less than exactness: the law kit says nothing about them."""
    return [verifier for verifier in examples("verifier") if verifier.guarantee.kind != "exact"]
