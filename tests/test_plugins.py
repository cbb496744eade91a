"""A package installed beside Foretell joins the program, the bench, the law kit and the site by its entry points alone.

Each test asks a fresh interpreter, in which the packages are installed as an installer leaves them: modules and a
`.dist-info` folder on the path. Nothing is fetched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.models.files import save_tokenizer
from tests.models.zoo import random_llama

ROOT = Path(__file__).parents[1]
#: The package of docs/add-your-own.md; and one whose verifier says that it is exact, and is not.
PHRASES, HASTY = ROOT / "examples" / "phrases", "hasty"
RECIPE = "phrases(phrases=((1, 2, 3),)) > token-recycling, pace=4"
HASTY_PROJECT = """
[project]
name = "foretell-hasty"
version = "0.1.0"
[project.entry-points."foretell.verifiers"]
hasty = "hasty:Hasty"
"""
HASTY_MODULE = '''
from dataclasses import dataclass

from foretell.decoding.verifier import Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.parts import Guarantee


@dataclass(frozen=True)
class Hasty(Verifier):
    """Takes the first draft whatever its probability."""

    guarantee = Guarantee("exact", "so it says")
    kinds = Exact.kinds

    def choose(self, p, siblings, tree, draws):
        return (siblings[0], p) if siblings else (None, p)
'''


def install(project: Path, folder: Path) -> None:
    """What `pip install --target folder project` leaves of a project of single modules."""
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n", encoding="utf-8")
    groups = [[f"[{group}]", *(f"{name} = {path}" for name, path in offered.items())] for group, offered in told["entry-points"].items()]
    (info / "entry_points.txt").write_text("\n".join(line for group in groups for line in group), encoding="utf-8")
    for module in project.glob("*.py"):
        shutil.copy(module, folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`run("good", "foretell", "list")` starts that program where the example is installed, "broken" where Hasty is too."""
    made, base = tmp_path_factory.mktemp("projects"), tmp_path_factory.mktemp("site-packages")
    hasty = made / HASTY
    hasty.mkdir()
    (hasty / "pyproject.toml").write_text(HASTY_PROJECT, encoding="utf-8")
    (hasty / "hasty.py").write_text(HASTY_MODULE, encoding="utf-8")
    install(PHRASES, base / "good")
    install(PHRASES, base / "broken")
    install(hasty, base / "broken")
    settings = {
        "FORETELL_CACHE": str(made / "cache"),
        "FORETELL_CONFIG": str(made / "config"),
        "NO_MKDOCS_2_WARNING": "1",
        "COLUMNS": "140",
    }

    def start(installed: str, *words: str) -> subprocess.CompletedProcess:
        path = os.pathsep.join([str(base / installed), *sys.path])
        environment = {**os.environ, **settings, "PYTHONPATH": path}
        program = ["-c", "from foretell.cli import main; main()"] if words[0] == "foretell" else ["-m", words[0]]
        command = [sys.executable, *program, *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, env=environment, timeout=300)

    return start


def good(result: subprocess.CompletedProcess) -> str:
    """What a program printed that was to end well."""
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def test_list_and_show(run):
    assert "Where the text ends in the beginning of a known phrase" in good(run("good", "foretell", "list", "drafter"))
    told = json.loads(good(run("good", "foretell", "show", "phrases", "--json")))
    assert (told["kind"], told["file"], list(told["options"])) == ("drafter", "phrases.py", ["phrases", "min_match"])
    assert "hasty" in good(run("broken", "foretell", "list", "verifier"))


def test_bench_and_generate_take_it(run, tmp_path):
    """Named nowhere, as an arm of its own; and composed with one of ours."""
    random_llama(259, num_layers=1, context=1024).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    options = ["--model", str(tmp_path), "--dtype", "fp32", "--threads", "1", "--max-new-tokens", "4", "--json"]
    recipes = json.loads(good(run("good", "foretell", "bench", "--limit", "1", *options)))["recipes"]
    arms = [recipe["name"] for recipe in recipes]
    assert {"plain", "phrases", "prompt-lookup"} <= set(arms)
    told = json.loads(good(run("good", "foretell", "generate", "hi", "--recipe", RECIPE, *options)))
    assert told["recipe"].startswith("phrases(phrases=((1, 2, 3),)) > token-recycling")


def test_the_law_kit_and_the_contract_checks_find_it(run):
    """By the same discovery that tests our own parts."""
    printed = good(
        run("good", "pytest", "-p", "no:cacheprovider", "tests/testing/test_laws.py", "tests/testing/test_contracts.py", "-k", "phrases")
    )
    assert int(re.findall(r"(\d+) passed", printed)[0]) >= 4, printed


def test_the_law_kit_catches_a_verifier_that_is_not_what_it_says(run):
    result = run("broken", "pytest", "-p", "no:cacheprovider", "tests/testing/test_laws.py", "-x", "-k", "every_combination and phrases")
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(r"UnlawfulError: phrases\(.*, hasty, .* output distribution is off by", result.stdout), result.stdout[-3000:]


def test_the_site_has_a_page_of_it(run, tmp_path):
    pytest.importorskip("mkdocstrings")
    good(run("good", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)))
    page = (tmp_path / "methods" / "drafters" / "phrases" / "index.html").read_text(encoding="utf-8")
    assert "propose the rest of it" in page
    assert "min_match" in page
    assert "phrases" in (tmp_path / "methods" / "index.html").read_text(encoding="utf-8")
