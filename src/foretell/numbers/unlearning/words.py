"""The meaning of the figures of an unlearning, in words for readers who do not train models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretell.words import counted

NO_MEMORY = "no measurable memorisation to remove"
NO_GOLD = "There is no model here that was trained without the rows, so the target is not known."

#: Limits of an unlearned model, whatever its figures.
LIMITS = (
    "The result is approximate: nothing proves that no trace of the rows is left, and this is neither a certificate nor legal advice.",
    "It was measured by the figures on this page and the data behind them; a stronger attack may find more.",
    "Averages, ranges and categories that inputs and outputs are scaled and coded by come from all rows and stay as they were.",
    "Copies of the old model, backups, the data themselves and predictions that were already handed out are not touched.",
)
#: The same where the model was retrained.
RETRAINED_LIMITS = (
    "Nothing in the new model was worked out from the forgotten rows; what other rows say about the same people is still in it.",
    "Settings that were chosen while looking at the forgotten rows are kept.",
    LIMITS[3],
)


def verdict(found: Mapping[str, Any], retrained: bool) -> str:
    """The main result, one sentence. found: `figures.figures`. retrained: whether the method was `Retrain`."""
    rows = found["rows"]
    begin = f"{rows['forget']:,} of {rows['train']:,} training rows"
    if found["memorised"] is False:
        return f"There was {NO_MEMORY}: the original model knows these {begin} no better than a model that was trained without them."
    if retrained:
        return f"The model was trained anew without {begin}."
    if found["memorised"] is None:
        return f"{begin} were unlearned. How well cannot be said: there is no model here that was trained without them to compare with."
    moved = found["models"]["unlearned"]["moved"]
    if moved is None or moved <= 0:
        return f"Unlearning {begin} did not work: the model's answers for them are no nearer to those of a model trained without them."
    return f"For {begin}, the model's answers moved {moved:.0%} of the way to those of a model that was trained without them."


def effect(found: Mapping[str, Any]) -> list[str]:
    """How well it worked, one sentence a figure."""
    models = found["models"]
    before, after, gold = models["original"], models["unlearned"], models.get("gold")
    beside = lambda name, form: "" if gold is None else f", a model trained without them {format(gold[name], form)}"  # noqa: E731
    change = after["retain_mae"] / before["retain_mae"] - 1 if before["retain_mae"] else 0.0
    said = [
        f"On new rows of the kind that stays, the mean error is {after['retain_mae']:.4g}, before {before['retain_mae']:.4g} "
        f"({abs(change):.1%} {'higher' if change > 0 else 'lower'}).",
        f"On the forgotten rows it is {after['forget_mae']:.4g}, before {before['forget_mae']:.4g}{beside('forget_mae', '.4g')}.",
        f"An attacker who sees the errors takes {after['membership']:.0%} of the forgotten rows for training data, "
        f"before {before['membership']:.0%}{beside('membership', '.0%')}. {_attack(before, after, gold)}",
    ]
    if gold is not None:
        said.append(
            f"The distance of its answers to those of the model trained without them (Wasserstein) is {after['wasserstein']:.4g}, "
            f"before {before['wasserstein']:.4g}; two such models with other random numbers are never at 0 either."
        )
    if after["anamnesis_index"] is not None:
        said.append(
            f"Trained on all rows again (learning rate {found['relearning_rate']:g}) it knows the forgotten rows after "
            f"{_steps(after)}, the model that never saw them after {_steps(gold)}: anamnesis index {after['anamnesis_index']:.2f}. "
            "The aim is 1; far below 1 the knowledge was hidden rather than removed."
        )
    elif after["relearning_steps"] is not None:
        said.append(
            f"Trained on all rows again (learning rate {found['relearning_rate']:g}) it knows the forgotten rows after {_steps(after)}, "
            + ("with nothing to compare that with." if gold is None else "which the model trained without them cannot say at all.")
        )
    if found["memorised"] is False:
        said.insert(0, "The original and the model trained without the rows agree on them, so differences below show chance, not success.")
    return said


def _attack(before: Mapping[str, Any], after: Mapping[str, Any], gold: Mapping[str, Any] | None) -> str:
    if gold is None:
        return "Without a retrained model to compare with this says little."
    near, was = abs(after["membership"] - gold["membership"]), abs(before["membership"] - gold["membership"])
    if near < was:
        return "That is nearer to the target than before."
    below = after["membership"] < gold["membership"]
    return "That is no nearer to the target than before" + (": forgotten rows now stand out by large errors." if below else ".")


def _steps(entry: Any) -> str:
    batches = counted(int(entry["relearning_steps"]), "batch", "batches")
    return batches if entry["relearning_reached"] else f"more than {batches}"
