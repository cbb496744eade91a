"""The progress bar of long work: on stderr, with the time to go. Standard output is left to results, such as those of `--json`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Progress:
    """How far the work is.

    share: of the work done, 0 to 1; a smaller one than the last begins a new stage. label: what is being done, "" as before.
    seconds_left: an estimate of the time to go; None takes the stage's time so far and its share.
    """

    share: float
    label: str = ""
    seconds_left: float | None = None


#: Tells the bar how far the work is.
ReportProgress = Callable[[Progress], None]


def no_progress(progress: Progress) -> None:
    """The `ReportProgress` that shows nothing."""


@contextmanager
def progress_bar(
    name: str, show: bool = True, log_seconds: float | None = None, console: Console | None = None
) -> Iterator[ReportProgress]:
    """Give the function to call with each `Progress`. The bar appears at the first call and is removed at the end.

    name: of the work, in front of each label. show: False shows nothing. log_seconds: where stderr is no terminal, print a line at
    most this often; None prints nothing there. console: in place of stderr's.

    >>> with progress_bar("fit", show=False) as report:
    ...     report(Progress(0.5, "epoch 3"))
    """
    if not show:
        yield no_progress
        return
    from rich.console import Console

    console = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if console.is_terminal:
        with ExitStack() as stack:
            yield _bar(name, console, stack)
    else:
        yield no_progress if log_seconds is None else _lines(name, log_seconds, console)


def step_counter(report: ReportProgress, label: str, num_steps: int) -> Callable[[], None]:
    """Begin a stage of `num_steps` steps that take about equally long; returns the function to call after each.

    >>> done = step_counter(print, "packing", 2)
    Progress(share=0.0, label='packing', seconds_left=None)
    >>> done()
    Progress(share=0.5, label='packing', seconds_left=None)
    """
    steps = count(1)
    report(Progress(0.0, label))
    return lambda: report(Progress(min(next(steps) / max(num_steps, 1), 1.0), label))


def show_seconds(seconds: float) -> str:
    """A duration in words.

    >>> show_seconds(75), show_seconds(3.2), show_seconds(7500)
    ('1 min 15 s', '3 s', '2 h 5 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class _Estimate:
    """The time to go of each stage, from its share and the time since it began."""

    def __init__(self) -> None:
        self._begin, self._share = time.perf_counter(), 0.0

    def __call__(self, progress: Progress) -> str:
        if progress.share < self._share:
            self._begin = time.perf_counter()
        self._share = progress.share
        left = progress.seconds_left
        if left is None and progress.share > 0:
            left = (time.perf_counter() - self._begin) * (1 - progress.share) / progress.share
        return f"{show_seconds(left)} to go" if left and progress.share < 1 else ""


def _bar(name: str, console: Console, stack: ExitStack) -> ReportProgress:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[to_go]}"),
    )
    bar, estimate = Bar(*columns, console=console, transient=True), _Estimate()
    task = bar.add_task(name, total=1.0, to_go="")

    def report(progress: Progress) -> None:
        description = f"{name}: {progress.label}" if progress.label else None  # None keeps the last one
        bar.update(task, completed=progress.share, description=description, to_go=estimate(progress))
        if not bar.live.is_started:
            stack.enter_context(bar)

    return report


def _lines(name: str, log_seconds: float, console: Console) -> ReportProgress:
    last, estimate = time.perf_counter() - log_seconds / 2, _Estimate()

    def report(progress: Progress) -> None:
        nonlocal last
        to_go = estimate(progress)
        if progress.label and (progress.share >= 1 or time.perf_counter() - last > log_seconds):
            last = time.perf_counter()
            console.print(", ".join(filter(None, [f"{name}: {progress.label}", f"{progress.share:.0%} done", to_go])), markup=False)

    return report
