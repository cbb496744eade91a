"""Reading an answer under a rule: its value, or why it has none."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.decoding.request import Request
from foretell.rules.rule import Rule

#: What to do where an answer was cut, by the reason.
_REMEDIES = {"length": "raise max_new_tokens", "context": "shorten the prompt", "timeout": "raise timeout"}


@dataclass(frozen=True)
class Answer:
    """value: of a whole answer, else None. error: what reading a text that obeys the rule raised, such as pydantic's ValidationError.
    unfinished: why the text is no whole answer, and where it was cut; empty for a whole one. partial: the JSON value of an unfinished
    text so far."""

    value: Any = None
    error: Exception | None = None
    unfinished: str = ""
    partial: Any = None


def read_answer(rule: Rule | None, request: Request, text: str) -> Answer:
    """The answer that a finished request gives. text: its text, without what follows a stop string."""
    if rule is None or request.finish_reason == "error":
        return Answer()
    if not is_whole(rule, request, text):
        return Answer(unfinished=why_unfinished(rule, request, text), partial=_partial(rule, text))
    try:
        return Answer(rule.read(text))
    except Exception as error:  # readers are users' code, and whatever they raise concerns this answer alone
        return Answer(error=error)


def is_whole(rule: Rule, request: Request, text: str) -> bool:
    """Whether the text obeys the rule, and ended because the model, the rule or a stop string said so. A text that was cut might have gone
    on, so it is not whole even if it obeys the rule; where nothing can follow, a request ends with "stop" and not with "length"."""
    if request.finish_reason != "stop":
        return False
    state = request.state
    if state is None or rule.constraint is None:
        return True
    vocabulary = state.vocabulary
    if vocabulary.text(request.generated) != text.encode("utf-8"):  # a stop string cut off the end
        state = rule.constraint.start(vocabulary, request.prompt)
        for token in vocabulary.encode(text):
            if not state.accepts(token):
                return False
            state = state.advance(token)
    return state.accepting


def why_unfinished(rule: Rule, request: Request, text: str) -> str:
    """Why a text is no whole answer, in words."""
    reasons = {
        "length": f"it was cut by max_new_tokens={request.max_new_tokens}",
        "context": "it was cut because the model's context is full",
        "timeout": "the timeout was over",
        "dead-end": "no token that the rule allows can follow",
        "stop": "a stop string came before it obeyed the rule",
    }
    place, advice = _place(rule, text), closed_advice(rule, _partial(rule, text))
    why = reasons.get(request.finish_reason, request.finish_reason or "it was interrupted")
    return why + (f", at {place}" if place else "") + (f"; {advice}" if advice else "")


def closed_advice(rule: Rule, value: Any) -> str:
    """What leaves out members that a schema does not name; "" where the value, or the part of one, has none."""
    constraint: Any = rule.constraint
    if not rule.is_json or getattr(constraint, "closed", True):
        return ""
    from foretell.rules.schemas.closed import unnamed_members

    names = unnamed_members(json.loads(constraint.schema), value)
    if not names:
        return ""
    return f"the schema does not name {', '.join(map(repr, names[:3]))}{' ...' if len(names) > 3 else ''}, which closed=True leaves out"


def warn_unfinished(answers: Sequence[Any]) -> None:
    """One warning for the answers that were cut. answers: results with `unfinished` and `finish_reason`."""
    cut = [answer for answer in answers if answer.unfinished and answer.finish_reason in _REMEDIES]
    if cut:
        which = "the answer is" if len(answers) == 1 else f"{len(cut)} of {len(answers)} answers {'is' if len(cut) == 1 else 'are'}"
        first = "" if len(answers) == 1 else "the first: "
        remedy = _REMEDIES[cut[0].finish_reason]
        warnings.warn(f"{which} unfinished ({first}{cut[0].unfinished}), so there is no value; {remedy}", stacklevel=4)


def _place(rule: Rule, text: str) -> str:
    if not rule.is_json:
        return ""
    from foretell.rules.schemas.cut_place import cut_place

    with contextlib.suppress(ValueError):
        return cut_place(text)
    return ""


def _partial(rule: Rule, text: str) -> Any:
    if not rule.is_json:
        return None
    from foretell.rules.schemas.partial_value import partial_value

    with contextlib.suppress(ValueError):  # a character that was cut in two
        return partial_value(text)
    return None
