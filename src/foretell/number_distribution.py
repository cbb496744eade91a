"""`distribution`: what number a language model would say, as a whole distribution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from foretell import arguments
from foretell.decoding.constraint import Constraint
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.prepare import Prompt, encode, resolve, stop_tokens
from foretell.rules.constraints.integers import Integers
from foretell.rules.rule import make_rule

if TYPE_CHECKING:
    from foretell.numbers.said_number import SaidNumber


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
    # Here, so that the name `foretell.distribution` can be read without the extra.
    from foretell.numbers.digits.string_distribution import StringEnumerator
    from foretell.numbers.said_number import SaidNumber

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
