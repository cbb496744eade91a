"""What a model was loaded from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The arguments by which a model is loaded again: what a pickle of it holds, in place of gigabytes that lie in a file already.

    name: an absolute path, an id of the hub, a name of a shipped model, or None for the default model; the others as in `foretell.load`.
    again: gives the model for an origin and the fingerprint that it must have.
    """

    again: Callable[[Origin, str], Any] = field(repr=False)
    name: str | None = None
    dtype: str | None = None
    device: str | None = None
    backend: str | None = None
    num_threads: int | None = None
