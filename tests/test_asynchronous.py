"""`agenerate` and `astream`."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import foretell as ft
from foretell.errors import UserError
from tests.test_api import letters_model


@pytest.fixture
def model():
    return letters_model()


def wait_until(true, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def is_idle() -> bool:
    return not any(thread.name == "foretell" and not thread.daemon for thread in threading.enumerate())


def test_results_are_those_of_generate_and_come_together(model):
    async def main():
        return await asyncio.gather(*(ft.agenerate(prompt, model, "plain", max_new_tokens=9) for prompt in ("abc", "hg", ["a", "b"])))

    one, other, many = asyncio.run(main())
    assert one.text == ft.generate("abc", model, "plain", max_new_tokens=9).text
    assert other.text == ft.generate("hg", model, "plain", max_new_tokens=9).text
    assert [result.text for result in many] == [result.text for result in ft.generate(["a", "b"], model, "plain", max_new_tokens=9)]


def test_errors_are_raised_where_it_is_awaited(model):
    async def main():
        with pytest.raises(UserError, match="did you mean 'temperature'"):
            await ft.agenerate("abc", model, temprature=1)
        with pytest.raises(UserError, match="is empty"):
            await ft.agenerate(" ", model)
        with pytest.raises(UserError, match="is empty"):
            async for _ in ft.astream(" ", model):
                pass

    asyncio.run(main())


def test_the_event_loop_is_free_and_cancelling_ends_the_text(model):
    ticks = 0

    async def main():
        nonlocal ticks
        task = asyncio.create_task(ft.agenerate("abc", model, "plain", max_new_tokens=4000))
        while ticks < 5:
            await asyncio.sleep(0.001)
            ticks += 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ft.agenerate("abc", model, "plain", max_new_tokens=4000), 0.01)

    asyncio.run(main())
    assert wait_until(is_idle), "the thread goes on after its task was cancelled"


def test_a_stream_gives_pieces_and_a_result(model):
    async def main():
        async with ft.astream("abcab", model, "plain", max_new_tokens=20, logprobs=1) as stream:
            with pytest.raises(UserError, match="has not ended"):
                stream.result  # noqa: B018
            return [piece async for piece in stream], stream

    pieces, stream = asyncio.run(main())
    assert "".join(pieces) == stream.text == stream.result.text == ft.generate("abcab", model, "plain", max_new_tokens=20).text
    assert all(piece.logprobs for piece in pieces)


def test_a_stream_that_is_left_ends(model):
    async def main():
        async with ft.astream("abcab", model, "plain", max_new_tokens=4000) as stream:
            async for _ in stream:
                break
        assert stream.result.finish_reason == "cancelled"
        async for _ in ft.astream("abcab", model, "plain", max_new_tokens=4000):
            break

    asyncio.run(main())
    assert wait_until(is_idle)
