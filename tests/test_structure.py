"""The structure that docs/design.md promises: which way imports point, how long method files are, what no file says."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "foretell"
FILES = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path for path in PACKAGE.rglob("*.py")}

pytestmark = pytest.mark.every_part
#: Who may know whom, by the first name below `foretell`. `foretell` itself resolves names only when they are used.
#: Small files that every room may know.
COMMON = {"arguments", "errors", "files", "json_files", "locks", "moved", "parts", "pool", "progress", "words"}
KNOWS: dict[str, set[str]] = {
    "arguments": set(),
    "errors": set(),
    "files": set(),
    "json_files": set(),
    "locks": set(),
    "moved": set(),
    "pool": set(),
    "progress": set(),
    "reports": set(),
    "parts": set(),
    "words": set(),
    "data": set(),
    "catalog": {"data"},
    "models": set(),
    "decoding": {"catalog", "models"},
    "rules": {"catalog", "models", "decoding"},
    "testing": {"catalog", "models", "decoding", "rules"},
    "prepare": {"models", "decoding", "rules"},
    "retrying": {"decoding"},
    "options": {"models", "decoding"},
    "result_html": set(),
    "result": {"models", "decoding", "rules", "result_html"},
    "call": {"models", "decoding", "rules", "prepare", "result"},
    "streaming": {"models", "decoding", "rules", "call", "options", "result"},
    "api": {"models", "decoding", "rules", "prepare", "retrying", "call", "options", "result", "streaming"},
    "asynchronous": {"models", "decoding", "api", "options", "result", "streaming"},
    "many": {"models", "decoding", "rules", "prepare", "call", "options", "result"},
    "prompt_file": set(),
    "phrases": {"models", "decoding"},
    "completion": {"catalog", "models", "decoding", "prepare"},
    "extraction": {"models", "decoding", "rules", "prepare"},
    "bench": {"catalog", "models", "decoding", "rules", "prepare", "data", "reports"},
    "training": {"models"},
    "numbers": {"catalog", "models", "decoding", "rules", "prepare", "training", "data", "reports"},
    "number_distribution": {"models", "decoding", "rules", "prepare", "numbers"},
    "__main__": {"cli"},
    "cli": {
        "foretell", "catalog", "models", "decoding", "rules", "prepare", "api", "phrases", "completion", "extraction", "data", "bench",
        "testing", "training", "numbers", "reports", "retrying", "call", "many", "options", "prompt_file", "result",
        "streaming",
    },
}  # fmt: skip
#: Rooms within `decoding` and `rules`, and the order of their imports: a room knows the ones before it. The contracts and values that
#: all of them share lie beside them in `decoding/`.
LAYERS = {
    "decoding": (
        "successors",  # names that moved
        "samplers",
        "choosing",
        "pacing",
        "drafting",
        "searching",
        "drafters",
        "verifiers",
        "choosers",
        "paces",
        "routers",
        "groups",
        "searches",
    ),
    "rules": ("automata", "patterns", "grammars", "schemas", "analysis", "aligned", "constraints"),
}
#: Files of `decoding` that no part may know: what runs parts, and what names them.
ABOVE = ("loop", "recipe")
#: Folders that hold one method a file.
METHODS = (
    "decoding/drafters", "decoding/verifiers", "decoding/paces", "decoding/samplers", "decoding/routers", "decoding/searches",
    "decoding/choosers", "decoding/drafting/trees", "rules/constraints",
)  # fmt: skip
#: Method files that are longer than others may be, each with its reason. Empty is the aim.
LONG: dict[str, str] = {}
LONGEST = 200


def room_of(module: str) -> str:
    """Its first name below `foretell`, "foretell" for the package itself."""
    return module.removeprefix("foretell.").partition(".")[0]


@cache
def imported_by(module: str) -> frozenset[str]:
    """Modules of the package that a file imports at any depth, within functions and for type checkers too. The folder that it lies
    in, which Python has loaded before it, does not count, nor does asking for the version."""
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: write absolute imports"
            names = [f"{node.module}.{alias.name}" for alias in node.names if alias.name != "__version__"]
            found |= {name if name in FILES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(name for name in found if name in FILES and (name == "foretell" or not f"{module}.".startswith(f"{name}.")))


def test_imports_between_rooms_point_one_way():
    wrong = []
    for module in FILES.keys() - {"foretell"}:
        room = room_of(module)
        assert room in KNOWS, f"{room} is a new room: say in KNOWS whom it may know"
        wrong += [f"{module} imports {other}" for other in imported_by(module) if room_of(other) not in KNOWS[room] | COMMON | {room}]
    assert sorted(wrong) == []


def test_no_room_knows_one_that_knows_it():
    TopologicalSorter(KNOWS).prepare()


def test_imports_between_files_point_one_way():
    """Nor do deferred imports hide a circle."""
    try:
        TopologicalSorter({module: imported_by(module) for module in FILES if module != "foretell"}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(("house", "rooms"), LAYERS.items())
def test_rooms_within_a_room_are_ordered(house, rooms):
    """A room within `decoding` or `rules` knows those before it, never those behind it; only searches know the loop."""
    wrong = []
    for module in FILES:
        place = module.split(".")
        if place[1:2] != [house] or len(place) < 4:
            continue
        assert place[2] in rooms, f"{house}/{place[2]} is a new room: say in LAYERS where it stands"
        for other in imported_by(module):
            there = other.split(".")
            inside = len(there) > 3 and there[1] == house and there[2] != place[2]
            if inside and rooms.index(there[2]) > rooms.index(place[2]):
                wrong.append(f"{module} imports {other}")
            if house == "decoding" and there[1:2] == ["decoding"] and there[2:] in [[name] for name in ABOVE] and place[2] != "searches":
                wrong.append(f"{module} imports {other}")
    assert sorted(wrong) == []


def test_a_circle_and_a_hidden_import_would_be_seen():
    assert "foretell.decoding.recipe" in imported_by("foretell.api")
    assert "foretell.models.engines.torch_engine" in imported_by("foretell.models.load")  # within a function
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def test_method_files_are_short():
    rooms = [*(PACKAGE / room for room in METHODS), PACKAGE / "training", PACKAGE / "numbers"]
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for room in rooms for path in room.rglob("*.py")}
    assert {name: num for name, num in lengths.items() if num > LONGEST and name not in LONG} == {}
    assert all(lengths.get(name, 0) > LONGEST for name in LONG), "LONG names files that are short or gone"


def test_no_file_says_where_it_was_written():
    """Paths of somebody's machine mean nothing on another."""
    private = re.compile(r"(?<![\w.])/(?:work|root|tmp|home/\w|Users/\w)")
    folders = ("src", "tests", "docs", "examples", "benchmarks")
    files = [*ROOT.glob("*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    texts = [path for path in files if path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".svg", ".css", ".j2", ".jsonl"}]
    assert len(texts) > 300
    assert [str(path) for path in texts if private.search(path.read_text(encoding="utf-8"))] == []
