"""`one_thread`: torch's small operations without its thread pool."""

from __future__ import annotations

import contextlib
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
