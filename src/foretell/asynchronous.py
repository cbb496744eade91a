"""`agenerate` and `astream`: for programs that run on asyncio.

Each call has a thread of its own, so that all calls that run at the same time are decoded in one batch, and the event loop is free.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from foretell.api import MANY_OPTIONS, answer_prompts
from foretell.decoding.limit import Limit
from foretell.decoding.recipe import Recipe
from foretell.errors import UserError
from foretell.options import ManyPrompts, ModelLike, OnePrompt, Options, StreamOptions, check_options
from foretell.result import Piece, Result
from foretell.streaming import Stream, open_stream

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


@overload
async def agenerate(  # type: ignore[overload-overlap]  # as in generate
    prompt: OnePrompt, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: None = None, **options: Unpack[Options]
) -> Result: ...
@overload
async def agenerate(  # type: ignore[overload-overlap]  # as in generate
    prompt: OnePrompt, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: int, **options: Unpack[Options]
) -> list[Result]: ...
@overload
async def agenerate(
    prompt: ManyPrompts, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: None = None, **options: Unpack[Options]
) -> list[Result]: ...
@overload
async def agenerate(
    prompt: ManyPrompts, model: ModelLike = None, recipe: Recipe | str | None = None, *, n: int, **options: Unpack[Options]
) -> list[list[Result]]: ...
async def agenerate(prompt: Any, model: Any = None, recipe: Any = None, **options: Any) -> Any:
    """`generate` for asyncio: `await` it. Arguments, results and errors are those of `generate`.

    It runs in a thread of its own. Where the task is cancelled, decoding ends with the step that runs.

    >>> import asyncio
    >>> import foretell as ft
    >>> asyncio.run(ft.agenerate("The capital of France is", max_new_tokens=8)).text  # doctest: +SKIP
    'The capital of France is Paris.'
    """
    check_options("agenerate", options, MANY_OPTIONS)
    limit = Limit()
    return await _in_thread(partial(answer_prompts, prompt, model, recipe, options, limit), limit.cancel)


def astream(
    prompt: OnePrompt, model: ModelLike = None, recipe: Recipe | str | None = None, **options: Unpack[StreamOptions]
) -> AsyncStream:
    """`stream` for asyncio: pieces come by `async for`. Arguments are those of `stream`.

    >>> async def main():
    ...     async with ft.astream("Name three rivers in Europe.") as pieces:
    ...         async for piece in pieces:
    ...             print(piece, end="")
    ...     print(pieces.result.finish_reason)
    """
    check_options("astream", options, StreamOptions.__annotations__)
    limit = Limit()
    return AsyncStream(lambda: open_stream(prompt, model, recipe, dict(options), limit), limit)


class AsyncStream(AsyncIterator[Piece]):
    """An asynchronous iterator of the pieces of a text, and its `result` once it has ended. text: the pieces so far, joined.

    A thread decodes, from the first piece that is asked for, and does not wait for the reader. It ends with the step that runs where the
    task that reads is cancelled, where the stream is closed, and where nobody holds it any more.
    """

    def __init__(self, begin: Callable[[], Stream], limit: Limit) -> None:
        self.text = ""
        self._begin, self._limit = begin, limit
        self._stream: Stream | None = None
        self._queue: asyncio.Queue[Any] | None = None
        self._has_ended = False

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Piece:
        if self._has_ended:
            raise StopAsyncIteration
        if self._queue is None:
            self._queue = asyncio.Queue()
            _start(partial(_feed, self._begin, self._queue, asyncio.get_running_loop()))
        try:
            item = await self._queue.get()
        except asyncio.CancelledError:
            self._limit.cancel()
            raise
        if isinstance(item, Piece):
            self.text += item
            return item
        self._has_ended = True
        if isinstance(item, Stream):
            self._stream = item
            raise StopAsyncIteration
        raise item

    @property
    def result(self) -> Result:
        """The result, as `generate` gives it. UserError before the end."""
        if self._stream is None:
            raise UserError("result: the stream has not ended, or failed; read its pieces to the end, or close it")
        return self._stream.result

    async def aclose(self) -> None:
        """End the text, unless it has ended, and wait for that."""
        self._limit.cancel()
        if self._queue is None:
            self._has_ended = True
        while not self._has_ended:
            with contextlib.suppress(StopAsyncIteration):
                await self.__anext__()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._limit.cancel()


def _feed(begin: Callable[[], Stream], queue: asyncio.Queue[Any], loop: asyncio.AbstractEventLoop) -> None:
    """Put the pieces of a stream into the queue of a loop; at the end the stream, or its error."""
    item: Any
    try:
        item = begin()
        for piece in item:
            loop.call_soon_threadsafe(queue.put_nowait, piece)
    except BaseException as error:
        item = error
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(queue.put_nowait, item)


async def _in_thread(call: Callable[[], T], cancel: Callable[[], None]) -> T:
    """The result of `call`, which a thread of its own computes. cancel: called where the task is cancelled."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_result(result) if error is None else done.set_exception(error)

    def work() -> None:
        result, failed = None, None
        try:
            result = call()
        except BaseException as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    _start(work)
    try:
        return await done
    except asyncio.CancelledError:
        cancel()
        raise


def _start(work: Callable[[], None]) -> None:
    """Run `work` in a thread of its own, with the context variables of the caller."""
    threading.Thread(target=contextvars.copy_context().run, args=(work,), name="foretell").start()
