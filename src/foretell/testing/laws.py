"""The law kit: the exact output distribution of a recipe on a tiny model, by running it over every outcome of its own coins.

The distribution it is compared with is worked out token by token from the model's rows and the sampler; the loop has no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import torch

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws, SampledDraws, enumerate_outcomes
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.models.base import Context, Feed, Model
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.testing.models import SMALL_CURVE, use_small_curves

#: What a request ends as: its tokens and its finish reason.
Outcome = tuple[tuple[int, ...], str]
OutputDistribution = dict[Outcome, float]

#: Largest difference of a probability, and of the total mass from 1, that counts as rounding.
TOLERANCE = 1e-9

#: What the tokens of constrained cases write; the last ends a text.
SPELLING = (
    b"a", b"b", b"ab", b"ba", b"0", b"1", b"10", b"-", b".", b"[", b"]", b'"', b'"a', b",", b", ", b":", b": ", b"{", b"}",
    b"true", b"false", b"c", None,
)  # fmt: skip

#: t(n) with flat pieces and jumps, as engines have them: paces find both worthwhile and worthless nodes on it.
STEPPED_CURVE = CostCurve((1, 2, 3, 4, 5, 8), (1.0, 1.45, 1.45, 1.5, 2.1, 2.2))


class UnlawfulError(AssertionError):
    """A recipe's output distribution is not the plain one."""


@dataclass(frozen=True)
class LawCase:
    """What a recipe is tried on. companions: (prompt, max_new_tokens) of other requests in the batch, whose draws are sampled.

    constraint: what all requests of the batch obey, or None.

    Keep vocabulary, length and trees small: the number of outcomes is exponential in all of them.
    """

    model: Model
    prompt: tuple[int, ...]
    max_new_tokens: int
    stop_tokens: frozenset[int] = frozenset()
    companions: tuple[tuple[tuple[int, ...], int], ...] = ()
    curve: CostCurve = STEPPED_CURVE
    draft_curve: CostCurve = SMALL_CURVE
    constraint: Constraint | None = None

    @classmethod
    def small(cls, batch: int = 1, max_new_tokens: int = 3) -> LawCase:
        """Three tokens, of which the last ends the text; a prompt that repeats itself; `batch` - 1 ragged companions."""
        companions = (((1, 1, 0, 1, 0), 3), ((0, 1, 2, 0, 0, 1, 0), 2), ((1, 0), 4))[: batch - 1]
        return cls(TinyModel(vocab_size=3, order=1, seed=3), (0, 1, 2, 0, 1, 0), max_new_tokens, frozenset({2}), companions)

    @classmethod
    def constrained(cls, constraint: Constraint, batch: int = 1, max_new_tokens: int = 3) -> LawCase:
        """Under a rule, with a vocabulary that spells a little of everything; draft models must be `resized` to it."""
        companions = (((1, 1, 0, 1, 0), 3), ((0, 1, 2, 0, 0, 1, 0), 2), ((1, 0), 4))[: batch - 1]
        stop = len(SPELLING) - 1
        model = TinyModel(len(SPELLING), order=1, seed=3, spelling=SPELLING)
        return cls(model, (0, 1, 2, 0, 1, 0), max_new_tokens, frozenset({stop}), companions, constraint=constraint)


@dataclass(frozen=True)
class LawReport:
    """error: largest difference of a text's probability from the plain distribution. mass_error: of the total from 1."""

    error: float
    mass_error: float
    num_outcomes: int

    @property
    def lawful(self) -> bool:
        """Whether both errors are rounding."""
        return max(self.error, self.mass_error) < TOLERANCE


@dataclass(frozen=True)
class CachingSampler(Sampler):
    """A sampler that works each distribution out once: enumeration asks for the same few thousands of times. A part that writes into a
    distribution, which is not its own, gets NumPy's ValueError."""

    known: dict[tuple, Distribution] = field(default_factory=dict, compare=False, repr=False)

    def distribution(self, logits: torch.Tensor, history: Sequence[int] = (), prompt_length: int = 0) -> Distribution:
        key = (logits.numpy().tobytes(), tuple(history), prompt_length)
        if key not in self.known:
            distribution = self.known[key] = super().distribution(logits, history, prompt_length)
            distribution.ids.flags.writeable = distribution.probs.flags.writeable = False
        return self.known[key]


@cache
def caching_sampler(sampler: Sampler) -> CachingSampler:
    """The one that stands for `sampler`, whoever asks: combinations differ in their other parts, and meet the same distributions."""
    return CachingSampler(sampler.steps, sampler.greedy)


