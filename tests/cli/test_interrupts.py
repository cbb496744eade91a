"""Ctrl-C, SIGTERM and a closed pipe at any time: one line, no traceback, the exit status that shells give."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
#: The program; a first line says that it has begun, since Python's own start is not ours to guard.
MAIN = (
    "import os; from foretell.cli import main; from foretell.cli.common import interrupts; interrupts.install(); os.write(1, b'!'); main()"
)


def start(words, **options) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", MAIN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    assert process.stdout.read(1) == b"!"
    return process


def interrupt(process: subprocess.Popen, delay: float, times: int = 1, kind: int = signal.SIGINT) -> tuple[int, bytes, float]:
    """The exit status, standard error, and the seconds from the signal to the end."""
    time.sleep(delay)
    begun = time.perf_counter()
    for _ in range(times):
        process.send_signal(kind)
        time.sleep(0.01)
    errors = process.communicate(timeout=60)[1]
    return process.returncode, errors, time.perf_counter() - begun


def check(status: int, errors: bytes, expected: int = 130, word: bytes = b"interrupted") -> None:
    assert status in (expected, 0), errors  # 0: it was done before
    for wrong in (b"Traceback", b"terminate called", b"RecursionError", b"error:", b"Error"):
        assert wrong not in errors, errors
    if status:
        assert errors.splitlines()[-1].startswith(word), errors


@pytest.mark.parametrize("times", [1, 2])
def test_while_it_starts(times):
    status, errors, _ = interrupt(start(["generate", "Hi", "--model", "stdlib-nested"]), 0.3, times)
    assert (status, errors) == (130, b"interrupted\n")


def test_a_program_that_is_terminated():
    status, errors, _ = interrupt(start(["generate", "Hi", "--model", "stdlib-nested"]), 0.3, kind=signal.SIGTERM)
    assert (status, errors) == (143, b"terminated\n")


def test_a_library_that_swallows_the_exception_and_code_that_runs_no_python():
    """Within `interruptible`, KeyboardInterrupt is raised; where it does not come through in time, the program ends all the same."""
    code = (
        "import os, re, signal, time\nfrom foretell.cli.common import interrupts\n"
        "interrupts.install(); interrupts.PATIENCE = 0.2\n"
        "with interrupts.interruptible():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "    except KeyboardInterrupt:\n"
        "        print('heard', flush=True)\n"
        "    {then}\n"
    )
    run = lambda then: subprocess.run([sys.executable, "-c", code.replace("{then}", then)], capture_output=True, text=True, timeout=60)  # noqa: E731
    again = run("os.kill(os.getpid(), signal.SIGINT); time.sleep(5)")
    assert (again.returncode, again.stdout, again.stderr) == (130, "heard\n", "interrupted\n")
    done = run("pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")


def test_no_half_written_file_is_left(tmp_path):
    code = (
        "import os, signal, sys, time\nfrom foretell.cli.common import interrupts\nfrom foretell.files import atomic_path\n"
        "interrupts.install()\n"
        "with atomic_path(sys.argv[1]) as path:\n"
        "    path.write_text('half'); os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], capture_output=True, timeout=60)
    assert (run.returncode, run.stderr, list(tmp_path.iterdir())) == (130, b"interrupted\n", [])


@pytest.mark.parametrize("words", [["list"], ["show", "stand"], ["list", "--json"]])
def test_a_reader_that_has_enough(words):
    process = start(words)
    process.stdout.close()
    errors = process.stderr.read()
    assert (process.wait(timeout=60) in (0, 141), errors) == (True, b"")


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("fresh", [False, True])
def test_at_any_time(tmp_path, times, fresh):
    """From the first import to the last answer, with a warm cache and while everything is compiled."""
    cache = {"FORETELL_CACHE": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "kernels")} if fresh else {}
    slowest = 0.0
    for step in range(12):
        process = start(["generate", "Hi", "--model", "stdlib-nested", "-n", "400"], env={**os.environ, **cache})
        status, errors, seconds = interrupt(process, 0.05 + 0.5 * step, times)
        check(status, errors)
        slowest = max(slowest, seconds)
    assert slowest < 8
