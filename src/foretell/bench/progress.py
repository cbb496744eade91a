"""The progress bar with a time to go; silent where stderr is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from foretell.bench.duration import show_seconds
from foretell.bench.runner import Progress


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[Progress], None]]:
    """Gives the function to call with each `Progress`."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda progress: None
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[to_go]}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(description, total=1.0, to_go="")

        def show(progress: Progress) -> None:
            to_go = f"{show_seconds(progress.to_go)} to go" if progress.to_go else ""
            bar.update(task, description=progress.label, completed=progress.done, to_go=to_go)

        yield show
