"""A lock that is free in a forked child process, with a hook that repairs the data it guards."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

_repairs: weakref.WeakSet[Any] = weakref.WeakSet()


class ForkSafeLock:
    """A re-entrant lock, used with `with`. In a child process made by `os.fork` it is free, even if a thread of the parent held it.

    The data that it guards may be inconsistent in the child. An owner can pass `repair`, which the child calls first, or override
    `after_fork` in a subclass. A copy or pickle of an owner gets a new lock.

    >>> lock = ForkSafeLock()
    >>> with lock, lock:
    ...     pass
    """

    def __init__(self, repair: Callable[[], None] | None = None) -> None:
        self._lock = threading.RLock()
        self._repair = None if repair is None else weakref.WeakMethod(repair)
        _repairs.add(self)

    def __enter__(self) -> ForkSafeLock:
        self._lock.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[ForkSafeLock], tuple[()]]:
        return ForkSafeLock, ()  # a copy of the owner gets its own lock

    def after_fork(self) -> None:
        """Called in a child process before anything else runs there."""
        self._lock = threading.RLock()
        repair = None if self._repair is None else self._repair()
        if repair is not None:
            repair()


def _after_fork() -> None:
    for lock in list(_repairs):
        lock.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
