"""`distribution`: what number a language model would say, as a whole distribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from foretell import arguments
from foretell.decoding.constraint import Constraint
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.numbers.digits.string_distribution import StringDistribution, StringEnumerator
from foretell.numbers.distributions import PointMasses
from foretell.prepare import Prompt, encode, resolve, stop_tokens
from foretell.rules.constraints.integers import Integers
from foretell.rules.rule import make_rule


class SaidNumber(PointMasses):
    """The distribution of one number that a language model says: a `PointMasses` of one row. texts: by value, increasing, as the model
    writes them. missed: an upper bound of the probability of all numbers that were not enumerated, before normalisation; no probability
    is off by more. num_rows: beginnings of numbers that the model read."""

    def __init__(self, found: StringDistribution) -> None:
        texts = [text.decode("utf-8").strip() for text in found.texts]
        try:
            values = np.array([float(text) for text in texts])
        except ValueError:
            odd = next(text for text in texts if not _is_number(text))
            raise UserError(f"number= allows the text {odd!r}, which is no number; take a rule whose texts are all numbers") from None
        distinct, places = np.unique(values, return_inverse=True)
        masses = np.bincount(places, weights=found.masses)
        super().__init__(distinct, masses[None])
        self.texts = tuple(texts[int(np.argmax(places == place))] for place in range(len(distinct)))
        self.missed, self.num_rows = found.missed, found.num_rows

    def __repr__(self) -> str:
        (low, high), median = self.interval(0.8)[0], self.median()[0]
        return f"<SaidNumber: median {median:g}, 80 % from {low:g} to {high:g}, {len(self.texts)} numbers, missed={self.missed:.2g}>"


def distribution(
    prompt: Prompt,
    model: Model | str | Path | None = None,
    *,
    number: Constraint | range | str,
    chat: bool = True,
    given: str = "masked",
    missed: float = 0.01,
    most_rows: int = 2000,
) -> SaidNumber:
    """The distribution of the number that a model answers a prompt with, within a rule. Nothing is drawn: the tree of the rule's texts is
    read best first, and all ways to write a number in tokens are summed.

    number: what may be said: `range(0, 101)`, a constraint whose texts are numbers (`Integers`, `Decimals`, `Choices`, ...), or its short
    text. given: "masked" is the distribution that `generate(constraint=number, temperature=1)` draws from; "conditioned" is the model's
    own distribution of whole answers, given that it answers with an allowed number and ends there. missed: how much probability may
    remain unread; 0 reads everything. most_rows: beginnings that are read at most; then `missed` of the result may be larger.
    prompt, model, chat: as in `generate`; without `chat` a text must end where the digits begin.

    Returns one distribution with `mean()`, `std()`, `median()`, `quantile(q)`, `interval(coverage)`, `cdf(y)`, `crps(y)`, `density(y)`,
    `sample(n, rng)`, arrays of one row, and `missed`. Needs the extra `numbers`. Cost: a row of the model for each beginning that is read.
    Errors: UserError for a rule with a text that is no number, and for wrong settings.

        said = ft.distribution("How many days has a leap year? Only the number.", number=range(0, 1000))
        print(said.median()[0], said.interval(0.8)[0], said.missed)
    """
    if isinstance(number, range):
        if number.step != 1 or not len(number):
            raise UserError(f"number={number!r} must have a step of 1 and at least one number; take Choices for others")
        number = Integers(number.start, number.stop - 1)
    if not isinstance(number, Constraint | str):
        raise UserError(f"number={arguments.shown(number)} must be a range, a constraint such as Integers(0, 100), or its text")
    rule = make_rule(constraint=number)
    assert rule is not None
    assert rule.constraint is not None
    enumerator = StringEnumerator(given, missed, most_rows)
    loaded = resolve(model)
    tokens = encode(prompt, loaded, arguments.flag("chat", chat))
    [found] = enumerator.run(loaded, [tokens], rule.constraint, stop_tokens(loaded))
    return SaidNumber(found)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
