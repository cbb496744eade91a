"""Arms: what a bench compares. An arm is a recipe run by our loop, or another program (`foretell.bench.peers`)."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.bench.named_recipe import NamedRecipe
from foretell.bench.tasks import Group
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draws import SampledDraws
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.decoding.trace import Trace
from foretell.models.base import Model
from foretell.parts import weakest
from foretell.reports.labels import short_labels


@dataclass(frozen=True)
class BenchSetting:
    """What all arms have in common.

    num_tokens: length of each text, in tokens. sampler: makes distributions of logits; greedy by default. stop_tokens: end a text; empty
    for texts of fixed length.
    """

    num_tokens: int = 96
    sampler: Sampler = field(default_factory=lambda: Sampler(greedy=True))
    stop_tokens: frozenset[int] = frozenset()


@dataclass
class ArmOutput:
    """What an arm made of one group.

    seconds: of the whole group, prompts included. first_seconds: until the first token of every text was known; None where that was not
    measured. tokens: the texts, one a task. traces: one a task, empty for peers.
    """

    seconds: float
    first_seconds: float | None
    tokens: list[list[int]]
    traces: list[Trace] = field(default_factory=list)

    @property
    def num_tokens(self) -> int:
        """Tokens of all texts."""
        return sum(map(len, self.tokens))


class Arm(ABC):
    """Decodes groups of prompts, and is timed.

    name: shown in tables, different for each arm. guarantee: of the text, "exact", "bounded" or "lossy", or "peer". detail: what is run, in
    words. is_peer: whether it is another program. limit: number of groups to measure on, from the first; None means all. is_warm: whether
    it was warmed up.
    """

    name: str
    guarantee: str = "exact"
    detail: str = ""
    is_peer: bool = False
    limit: int | None = None
    is_warm: bool = False

    @abstractmethod
    def begin(self) -> None:
        """Forget what was learned. Called at the start of each repeat, since a drafter that has seen the prompts is faster."""

    @abstractmethod
    def run(self, group: Group, setting: BenchSetting) -> ArmOutput:
        """Decode a group, timed."""


class RecipeArm(Arm):
    """A recipe, run by our loop. Its session lasts for a repeat, so that drafters and paces learn from prompt to prompt.

    curve: the model's cost curve; None measures or reads the stored one.
    """

    def __init__(self, name: str, recipe: Recipe, model: Model, curve: CostCurve | None = None) -> None:
        self.name, self.recipe, self.model, self.curve = name, recipe, model, curve
        self.guarantee, self.detail = weakest(recipe.verifier.guarantee, model.guarantee).kind, str(recipe)
        self.session: Session | None = None

    def begin(self) -> None:
        """Begin a session with empty memories."""
        self.session = Session(self.model, self.recipe, self.curve)

    def run(self, group: Group, setting: BenchSetting) -> ArmOutput:
        """Decode a group in one batch, timed; the recipe's own sampler goes before the setting's."""
        if self.session is None:
            self.begin()
        assert self.session is not None
        sampler = self.recipe.sampler or setting.sampler
        requests = [
            Request(list(task.tokens), setting.num_tokens, sampler, SampledDraws(i), setting.stop_tokens)
            for i, task in enumerate(group.tasks)
        ]
        first: dict[int, float] = {}
        begin = time.perf_counter()
        for request in self.session.run(requests, max_batch=len(requests)):
            first.setdefault(id(request), time.perf_counter() - begin)
        elapsed = time.perf_counter() - begin
        texts = [request.generated for request in requests]
        return ArmOutput(elapsed, max(first.values(), default=None), texts, [request.trace for request in requests])


def recipe_arms(recipes: Sequence[str | Recipe | NamedRecipe], model: Model, curve: CostCurve | None = None) -> list[Arm]:
    """An arm for each recipe, under a short name that no other has; equal recipes give one arm.

    A recipe given as text is named by that text, where it is short; a `NamedRecipe` by its name.
    """
    named: dict[Recipe, NamedRecipe] = {}
    for given in recipes:
        each = given if isinstance(given, NamedRecipe) else NamedRecipe("", Recipe.parse(given))
        text = given if isinstance(given, str) else short_name(each.recipe)
        named.setdefault(each.recipe, each if each.name else NamedRecipe(text, each.recipe, is_given=False))
    names = short_labels([each.name for each in named.values()], kept=[each.name for each in named.values() if each.is_given])
    return [RecipeArm(name, each.recipe, model, curve) for name, each in zip(names, named.values(), strict=True)]


def short_name(recipe: Recipe) -> str:
    """A recipe's text without the parts that are the default. `Recipe.parse` reads it back.

    >>> short_name(Recipe.parse("prompt-lookup, pace=4"))
    'prompt-lookup, pace=4'
    """
    from foretell.catalog.part_text import describe
    from foretell.decoding.paces.fixed import Fixed

    default, parts = Recipe(), [describe(recipe.drafter)]
    if recipe.verifier != default.verifier:
        parts.append(describe(recipe.verifier))
    if recipe.pace != default.pace:
        parts.append(f"pace={recipe.pace.num_nodes}" if isinstance(recipe.pace, Fixed) else describe(recipe.pace))
    if recipe.sampler is not None:
        parts.append(str(recipe.sampler))
    return ", ".join(parts)
