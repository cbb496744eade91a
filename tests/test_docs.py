"""The site's generated pages are complete, and the "add your own" example works as it says."""

from __future__ import annotations

import doctest
import importlib.util
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from foretell.cli.common import catalog as catalog_module
from foretell.decoding import registry
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.recipe import Recipe

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def load(path: Path, name: str):
    """A module from a file outside the package."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hooks():
    return load(ROOT / "docs" / "hooks.py", "foretell_docs_hooks")


@pytest.fixture
def plugin(monkeypatch):
    """The example package, as if it were installed."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "phrases"))
    entry = EntryPoint("phrases", "phrases:Phrases", "foretell.drafters")
    real = registry.entry_points

    def offered(group: str) -> list[EntryPoint]:
        return [*real(group=group), *([entry] if entry.group == group else [])]

    for module in (registry, catalog_module):
        monkeypatch.setattr(module, "entry_points", offered)
    caches = (registry.parts, catalog_module.catalog)
    for cached in caches:
        cached.cache_clear()
    yield registry.find("phrases")[1]
    monkeypatch.undo()
    for cached in caches:
        cached.cache_clear()
    sys.modules.pop("phrases", None)


def test_every_part_has_a_page(hooks):
    pages = hooks.pages()
    for kind, room in registry.ROOMS.items():
        for name, cls in registry.parts(kind).items():
            page = pages[f"methods/{room}/{name}.md"]
            assert f"[{name}]({room}/{name}.md)" in pages["methods/index.md"]
            for label in ("Law", "Cost"):
                assert f"| {label} |" in page, f"{cls.__name__}: its docstring has no {label}"
            assert "## Example" in page, f"{cls.__name__}: its docstring has no example"
            assert all(f"| `{field}` |" in page for field in cls.__dataclass_fields__)


@pytest.mark.parametrize("entry", catalog_module.numbers(), ids=lambda entry: entry.name)
def test_every_estimator_and_forecaster_has_a_page(hooks, entry):
    room = catalog_module.NUMBERS[entry.kind]
    page = hooks.pages()[f"methods/{room}/{entry.name}.md"]
    assert f"[{entry.name}]({room}/{entry.name}.md)" in hooks.pages()["methods/index.md"]
    assert "## Example" in page, f"{entry.name}: its docstring has no example"
    assert all(f"| `{option}` |" in page for option, _, _ in entry.options)


def test_what_a_seed_gives_is_said_of_every_drafter():
    """By what its examples do: fixed candidates, drawn drafts, or drawn ones that depend on other requests."""
    page = (ROOT / "docs" / "exactness.md").read_text(encoding="utf-8")
    fixed, drawn, dependent = re.findall(r"^\| (?:fixed candidates|drafts that are drawn).*$", page, re.MULTILINE)
    for name, cls in registry.parts("drafter").items():
        for example in [] if issubclass(cls, Composite) else cls.examples():
            row = fixed if not example.traits.samples else dependent if example.traits.learns else drawn
            assert not example.traits.proposes or f"`{name}`" in row, f"{example!r} is missing from the row {row!r}"


def test_every_verb_is_on_the_page_of_the_program(hooks):
    verbs = [path.stem.replace("_", "-") for path in (ROOT / "src" / "foretell" / "cli").glob("*.py") if not path.stem.startswith("_")]
    assert set(re.findall(r"^## (.+)$", hooks.pages()["cli.md"], re.MULTILINE)) == set(verbs)


def test_reference_names_exist(hooks):
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert "::: " not in hooks.on_page_markdown(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_examples_in_pages_run(page, plugin):
    """Blocks marked `pycon` are doctests, run in order, with the example package at hand."""
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(test).failed == 0


def test_the_example_plugin_is_found(plugin, hooks):
    assert "phrases" in registry.parts("drafter")
    assert "phrases" in [entry.name for entry in catalog_module.catalog()]
    assert "known phrase" in hooks.pages()["methods/drafters/phrases.md"]
    recipe = Recipe.parse("phrases(phrases=((1, 2, 3),)) > token-recycling, pace=4")
    assert recipe.drafter.drafters[0] == plugin(((1, 2, 3),))
    assert Recipe.parse(str(recipe)) == recipe


def test_the_recipe_on_the_page_parses(plugin):
    page = (ROOT / "docs" / "add-your-own.md").read_text(encoding="utf-8")
    [text] = re.findall(r'--recipe "(.+)"', page)
    Recipe.parse(text)


@pytest.mark.parametrize("name", ["choose.md", "recipes.md"])
def test_recipes_on_a_page_parse(name):
    page = (ROOT / "docs" / name).read_text(encoding="utf-8").replace('model="..."', 'model="default"')
    page = re.sub(r"<code>(.*?)</code>", lambda match: "`" + match.group(1).replace("&#124;", "|").replace("&gt;", ">") + "`", page)
    names = [name for kind in registry.ROOMS for name in registry.parts(kind)]
    texts = [text for text in re.findall(r"`([^`\n]+)`", page) if text.split("(")[0].split()[0].rstrip(",") in names]
    assert len(texts) >= 8
    for text in texts:
        first = text.split("(")[0].split()[0].rstrip(",")
        Recipe.parse(text if first in registry.parts("drafter") else f"plain, {text}")
