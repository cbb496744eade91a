"""Classes read from source without running it: their ancestors, attributes and dataclass fields."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Class:
    """A class as written: where, and the node."""

    module: str
    node: ast.ClassDef


def is_part(part: Class, contract: tuple[str, str]) -> bool:
    """Whether it fulfils the contract with no abstract method left."""
    return any((each.module, each.node.name) == contract for each in lineage(part)[1:]) and is_final(part)


def is_final(part: Class) -> bool:
    """Whether no abstract method is left."""
    seen: set[str] = set()
    for each in lineage(part):
        for node in each.node.body:
            if isinstance(node, ast.FunctionDef) and node.name not in seen:
                seen.add(node.name)
                if any("abstractmethod" in ast.unparse(decorator) for decorator in node.decorator_list):
                    return False
    return True


def lineage(part: Class) -> list[Class]:
    """The class and its ancestors, nearest first, as far as their source is in packages that hold parts."""
    line = [part]
    for base in part.node.bases:
        found = _resolve(part.module, base.id) if isinstance(base, ast.Name) else None
        line += lineage(found) if found else []
    return line


def _resolve(module: str, name: str) -> Class | None:
    """The class that `name` means in a module, followed through its imports; None for classes of other packages."""
    for node in tree(path(module)).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Class(module, node)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in ("foretell", module.partition(".")[0]):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _resolve(node.module, alias.name)
    return None


def method(part: Class, name: str) -> bool:
    """Whether the class or an ancestor defines this method."""
    return any(isinstance(node, ast.FunctionDef) and node.name == name for each in lineage(part) for node in each.node.body)


def attribute(part: Class, name: str) -> ast.expr | None:
    """What a class attribute is set to, in the class or its nearest ancestor that sets it."""
    for each in lineage(part):
        for node in each.node.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == name:
                return node.value
    return None


def options(part: Class) -> Iterator[tuple[str, str, str | None]]:
    """Dataclass fields, an inherited one in its first place with its last default."""
    fields: dict[str, tuple[str, str | None]] = {}
    for each in reversed(lineage(part)):
        for node in each.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.unparse(node.annotation):
                fields[node.target.id] = (ast.unparse(node.annotation), None if node.value is None else _default(node.value))
    for name, (kind, default) in fields.items():
        yield name, kind, default


def _default(value: ast.expr) -> str:
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("field"):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords}
        return f"{given['default_factory']}()" if "default_factory" in given else given.get("default", "")
    return ast.unparse(value)


@cache
def path(module: str) -> str:
    """The file of a module, found without importing it."""
    top, _, rest = module.partition(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        raise LookupError(module)
    file = Path(spec.origin)
    if rest:
        file = file.parent.joinpath(*rest.split("."))
        file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
    return str(file)


def file(module: str) -> str:
    """A module's file as it is shown: from its package's folder on.

    >>> file("foretell.decoding.drafters.plain")
    'foretell/decoding/drafters/plain.py'
    """
    here = Path(path(module))
    folders = module.count(".") + (here.stem == "__init__")
    return "/".join(here.parts[-1 - folders :])


@cache
def tree(file: str) -> ast.Module:
    """A file, parsed."""
    return ast.parse(Path(file).read_text(encoding="utf-8"))
