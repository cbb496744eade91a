"""Ctrl-C and SIGTERM: the program ends within a moment, with one line and the exit status that shells give.

An exception in the middle of an import or of a compilation may end anywhere: in C++ code that aborts, in a library that takes it for a
fault of its own. So the program ends at once, without one, wherever there is nothing to keep. A verb that has something to keep, such as
a text that is half written, runs within `interruptible`: there, Ctrl-C is Python's KeyboardInterrupt, except in imports and compilations.
A second Ctrl-C ends the program in any case, and so does the first where no Python code has run for a while.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from foretell.files import remove_unfinished

#: Exit statuses, as a shell reports a program that these signals ended.
INTERRUPTED, TERMINATED = 130, 143
#: Seconds that compiled code may take within `interruptible` before Ctrl-C ends the program without an exception.
PATIENCE = 3.0
#: Parts of the file names of code in which an exception is not safe.
_UNSAFE = ("<frozen importlib", f"{os.sep}numba{os.sep}", f"{os.sep}llvmlite{os.sep}")


class _Interrupts:
    """The state of this process. A thread watches for signals, because Python's own handlers run only between two steps of Python code.

    depth: of `interruptible` blocks. asked: Ctrl-C was pressed. heard: set once Python's handler has run. ending: taken by the thread that
    ends the process.
    """

    def __init__(self) -> None:
        self.depth, self.asked, self.heard = 0, False, threading.Event()
        self.ending = threading.Lock()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Python's handler, in the main thread."""
        first, self.asked = not self.asked, True
        if number == signal.SIGINT and self.depth and first and _is_safe(frame):
            self.heard.set()
            raise KeyboardInterrupt
        end(number)

    def watch(self, pipe: int) -> None:
        """The watching thread: end the program where Python's handler would come too late."""
        pressed = 0
        while data := os.read(pipe, 1):
            number = data[0]
            pressed += number == signal.SIGINT
            if number not in (signal.SIGINT, signal.SIGTERM):
                continue
            if number == signal.SIGINT and pressed == 1 and self.depth and self.heard.wait(PATIENCE):
                continue
            end(number)


_state = _Interrupts()


def install() -> None:
    """Watch for Ctrl-C and SIGTERM from now on. Called once, by the program only, in the main thread."""
    sys.unraisablehook = _unraisable
    atexit.register(_ignore)  # called after all that is registered later
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and shells in the background ask
            signal.signal(number, _state.handle)
    with suppress(ValueError, OSError):  # Windows wants a socket: there, Python's handler alone works
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=_state.watch, args=(reading,), name="foretell-signals", daemon=True).start()


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, the first Ctrl-C raises KeyboardInterrupt, so that results so far can be kept; the second ends the program."""
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1


def interrupted() -> bool:
    """Whether Ctrl-C was pressed in this process."""
    return _state.asked


def _is_safe(frame: FrameType | None) -> bool:
    """Whether an exception may be raised here: neither an import nor a compilation is going on."""
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in _UNSAFE):
            return False
        frame = frame.f_back
    return True


def _unraisable(lost: Any) -> None:
    """An exception in a callback is lost, after a traceback on the terminal; KeyboardInterrupt must not be."""
    if lost.exc_type is KeyboardInterrupt:
        end(signal.SIGINT)
    else:
        sys.__unraisablehook__(lost)


def _ignore() -> None:
    """Nothing is left to do but to free memory: a signal now must not change the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def end(number: int) -> None:
    """End the process now, with one line; no half-written file is left."""
    if not _state.ending.acquire(blocking=False):
        return  # the other thread is at it
    word = "interrupted" if number == signal.SIGINT else "terminated"
    with suppress(OSError, ValueError):
        # A notice or a progress bar may stand in the line, and have hidden the cursor.
        before, after = ("\r\x1b[2K\x1b[?25h\x1b[33m", "\x1b[0m") if os.isatty(2) else ("", "")
        os.write(2, f"{before}{word}{after}\n".encode())
    remove_unfinished()
    os._exit(INTERRUPTED if number == signal.SIGINT else TERMINATED)
