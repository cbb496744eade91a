"""What tests of several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from foretell.models.cache_folder import KERNELS, cache_folder

#: The suite gives the same result each time; FORETELL_HYPOTHESIS=searching tries other examples in each run, to find what is not known.
settings.register_profile("deterministic", derandomize=True)
settings.register_profile("searching")
settings.load_profile(os.environ.get("FORETELL_HYPOTHESIS", "deterministic"))

#: Compiled code is shared by all tests, whatever cache folder they set: compiling takes most of a minute.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / KERNELS))


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tensors this small are done before a second thread has started; on a busy machine waiting for it takes minutes."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cache(tmp_path_factory, monkeypatch) -> Path:
    """An empty cache folder: nothing measured on this machine steers a decision."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FORETELL_CACHE", str(folder))
    return folder
