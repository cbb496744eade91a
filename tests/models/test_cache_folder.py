"""The cache folder speeds work up and never stops it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings

import pytest
import torch

from foretell.files import SUFFIX
from foretell.models import cache_folder
from foretell.models.architecture import Architecture
from foretell.models.packed_cache import read_packed, write_packed
from tests.models.zoo import config


@pytest.fixture
def fresh_warning(monkeypatch):
    monkeypatch.setattr(cache_folder, "_warned", False)


def test_json_comes_back(cache):
    assert cache_folder.read_json("a.json") is None
    assert cache_folder.write_json("a.json", {"x": [1, 2.5, "é"]}) == cache / "a.json"
    assert cache_folder.read_json("a.json") == {"x": [1, 2.5, "é"]}
    assert [path.name for path in cache.iterdir()] == ["a.json"]


@pytest.mark.parametrize("damage", [lambda text: text[:-3], lambda text: text.replace("17", "18"), lambda text: "[]", lambda text: ""])
def test_a_damaged_entry_is_removed(cache, damage):
    path = cache_folder.write_json("a.json", {"x": 17})
    path.write_text(damage(path.read_text()))
    assert cache_folder.read_json("a.json") is None
    assert not path.exists()


def test_a_folder_that_refuses_is_said_once(cache, tmp_path, monkeypatch, fresh_warning):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("FORETELL_CACHE", str(blocked / "below"))
    with pytest.warns(UserWarning, match="FORETELL_CACHE"):
        assert cache_folder.write_json("a.json", 1) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache_folder.write_json("a.json", 1) is None
        assert cache_folder.read_json("a.json") is None


def test_a_failed_write_leaves_the_old_entry_and_no_litter(cache, fresh_warning):
    cache_folder.write_json("a.json", 1)

    def full_disk(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.warns(UserWarning, match="No space left"):
        assert cache_folder.write_entry("a.json", full_disk) is None
    assert cache_folder.read_json("a.json") == 1
    assert [path.name for path in cache.iterdir()] == ["a.json"]


def test_a_read_only_folder_is_known_from_a_library_s_message(cache, fresh_warning):
    """safetensors raises an error of its own, which names the system's number."""

    def refused(path):
        raise RuntimeError(f'Error while serializing: I/O error: Read-only file system (os error 30) at path "{path}"')

    with pytest.warns(UserWarning, match="Read-only file system"):
        assert cache_folder.write_entry("a.safetensors", refused) is None
    with pytest.raises(RuntimeError, match="no number"):
        cache_folder.write_entry("a.safetensors", lambda path: (_ for _ in ()).throw(RuntimeError("no number")))


def test_libraries_write_where_we_write(cache, monkeypatch):
    def led() -> str:
        monkeypatch.setattr(os, "environ", {"FORETELL_CACHE": str(cache), "MPLCONFIGDIR": "mine"})
        cache_folder.lead_libraries()
        assert os.environ["MPLCONFIGDIR"] == "mine"
        return os.environ["TORCHINDUCTOR_CACHE_DIR"]

    assert led() == str(cache / "torch")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert led() == str(cache)  # it exists, so torch need not make it
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("below", ["", "x"])
def test_libraries_get_a_folder_that_exists_where_the_cache_is_a_file(tmp_path, monkeypatch, below):
    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "environ", {"FORETELL_CACHE": str(tmp_path / "file" / below)})
    cache_folder.lead_libraries()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path)


def test_a_user_without_a_home_has_a_folder(monkeypatch, tmp_path):
    """An unknown number of a user and no HOME, as in containers."""
    import platformdirs

    def homeless(name, appauthor):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("FORETELL_CACHE", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", homeless)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_folder.cache_folder().relative_to(tmp_path).name == "cache"


def test_litter_of_killed_processes_is_swept(cache):
    old, new = cache / f".b.1-x{SUFFIX}", cache / f".b.2-y{SUFFIX}"
    old.write_text("")
    new.write_text("")
    os.utime(old, (time.time() - 1e6,) * 2)
    cache_folder.write_json("a.json", 1)
    assert not old.exists()
    assert new.exists()


def test_packed_weights_come_back_mapped(cache):
    architecture = Architecture.from_config(config("llama"))
    shared = torch.arange(12.0)
    tensors = {"a": torch.randn(5, 7), "b": torch.ones(3, dtype=torch.int8), "t": shared[:4], "u": shared.view(3, 4).T}
    write_packed("w.safetensors", architecture, tensors, ("extra",))
    again, found, unused = read_packed("w.safetensors")
    assert unused == ("extra",)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[key], tensors[key]) for key in found)
    assert torch.equal(again.inv_freq, architecture.inv_freq)
    same = {name: value for name, value in vars(architecture).items() if name != "inv_freq"}
    assert {name: getattr(again, name) for name in same} == same


@pytest.mark.parametrize("cut", [10, 200, -4])
def test_damaged_packed_weights_are_removed(cache, cut):
    path = write_packed("w.safetensors", Architecture.from_config(config("llama")), {"a": torch.randn(5, 7)})
    path.write_bytes(path.read_bytes()[:cut])
    assert read_packed("w.safetensors") is None
    assert not path.exists()


def test_two_processes_may_write_the_same_entry(cache):
    code = (
        "from foretell.models.cache_folder import *\nfor i in range(200): assert write_json('a.json', 'x' * 5000) and read_json('a.json')"
    )
    processes = [subprocess.Popen([sys.executable, "-W", "error", "-c", code], env=os.environ) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert [path.name for path in cache.iterdir()] == ["a.json"]
