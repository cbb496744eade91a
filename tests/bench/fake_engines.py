"""Engines for the mask bench's tests; another process imports them."""

from __future__ import annotations

import os
import time
from typing import Any

from foretell.bench.masks.engines import engine_named
from foretell.decoding.constraint import ConstraintState
from foretell.models.vocabulary import Vocabulary

ASCII = Vocabulary((*[bytes([byte]) for byte in range(128)], None), frozenset({128}))


def moody(schema: Any, vocabulary: Vocabulary) -> ConstraintState:
    """llguidance, but for schemas that tell it to crash or to hang."""
    if "crash" in schema:
        os._exit(7)
    if "hang" in schema:
        time.sleep(600)
    return engine_named("llguidance")(schema, vocabulary)


def lenient(schema: Any, vocabulary: Vocabulary) -> ConstraintState:
    """Allows any integer, whatever the schema says."""
    return engine_named("llguidance")({"type": "integer"}, vocabulary)


def broken(schema: Any, vocabulary: Vocabulary) -> ConstraintState:
    raise RuntimeError("out of order")
