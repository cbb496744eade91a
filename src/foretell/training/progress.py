"""A bar with a time to go for training; where stderr is no terminal, a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds between the lines of a run without a terminal.
QUIET = 30.0


@contextmanager
def training_bar(name: str, show: bool) -> Iterator[Callable[[float, str, float], None]]:
    """Gives the function to call after each step with the share done (0 to 1), what is new ("": as before), and the seconds spent."""
    from rich.console import Console

    if not show:
        yield lambda done, label, seconds: None
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        yield _lines(name, console.print)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.fields[to_go]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=1.0, to_go="")

        def advance(done: float, label: str, seconds: float) -> None:
            # None leaves the description as it is
            bar.update(task, completed=done, to_go=_to_go(done, seconds), description=f"{name}: {label}" if label else None)

        yield advance


def _lines(name: str, say: Callable[[str], None]) -> Callable[[float, str, float], None]:
    last = time.perf_counter() - QUIET / 2

    def advance(done: float, label: str, seconds: float) -> None:
        nonlocal last
        if label and (done >= 1 or time.perf_counter() - last > QUIET):
            last = time.perf_counter()
            say(f"{name}: {label}, {done:.0%} done, {_to_go(done, seconds)}")

    return advance


def _to_go(done: float, seconds: float) -> str:
    """
    >>> _to_go(0.25, 30.0)
    '1:30 to go'
    """
    left = round(seconds * (1 - done) / done) if 0 < done < 1 else 0
    return f"{left // 60}:{left % 60:02d} to go"
