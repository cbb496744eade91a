"""`stream`: the text in pieces while it is generated, and the result at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Unpack

from foretell.arguments import shown
from foretell.call import Call
from foretell.decoding.limit import Limit
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Logprob, Request
from foretell.decoding.scheduler import Event
from foretell.decoding.stopping import AnswerText, as_stop_strings
from foretell.errors import UserError
from foretell.options import ModelLike, OnePrompt, StreamOptions, check_options
from foretell.progress import Progress, ReportProgress, no_progress
from foretell.result import Piece, Result

if TYPE_CHECKING:
    from types import TracebackType


def stream(prompt: OnePrompt, model: ModelLike = None, recipe: Recipe | str | None = None, **options: Unpack[StreamOptions]) -> Stream:
    """Like `generate` for one prompt, but gives the text in pieces as it is generated.

    Options as in `generate`, without `n`, `retries` and `max_batch`. progress: a function that is called with `foretell.progress.Progress`
    while a prompt of more than 256 tokens is read. timeout: from this call on. Errors in the options are raised here, those of decoding by
    the iterator.

    >>> import foretell as ft
    >>> with ft.stream("Name three rivers in Europe.") as pieces:  # doctest: +SKIP
    ...     for piece in pieces:
    ...         print(piece, end="")
    ...     print(pieces.result.finish_reason)
    """
    return open_stream(prompt, model, recipe, dict(options), Limit())


def open_stream(prompt: Any, model: Any, recipe: Recipe | str | None, options: dict[str, Any], limit: Limit) -> Stream:
    """`stream` with a limit, by which another thread may end it."""
    check_options("stream", options, StreamOptions.__annotations__)
    progress = options.pop("progress", None) or no_progress
    if not callable(progress):
        raise UserError(f"progress={shown(progress)} must be a function of one foretell.progress.Progress")
    call = Call.read(model, recipe, {name: value for name, value in options.items() if name in StreamOptions.__annotations__}, limit)
    [request] = call.requests([prompt], max_backtracks=0)
    if isinstance(request, UserError):
        raise request
    call.begin()
    return Stream(call, request, prompt, progress)


class Stream(Iterator[Piece]):
    """An iterator of the pieces of a text (`Piece`), and its `result` once it has ended.

    Pieces never split a character. Text that may be the beginning of a stop string is held back until that is decided. Under a schema each
    piece also has the value so far. Use it in a `with` statement, or `close` it, to end it early. One thread at a time may iterate;
    `close` may be called from any. text: the pieces so far, joined.
    """

    def __init__(self, call: Call, request: Request, prompt: Any, progress: ReportProgress = no_progress) -> None:
        self.text = ""
        self._call, self._request, self._prompt = call, request, prompt
        self._pieces, self._has_ended = _pieces(call, request, progress), False
        self._result: Result | None = None

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Piece:
        try:
            piece = next(self._pieces)
        except BaseException:
            self._has_ended = True
            raise
        self.text += piece
        if self._call.rule is not None and self._call.rule.is_json:
            from foretell.rules.schemas.partial_value import partial_value

            piece.partial = partial_value(self.text.encode("utf-8"))
        return piece

    @property
    def result(self) -> Result:
        """The result, as `generate` gives it. UserError before the end."""
        if not self._has_ended:
            raise UserError("result: the stream has not ended; read its pieces to the end, or close it")
        if self._result is None:
            self._result = self._call.result(self._request, self._prompt)
        return self._result

    def close(self) -> None:
        """End the text, unless it has ended. The result then has what was generated, and the finish reason "cancelled"."""
        self._call.limit.cancel()  # of a thread that iterates
        if not self._pieces.gi_running:
            self._pieces.close()
            self._request.finish_reason = self._request.finish_reason or "cancelled"
            self._has_ended = True

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a Stream cannot be pickled or copied: its text is being generated. Read it to the end, and pickle its `result`")


def _pieces(call: Call, request: Request, progress: ReportProgress) -> Any:
    """Decode a request, and yield its text in pieces."""
    answer = AnswerText(call.model.tokenizer, request.prompt, as_stop_strings(call.stop))
    tokens: list[int] = []  # those whose text is not out yet
    num = 0

    def piece(text: str, source: str) -> Piece:
        made = Piece(text, source, tokens, _logprobs(request, num - len(tokens), num))
        tokens.clear()
        return made

    for event in call.session.scheduler.run([request]):
        if request.error is not None:
            raise request.error
        tell_reading(event, progress)
        for token, source in zip(event.tokens, event.sources, strict=True):
            tokens.append(token)
            num += 1
            text = answer.push(token)
            if text:
                yield piece(text, source)
            if answer.stopped:
                return
    rest = answer.finish()
    if rest:
        yield piece(rest, "")


def tell_reading(event: Event, progress: ReportProgress) -> None:
    """Report an event of a prompt that is being read."""
    if event.is_reading:
        progress(Progress(event.num_read / len(event.request.prompt), "reading the prompt"))


def _logprobs(request: Request, start: int, stop: int) -> list[Logprob]:
    return [] if request.num_logprobs is None else request.logprobs[start:stop]
