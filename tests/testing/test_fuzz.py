"""A little fuzzing, with the same inputs each time: everything is taken or refused by an error that the user can mend."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"
TARGETS = (
    *("schemas", "grammars", "patterns", "recipes", "gguf", "tokenizers", "csv", "tools", "templates"),
    *("folders", "arguments", "lists"),
)


def fuzz(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(FUZZ), *words], capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_fails(target, tmp_path):
    run = fuzz("--only", target, "--inputs", "60", "--failures", str(tmp_path / "failures"))
    assert run.returncode == 0, run.stdout + run.stderr[-2000:]
    assert f"failures of {target} in 60 inputs" in run.stdout


def test_every_target_is_tried():
    assert sorted(TARGETS) == sorted(fuzz("--help").stdout.partition("--only {")[2].partition("}")[0].split(","))


def test_an_input_is_tried_again(tmp_path):
    path = tmp_path / "schemas-1"
    path.write_text('{"type": "strin"}')
    run = fuzz("--replay", str(path))
    assert (run.returncode, run.stdout.strip()) == (0, "refused")
