"""Threads that join in compiled work end with their owner: one left running would abort the interpreter at its end."""

from __future__ import annotations

import threading

from foretell.models.engines.helpers import Helpers


def test_helper_threads_have_ended_when_their_owner_is_gone():
    before, begun, free = set(threading.enumerate()), threading.Event(), threading.Event()
    helpers = Helpers(1)
    helpers.offer(lambda number: (begun.set(), free.wait(5)), (), ())
    assert begun.wait(5)
    (thread,) = set(threading.enumerate()) - before
    threading.Timer(0.2, free.set).start()  # still at work when its owner goes
    del helpers
    assert not thread.is_alive()
