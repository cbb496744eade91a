"""Every test here has a cache folder of its own; nothing measured on this machine steers a decision."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FORETELL_CACHE", str(folder))
    return folder
