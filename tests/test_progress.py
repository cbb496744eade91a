"""The progress bar: on a terminal only, on stderr only, and with a time to go that is right."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from rich.console import Console

from foretell import progress
from foretell.progress import Progress, progress_bar, step_counter


@pytest.fixture
def clock(monkeypatch):
    """Seconds that tests set."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)


def file() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=120)


def shown(console: Console) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


def test_a_terminal_sees_label_share_and_time_to_go(clock):
    console = terminal()
    with progress_bar("fit", console=console) as report:
        assert shown(console) == ""  # nothing before the first call
        report(Progress(0.0, "epoch [1]"))
        assert re.search(r"fit: epoch \[1\] .* 0%", shown(console))
        clock[0] += 30
        report(Progress(0.25))
        report(Progress(0.5, "epoch [2]", seconds_left=7.0))
    assert re.search(r"fit: epoch \[2\] .* 50% .* 7 s to go", shown(console))


def test_the_time_to_go_is_the_stages_own(clock):
    estimate = progress._Estimate()
    clock[0] += 30
    assert estimate(Progress(0.25)) == "1 min 30 s to go"
    clock[0] += 10
    assert estimate(Progress(1.0)) == ""
    assert estimate(Progress(0.0, "second stage")) == ""
    clock[0] += 5
    assert estimate(Progress(0.5)) == "5 s to go"


def test_a_file_gets_nothing_or_a_line_now_and_then(clock):
    console = file()
    with progress_bar("fit", console=console) as report:
        report(Progress(0.5, "half"))
    assert shown(console) == ""
    with progress_bar("fit", log_seconds=30, console=console) as report:
        report(Progress(0.1, "step 1"))
        clock[0] += 16
        report(Progress(0.2, "step 2"))
        clock[0] += 16
        report(Progress(0.3, "step 3"))
        report(Progress(1.0, "step 9"))
    assert shown(console).splitlines() == ["fit: step 2, 20% done, 1 min 4 s to go", "fit: step 9, 100% done"]


def test_stdout_is_left_to_results():
    code = "from foretell.progress import *\nwith progress_bar('fit', log_seconds=0) as report: report(Progress(1.0, 'done'))\nprint('{}')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "{}\n"
    assert ran.stderr == "fit: done, 100% done\n"


def test_an_error_and_an_interruption_end_the_bar():
    def fail(report, error):
        report(Progress(0.5, "half"))
        raise error

    for error in (ValueError, KeyboardInterrupt):
        console = terminal()
        with pytest.raises(error), progress_bar("fit", console=console) as report:
            fail(report, error)
        written = console.file.getvalue()
        assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")  # the cursor is shown again
        assert written.endswith("\x1b[2K")  # the bar is erased


def test_steps_are_counted():
    told: list[Progress] = []
    done = step_counter(told.append, "packing", 4)
    for _ in range(5):
        done()
    assert [one.share for one in told] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert {one.label for one in told} == {"packing"}
