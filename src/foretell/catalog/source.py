"""Classes read from source, without running it: their ancestors, attributes and options.

The catalogue is read so, because importing the parts would import torch, which takes seconds. Griffe, with which the documentation
reads the package, takes two seconds for all of it; `foretell show` reads the files that it needs in a twentieth of one.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path


@dataclass(frozen=True)
class ClassSource:
    """A class as it is written: the dotted name of its module, and its node there."""

    module: str
    node: ast.ClassDef

    @property
    def name(self) -> str:
        """The class's name."""
        return self.node.name

    @cached_property
    def lineage(self) -> tuple[ClassSource, ...]:
        """The class and its ancestors, nearest first, as far as they are written in Foretell or in the class's own package."""
        return (self, *(each for base in self._bases if isinstance(base, ClassSource) for each in base.lineage))

    @cached_property
    def ancestors(self) -> frozenset[str]:
        """Dotted paths of all ancestors, those of other packages as far as they are named."""
        own = {f"{each.module}.{each.name}" for each in self.lineage[1:]}
        return frozenset(own | {base for each in self.lineage for base in each._bases if isinstance(base, str)})

    @cached_property
    def _bases(self) -> tuple[ClassSource | str, ...]:
        """What the class inherits directly: `Base`, `module.Base`, or either with type arguments."""
        plain = [base.value if isinstance(base, ast.Subscript) else base for base in self.node.bases]
        return tuple(base for node in plain if (base := resolve(self.module, ast.unparse(node))) is not None)

    @property
    def is_final(self) -> bool:
        """Whether no abstract method is left."""
        seen: set[str] = set()
        for node in self._members(ast.FunctionDef):
            if node.name not in seen:
                seen.add(node.name)
                if any("abstractmethod" in ast.unparse(decorator) for decorator in node.decorator_list):
                    return False
        return True

    def attribute(self, name: str) -> ast.expr | None:
        """What a class attribute is set to, in the class or in its nearest ancestor that sets it; None where none does."""
        for node in self._members(ast.Assign, ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == name and node.value is not None:
                return node.value
        return None

    def literal(self, name: str, default: object) -> object:
        """As `attribute`, as a value; `default` where the attribute is not set."""
        node = self.attribute(name)
        return default if node is None else ast.literal_eval(node)

    def options(self) -> list[tuple[str, str, str | None]]:
        """(name, type, default) of each dataclass field as written, default None where a value must be given. An inherited field is
        in its first place with its last default."""
        fields: dict[str, tuple[str, str, str | None]] = {}
        decorated = [each for each in self.lineage if any("dataclass" in ast.unparse(mark) for mark in each.node.decorator_list)]
        for each in reversed(decorated):
            for node in each.node.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.unparse(node.annotation):
                    default = None if node.value is None else _default(node.value)
                    fields[node.target.id] = (node.target.id, ast.unparse(node.annotation), default)
        return list(fields.values())

    def _members(self, *kinds: type) -> Iterator:
        """Nodes of these kinds in the class's body, then in its ancestors'."""
        return (node for each in self.lineage for node in each.node.body if isinstance(node, kinds))


def classes_of(module: str) -> list[ClassSource]:
    """The classes that a module defines."""
    return [ClassSource(module, node) for node in tree(path(module)).body if isinstance(node, ast.ClassDef)]


@cache
def resolve(module: str, name: str) -> ClassSource | str | None:
    """The class that `name` means in a module, followed through imports: its source where that is in Foretell or in the module's own
    package, else its dotted path; None for names that are not imported, such as built-in classes."""
    first, _, rest = name.partition(".")
    for node in tree(path(module)).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return ClassSource(module, node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if first == (alias.asname or alias.name):
                    found = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
                    home, _, cls = (f"{found}.{rest}" if rest else found).rpartition(".")
                    is_near = home.partition(".")[0] in ("foretell", module.partition(".")[0])
                    return resolve(home, cls) if is_near else f"{home}.{cls}"
    return None


def _default(value: ast.expr) -> str:
    """A field's default as text, of `field(...)` what it makes."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("field"):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords}
        return f"{given['default_factory']}()" if "default_factory" in given else given.get("default", "")
    return ast.unparse(value)


@cache
def path(module: str) -> str:
    """The file of a module, found without importing it. Raises LookupError where there is none."""
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
