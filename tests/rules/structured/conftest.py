"""Every test here has a cache folder of its own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_cache(cache):
    """`cache`, asked for or not."""
