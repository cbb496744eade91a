"""Every public class, function, method and property has a docstring. An override may inherit the docstring of its base."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "foretell"
#: Rooms (first names below `foretell`) that are not checked yet. Empty is the aim.
PENDING: tuple[str, ...] = ()
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in PENDING)

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public_definitions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, Definition]]:
    """(qualified name, node) of the public definitions in a module's or a class's body."""
    for node in body:
        if isinstance(node, ast.If):  # a definition that depends on the Python version or on type checking
            yield from public_definitions([*node.body, *node.orelse], owner)
        if not isinstance(node, Definition) or node.name.startswith("_") or is_secondary(node):
            continue
        name = f"{owner}.{node.name}" if owner else node.name
        yield name, node
        if isinstance(node, ast.ClassDef):
            yield from public_definitions(node.body, name)


def is_secondary(node: Definition) -> bool:
    """Whether the docstring stands elsewhere: at the getter of a property, or at the implementation of an overloaded function."""
    names = {decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "") for decorator in node.decorator_list}
    return bool(names & {"setter", "deleter", "overload"})


def undocumented(path: Path) -> list[str]:
    """Public definitions of a file without a docstring of their own or, for methods and properties, of a base class."""
    names = []
    for name, node in public_definitions(ast.parse(path.read_text(encoding="utf-8")).body):
        if not (ast.get_docstring(node) or "").strip() and not inherits_docstring(module_of(path), name, node):
            names.append(f"{module_of(path)}:{node.lineno} {name}")
    return names


def inherits_docstring(module: str, name: str, node: Definition) -> bool:
    """Whether a method or property overrides one that has a docstring. Classes need their own."""
    *owners, attribute = name.split(".")
    if not owners or isinstance(node, ast.ClassDef):
        return False
    owner: object = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    overridden = [vars(base)[attribute] for base in inspect.getmro(owner) if attribute in vars(base)]  # type: ignore[arg-type]
    return any((thing.__doc__ or "").strip() and thing.__doc__ != type(thing).__doc__ for thing in overridden)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def test_public_definitions_have_docstrings():
    assert [name for path in FILES for name in undocumented(path)] == []


def test_modules_with_code_have_docstrings():
    sources = {path: path.read_text(encoding="utf-8") for path in FILES}
    assert [module_of(path) for path, source in sources.items() if source.strip() and not ast.get_docstring(ast.parse(source))] == []


def test_the_list_of_pending_rooms_names_rooms():
    assert [room for room in PENDING if not (PACKAGE / room).exists()] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): pass", ["f"]),
        ("def _f(): pass", []),
        ("class A:\n    '''Yes.'''\n    def f(self): pass\n    class B: pass", ["A.f", "A.B"]),
        ("class A:\n    '''Yes.'''\n    @property\n    def f(self): 'Yes.'\n    @f.setter\n    def f(self, x): pass", []),
    ],
)
def test_missing_docstrings_are_found(source, names):
    definitions = public_definitions(ast.parse(source).body)
    assert [name for name, node in definitions if not ast.get_docstring(node)] == names
