"""go.py: installs once, mends what is half made, leaves a stranger's folder alone, and says what is wrong."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def go(tmp_path, monkeypatch):
    """go.py in an empty clone, with steps that are noted in `go.done` instead of run."""
    spec = importlib.util.spec_from_file_location("foretell_go", ROOT / "go.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("as committed")
    venv = tmp_path / ".venv"
    for name, value in {"ROOT": tmp_path, "VENV": venv, "OURS": venv / "made-by-go.txt", "STAMP": venv / "finished.txt"}.items():
        monkeypatch.setattr(module, name, value)
    module.done = []
    monkeypatch.setattr(module, "step", lambda number, what, command: module.done.append(number))
    return module


def test_installs_once_and_then_starts_at_once(go):
    go.prepare("run")
    assert go.done == [1, 2, 3]
    go.prepare("run")
    assert go.done == [1, 2, 3]


def test_tests_add_what_they_need_and_keep_it(go):
    go.prepare("run")
    go.prepare("test")
    assert go.done == [1, 2, 3, 2, 3]  # the .venv is kept
    go.prepare("run")
    assert go.done == [1, 2, 3, 2, 3]


def test_changed_dependencies_are_brought_up_to_date(go):
    go.prepare("test")
    (go.ROOT / "constraints.txt").write_text("another version")
    go.prepare("run")
    assert go.done == [1, 2, 3, 2, 3]
    assert go.STAMP.read_text().startswith("test\n")  # still with what tests need


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_half_made_folder_is_made_anew(go, monkeypatch, failing):
    def interrupted(number, what, command):
        if number == failing:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(go, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            go.prepare("run")
    (go.VENV / "rest-of-the-first-try").touch()
    go.prepare("run")
    assert go.done == [1, 2, 3]
    assert not (go.VENV / "rest-of-the-first-try").exists()


def test_a_folder_of_somebody_else_is_left_alone(go, capsys):
    go.VENV.mkdir()
    (go.VENV / "precious").touch()
    assert go.main(["list"]) == 1
    assert (go.VENV / "precious").exists()
    assert "was not made by go.py" in capsys.readouterr().err


def test_an_old_python_is_told_so(go, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2, "final", 0))
    assert go.main(["list"]) == 1
    assert "needs Python 3.11 or newer, and this is 3.10" in capsys.readouterr().err


def test_a_failing_step_shows_what_it_said(monkeypatch):
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import go
go.step(2, "installing", [sys.executable, "-c", "print('no space left'); raise SystemExit(3)"])
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert "[2/3] installing" in ended.stderr
    assert "exit status 3" in ended.stderr
    assert "no space left" in ended.stderr
    assert "disk space" in ended.stderr


@pytest.mark.parametrize(
    ("words", "handed"),
    [
        ([], []),
        (["token-recycling"], ["-p", "tests.part_selection", "--part", "token-recycling"]),
        (["Stop Regressing", "-x", "tests/decoding"], ["-p", "tests.part_selection", "--part", "Stop Regressing", "-x", "tests/decoding"]),
        (["-k", "never_slower"], ["-k", "never_slower"]),
        (["tests/decoding", "-x"], ["tests/decoding", "-x"]),
        (["test_go.py::test_installs"], ["test_go.py::test_installs"]),
        (["a-folder"], ["a-folder"]),
    ],
)
def test_a_first_word_that_is_no_option_and_no_path_is_a_part(go, words, handed):
    (go.ROOT / "a-folder").mkdir()
    assert go.selected(words) == handed
