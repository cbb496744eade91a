"""Draws the rooms of the package and the imports between them: `python docs/structure.py [PACKAGE [IMAGE.svg]]`.

A box is a folder, with its files and lines. A folder that has both files and folders is two boxes: the files that its folders import
("contracts") and the files that import its folders ("run"). An arrow says that files of the upper box import files of the lower one; the
thicker, the more of them. A box stands on the floor above the highest box that it imports. An arrow that runs up, drawn red, is part of a
circle. Arrows to the small files that every room may know are left out. Needs matplotlib.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Folders that are drawn with their own folders as boxes.
OPENED = ("decoding", "rules", "models")
#: Small files that every room may know.
COMMON = {"errors", "parts", "locks", "moved", "pool", "catalog", "files", "progress", "words"}


def modules_of(package: Path) -> dict[str, Path]:
    """Files by dotted name below the package; the package's own `__init__` is left out."""
    files = {".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path for path in package.rglob("*.py")}
    return {name: path for name, path in files.items() if name not in ("__init__", *OPENED)}


def imports_of(modules: dict[str, Path], package: str) -> dict[str, set[str]]:
    """What each file imports of the package, within functions too."""
    found: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}."):
                base = node.module.removeprefix(f"{package}.")
                targets = {f"{base}.{alias.name}" for alias in node.names} | {base}
                found[name] |= {target for target in targets if target in modules and target != name}
    return found


def rooms_of(modules: dict[str, Path], imports: dict[str, set[str]]) -> dict[str, str]:
    """The box of each file."""
    rooms = {}
    for name in modules:
        first, *rest = name.split(".")
        rooms[name] = f"{first}/{rest[0]}" if first in OPENED and len(rest) > 1 else first
    for room in OPENED:
        inner = {name for name in modules if rooms[name].startswith(f"{room}/")}
        loose = [name for name in modules if name.startswith(f"{room}.") and name not in inner and name.count(".") == 1]
        above = {name for name in loose if imports[name] & inner}
        while more := {name for name in loose if name not in above and imports[name] & above}:
            above |= more
        for name in loose:
            rooms[name] = f"{room}: run" if name in above else f"{room}: contracts"
    return rooms


def floors_of(arrows: dict[tuple[str, str], int], rooms: set[str]) -> dict[str, int]:
    """Each box's floor: 0 imports nothing, others stand above what they import. Circles are broken where fewest imports run back."""
    below = defaultdict(set)
    for upper, lower in sorted(arrows, key=lambda pair: -arrows[pair]):
        if not _reaches(below, lower, upper):
            below[upper].add(lower)
    floors: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in floors:
            floors[room] = max((floor(lower) + 1 for lower in below[room]), default=0)
        return floors[room]

    for room in rooms:
        floor(room)
    return floors


def _reaches(below: dict[str, set[str]], start: str, goal: str) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        room = waiting.pop()
        if room == goal:
            return True
        waiting += below[room] - seen
        seen |= below[room]
    return False


def draw(package: Path, image: Path) -> list[tuple[str, str]]:
    """Write the picture; returns the arrows that run up."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    modules = modules_of(package)
    imports = imports_of(modules, package.name)
    rooms = rooms_of(modules, imports)
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules.items()}
    arrows: Counter[tuple[str, str]] = Counter()
    for name, targets in imports.items():
        arrows.update((rooms[name], rooms[target]) for target in targets if rooms[target] != rooms[name] and rooms[target] not in COMMON)
    floors = floors_of(arrows, set(rooms.values()) - COMMON)
    lines, files = Counter(), Counter()
    for name, room in rooms.items():
        lines[room] += sizes[name]
        files[room] += 1
    by_floor = defaultdict(list)
    for room, floor in floors.items():
        by_floor[floor].append(room)
    widest = max(len(row) for row in by_floor.values())
    figure, axes = plt.subplots(figsize=(2.1 * widest + 0.5, 1.05 * len(by_floor) + 0.4))
    places = {}
    for floor, row in by_floor.items():
        for number, room in enumerate(sorted(row)):
            places[room] = ((number + 0.5) * widest / len(row), floor)
    up = []
    for (upper, lower), count in arrows.items():
        (x0, y0), (x1, y1) = places[upper], places[lower]
        rising = y0 <= y1
        up += [(upper, lower)] if rising else []
        style = {
            "arrowstyle": "-|>",
            "color": "#c62828" if rising else "#8793a5",
            "lw": 0.4 + min(count, 30) / 14,
            "alpha": 1 if rising else 0.55,
        }
        axes.annotate("", (x1, y1 + 0.22), (x0, y0 - 0.22), arrowprops=style)
    for room, (x, y) in places.items():
        label = f"{room}\n{files[room]} files, {lines[room] / 1000:.1f}k lines"
        axes.text(
            x,
            y,
            label,
            ha="center",
            va="center",
            fontsize=8,
            bbox={"boxstyle": "round,pad=0.35", "fc": "#eef2f7", "ec": "#44546a", "lw": 0.8},
        )
    axes.set(xlim=(-0.1, widest + 0.1), ylim=(-0.6, len(by_floor) - 0.4))
    axes.axis("off")
    with plt.rc_context({"svg.hashsalt": "structure", "svg.fonttype": "none"}):
        figure.savefig(image, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return sorted(up)


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "src" / "foretell"
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "images" / "structure.svg"
    rising = draw(chosen, target)
    print(f"wrote {target}; arrows that run up: {', '.join(f'{upper} -> {lower}' for upper, lower in rising) or 'none'}")
