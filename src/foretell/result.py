"""What `generate` and `stream` return: `Result` and `Piece`."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from foretell import arguments
from foretell.decoding.request import Logprob, Request
from foretell.decoding.stopping import AnswerText, as_stop_strings
from foretell.decoding.trace import Trace
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.rules.answer import read_answer
from foretell.rules.rule import Rule


@dataclass(repr=False)
class Result:
    """What `generate` returns for a prompt.

    text: the generated text. tokens: its token ids. finish_reason: "stop", "length", "context", "timeout" or "cancelled"; under a rule also
    "dead-end", where no continuation obeys the rule; "error" where one prompt of a list could not be decoded. trace: the run, step by step.
    logprobs: one entry per token where asked for, else empty. value: under a rule, the parsed text (a validated pydantic object, a JSON
    value, a `ToolCall`, else the text); None where the text is unfinished or its value is rejected. report: the constraint's report (of a
    `Monitor`), else None. error: the exception, for "error"; or what the type of `schema` (a validator, say) raised for the value of a
    whole text. unfinished: under a rule, why the text is no whole answer, with the place in its JSON; empty for a whole one. partial: the
    JSON value of an unfinished text so far. num_ending: how many of the last tokens were written to end the text within max_new_tokens.
    rejected: the results before this one that had no value, where `retries` asked for another. seed: what it was sampled with. messages:
    of a chat, its messages and the answer as the assistant's; append the next one and pass them as the next prompt. Empty for other
    prompts. spans: the text in pieces, each with the drafter that proposed it ("" for the model itself).

    A result can be pickled and copied. `str` is the text; notebooks show it with drafted parts in colour.
    """

    text: str
    tokens: list[int]
    finish_reason: str
    trace: Trace
    logprobs: list[Logprob]
    value: Any = None
    report: Any = None
    error: Exception | None = None
    unfinished: str = ""
    partial: Any = None
    num_ending: int = 0
    rejected: list[Result] = field(default_factory=list)
    seed: int | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    spans: list[tuple[str, str]] = field(default_factory=list)

    @property
    def has_value(self) -> bool:
        """Whether the text is a whole answer and its value, which may be None (JSON's null), was taken."""
        return not self.unfinished and self.error is None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Result({arguments.shown(self.text)}, {self._facts})"

    def _repr_html_(self) -> str:
        from foretell.result_html import to_html

        return to_html(self.spans or [(self.text, "")], self._facts)

    @property
    def _facts(self) -> str:
        # The repr of an error may have several lines.
        said = f"finish_reason={self.finish_reason!r}" if self.error is None else f"error={' '.join(arguments.shown(self.error).split())}"
        return f"tokens={len(self.tokens)}, {said}"

    def __getstate__(self) -> dict[str, Any]:
        """All fields; an error that does not come back from a pickle is replaced by a UserError with its message."""
        return {**vars(self), "error": _picklable(self.error)}


class Piece(str):
    """A piece of streamed text.

    source: the drafter that proposed its last token ("" for the model itself). tokens: the token ids that it is the text of. partial: under
    a schema, the JSON value of the text so far, which may be incomplete. logprobs: one entry for each of `tokens` where asked for.
    """

    source: str
    tokens: list[int]
    partial: Any = None
    logprobs: list[Logprob]

    def __new__(cls, text: str, source: str = "", tokens: Sequence[int] = (), logprobs: Sequence[Logprob] = ()) -> Piece:
        piece = super().__new__(cls, text)
        piece.source, piece.tokens, piece.logprobs = source, list(tokens), list(logprobs)
        return piece


def make_result(
    request: Request | UserError,
    model: Model,
    stop: str | Sequence[str] = (),
    rule: Rule | None = None,
    prompt: Any = None,
    chat: bool = True,
) -> Result:
    """The result of a finished request, with its text cut at stop strings. For an error in place of a request, a result with that error.

    prompt, chat: as given to `generate`, for `Result.messages`.
    """
    if isinstance(request, UserError):
        return Result("", [], "error", Trace(0), [], error=request)
    spans = _spans(model.tokenizer, request, as_stop_strings(stop))
    text = "".join(piece for piece, _ in spans)
    answer = read_answer(rule, request, text)
    report = None if request.state is None else request.state.report
    error = request.error if answer.error is None else answer.error
    return Result(
        text, request.generated, request.finish_reason, request.trace, request.logprobs, answer.value, report, error, answer.unfinished,
        answer.partial, request.num_ending, [], getattr(request.draws, "seed", None), _messages(prompt, chat, text), spans,
    )  # fmt: skip


def _spans(tokenizer: Any, request: Request, strings: Sequence[str]) -> list[tuple[str, str]]:
    """The text of a request, cut where its source changes."""
    answer = AnswerText(tokenizer, request.prompt, strings)
    sources = [source for step in request.trace.steps for source in step.sources]
    spans: list[tuple[str, str]] = []
    # After an interrupt, the last step may not be in the trace.
    for token, source in zip_longest(request.generated, sources[: request.num_generated], fillvalue=""):
        _append(spans, answer.push(int(token)), str(source))
    _append(spans, answer.finish(), "")
    return spans


def _append(spans: list[tuple[str, str]], text: str, source: str) -> None:
    if text and spans and spans[-1][1] == source:
        spans[-1] = (spans[-1][0] + text, source)
    elif text:
        spans.append((text, source))


def _messages(prompt: Any, chat: bool, text: str) -> list[dict[str, Any]]:
    """The messages of a chat and the answer; none for other prompts."""
    read = None if prompt is None else arguments.prompt(prompt)
    if isinstance(read, str) and chat:
        read = [{"role": "user", "content": read}]
    if not isinstance(read, list) or not isinstance(read[0], Mapping):
        return []
    return [*map(dict, read), {"role": "assistant", "content": text}]


def _picklable(error: Exception | None) -> Exception | None:
    """The error, or one with its message where it does not come back from a pickle, as errors with further arguments do not."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever the classes of users' errors raise there
        return UserError(f"{type(error).__name__}: {error}")
    return error
