"""`one_thread`: torch's small operations without its thread pool."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """For work of many small operations, a row of logits each, say: waking torch's threads costs more than they save, hundreds
    of times more on a busy machine, and awake they stand in the way of an engine that has threads of its own. Costs 2 us."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _after_fork() -> None:
    """Keep PyTorch to one thread in a forked child, as its own data loaders do: its pool of threads is not there, and it would wait for
    them for good. The CPU engine has threads of its own, which a child starts anew."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
