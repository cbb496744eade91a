"""Every benchmark says what it claims, how it is run, how long it takes and whether its claim holds, and all of that in its --help."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks_index import FOLDER, Benchmark, benchmarks

ROOT = Path(__file__).parents[1]
NAMES = [each.name for each in benchmarks()]


@pytest.fixture(params=benchmarks(), ids=lambda each: each.name)
def benchmark(request) -> Benchmark:
    return request.param


def test_its_docstring_has_all_that_the_index_shows(benchmark):
    assert all((benchmark.claim, benchmark.command, benchmark.takes, benchmark.holds)), benchmark
    assert benchmark.claim.endswith((".", "?")), "the first paragraph is the claim, in whole sentences"


def test_its_help_is_its_whole_docstring(benchmark):
    """A parser with `description=__doc__.splitlines()[0]` ended in mid-sentence; one without a parser ran the benchmark for --help."""
    tree = ast.parse((FOLDER / f"{benchmark.name}.py").read_text())
    [call] = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "argparse.ArgumentParser"]
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    assert options["description"] == "__doc__"
    assert options["formatter_class"] == "argparse.RawDescriptionHelpFormatter"


def test_the_page_lists_it(benchmark):
    assert f"`{benchmark.command}`" in (ROOT / "docs" / "benchmarks.md").read_text()


def test_what_is_no_program_is_a_helper_of_one():
    helpers = {path.stem for path in FOLDER.glob("*.py")} - set(NAMES)
    code = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    assert {name for name in helpers if f"from {name} import" not in code and f"import {name}" not in code} == set()


@pytest.mark.slow
def test_help_works(benchmark):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, str(FOLDER / f"{benchmark.name}.py"), "--help"]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    doc = ast.get_docstring(ast.parse((FOLDER / f"{benchmark.name}.py").read_text()))
    assert " ".join(doc.split()) in " ".join(run.stdout.split())
