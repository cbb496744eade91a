"""Asking again where an answer has no value: with another seed, and in a chat with what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from foretell import arguments
from foretell.decoding.request import Request
from foretell.errors import UserError

_LONGEST_REASON = 600
#: Finish reasons after which another try would end at once, too.
_FINAL = ("error", "timeout", "cancelled")


class Tried(Protocol):
    """What is needed of a result (`foretell.api.Result`)."""

    text: str
    finish_reason: str
    error: Exception | None
    unfinished: str
    rejected: list[Any]

    @property
    def has_value(self) -> bool:
        """Whether it is a whole answer whose value was taken."""


def with_retries(
    results: Sequence[Any],
    prompts: Sequence[Any],
    requests: Sequence[Any],
    retries: int,
    chat: bool,
    answer: Callable[[Sequence[Any], Sequence[int]], Sequence[Any]],
) -> list[Any]:
    """The results, those without a value replaced by what up to `retries` further tries gave, with the former ones in `rejected`.

    requests: of the first try, for their seeds. chat: whether text prompts are messages. answer: makes results for prompts and their seeds.
    A try that cannot be made, since its prompt has become too long, leaves the result before it.
    """
    last = list(results)
    for number in range(1, retries + 1):
        failed = [i for i, result in enumerate(last) if result.finish_reason not in _FINAL and not result.has_value]
        if not failed:
            break
        seeds = [another_seed(requests[i].draws.seed, number) for i in failed]
        again = answer([corrected(prompts[i], last[i], chat) for i in failed], seeds)
        for i, result in zip(failed, again, strict=True):
            if result.finish_reason != "error":
                result.rejected = [*last[i].rejected, last[i]]
                last[i] = result
    return last


def check_retries(retries: int, prompts: Sequence[Any], requests: Sequence[Any], chat: bool, has_rule: bool) -> None:
    """UserError where another try could not differ from the first."""
    if retries and not has_rule:
        raise UserError(f"retries={retries} asks again where an answer breaks a rule, and there is none; give a rule, or leave it out")
    for prompt, request in zip(prompts, requests, strict=True):
        if retries and isinstance(request, Request) and request.sampler.greedy and not _is_chat(prompt, chat):
            raise UserError(
                f"retries={retries}: greedy decoding gives the same text again where the prompt is no chat, so that the model cannot be "
                "told what was wrong; set a temperature above 0, or give a chat"
            )


def corrected(prompt: Any, result: Tried, chat: bool) -> Any:
    """The prompt of the next try: of a chat, with the answer and what was wrong with it; any other as it is.

    >>> from types import SimpleNamespace
    >>> corrected("Your age?", SimpleNamespace(text="-1", error=ValueError("too small"), unfinished=""), True)[2]["content"]
    'That answer was rejected: too small. Answer again, and correct this.'
    """
    if not _is_chat(prompt, chat):
        return prompt
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    if result.error is not None:
        wrong = f"That answer was rejected: {str(result.error)[:_LONGEST_REASON]}. Answer again, and correct this."
    else:
        wrong = f"That answer is not finished: {result.unfinished}. Answer again, more briefly."
    return [*messages, {"role": "assistant", "content": result.text}, {"role": "user", "content": wrong}]


def another_seed(seed: int, number: int) -> int:
    """The seed of the try with this number, far from the seeds of the other prompts of a list."""
    return (seed * 6364136223846793005 + number * 1442695040888963407) % 2**64


def _is_chat(prompt: Any, chat: bool) -> bool:
    read = arguments.prompt(prompt)
    return chat if isinstance(read, str) else bool(read) and isinstance(read[0], dict)
