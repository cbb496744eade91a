"""What surrounds the conversion of weights: a progress bar."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

#: Called with a description and a number of steps; returns what to call after each step.
Steps = Callable[[str, int], Callable[[], None]]


@contextlib.contextmanager
def progress_bar(show: bool) -> Iterator[Steps]:
    """A progress bar on stderr, drawn only when something long begins; nothing where there is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not (show and console.is_terminal):
        yield lambda description, total: lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with contextlib.ExitStack() as stack:
        bars = Progress(*columns, console=console, transient=True)

        def begin(description: str, total: int) -> Callable[[], None]:
            if not bars.live.is_started:
                stack.enter_context(bars)
            task = bars.add_task(description, total=total)
            return lambda: bars.advance(task)

        yield begin