@lru_cache(maxsize=256)
def plain_distribution(case: LawCase, sampler: Sampler) -> OutputDistribution:
    """Probability of every outcome of plain decoding, from the model's rows alone."""
    distribution: OutputDistribution = {}

    def state_after(generated: tuple[int, ...]) -> ConstraintState | None:
        """From the beginning each time: nothing that was rolled back can show."""
        if case.constraint is None:
            return None
        state = case.constraint.start(Vocabulary.of(case.model, case.stop_tokens), case.prompt)
        for token in generated:
            state = state.advance(token)
        return state

    def follow(generated: tuple[int, ...], mass: float) -> None:
        state = state_after(generated)
        if state is not None and generated and state.finished:
            distribution[generated, "stop"] = distribution.get((generated, "stop"), 0.0) + mass
            return
        if len(generated) >= case.max_new_tokens:
            distribution[generated, "length"] = mass
            return
        text = [*case.prompt, *generated]
        if len(text) >= case.model.max_length:
            distribution[generated, "context"] = mass
            return
        cache = case.model.new_cache(Context(len(case.prompt)))
        row = case.model.forward([Feed(cache, text, num_logits=1)])[0].logits[-1]
        after = (
            sampler.distribution(row, text, len(case.prompt)) if state is None else state.distribution(sampler, row, text, len(case.prompt))
        )
        for token, p in zip(after.ids.tolist(), after.probs.tolist(), strict=True):
            if token in case.stop_tokens:
                reason = "stop" if state is None or state.accepting else "dead-end"
                distribution[generated, reason] = distribution.get((generated, reason), 0.0) + mass * p
            else:
                follow((*generated, token), mass * p)

    follow((), 1.0)
    return distribution


def output_distribution(recipe: Recipe, case: LawCase, sampler: Sampler, max_outcomes: int = 100_000) -> tuple[OutputDistribution, int]:
    """Probability of every outcome of the first request under `recipe`, and how many outcomes of its coins there were.

    Each outcome is a fresh session and run, companions included. Raises `TooManyOutcomesError` beyond `max_outcomes`.
    """
    cached = caching_sampler(sampler)
    use_small_curves(recipe, case.draft_curve, case.model)

    def run(draws: Draws) -> Outcome:
        if case.constraint is not None:
            case.constraint.forget(Vocabulary.of(case.model, case.stop_tokens))
        first = Request(case.prompt, case.max_new_tokens, cached, draws, case.stop_tokens, constraint=case.constraint)
        others = [
            Request(prompt, length, cached, SampledDraws(seed), case.stop_tokens, constraint=case.constraint)
            for seed, (prompt, length) in enumerate(case.companions)
        ]
        for _ in Session(case.model, recipe, case.curve).run([first, *others]):
            if first.finish_reason:
                break
        return tuple(first.generated), first.finish_reason

    distribution: OutputDistribution = {}
    num = 0
    for probability, outcome in enumerate_outcomes(run, max_outcomes):
        distribution[outcome] = distribution.get(outcome, 0.0) + probability
        num += 1
    return distribution, num


def compare(distribution: OutputDistribution, reference: OutputDistribution, num_outcomes: int = 0) -> LawReport:
    """How far `distribution` is from `reference`.

    >>> compare({((0,), "length"): 1.0}, {((0,), "length"): 0.75, ((1,), "length"): 0.25}).error
    0.25
    """
    error = max(abs(distribution.get(outcome, 0.0) - reference.get(outcome, 0.0)) for outcome in {*distribution, *reference})
    return LawReport(error, abs(sum(distribution.values()) - 1.0), num_outcomes)


def law_report(recipe: Recipe, sampler: Sampler, case: LawCase) -> LawReport:
    """The output distribution of `recipe` compared with the plain one."""
    distribution, num = output_distribution(recipe, case, sampler)
    return compare(distribution, plain_distribution(case, sampler), num)


def check_law(recipe: Recipe, sampler: Sampler, case: LawCase) -> LawReport:
    """`law_report`, raising `UnlawfulError` where the distributions differ by more than rounding."""
    report = law_report(recipe, sampler, case)
    if not report.lawful:
        raise UnlawfulError(
            f"{recipe} with {sampler!r}: output distribution is off by {report.error:.3g} (mass by {report.mass_error:.3g}) over "
            f"{report.num_outcomes} outcomes; the verifier's rule, or what the drafter says of its draws, is wrong"
        )
    return report
