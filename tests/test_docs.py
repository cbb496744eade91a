"""The site's generated pages are complete, and the "add your own" example works as it says."""

from __future__ import annotations

import doctest
import importlib
import re
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import generate
import hooks
import pytest

from foretell import catalog
from foretell.catalog import DECODING, KINDS, entries, parts
from foretell.decoding.recipe import Recipe

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.fixture
def plugin(monkeypatch):
    """The example package, as if it were installed."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "phrases"))
    offered = EntryPoints([EntryPoint("phrases", "phrases:Phrases", "foretell.drafters")])
    monkeypatch.setattr(catalog, "entry_points", lambda: offered)
    catalog.refresh()
    yield catalog.find("phrases").load()
    monkeypatch.undo()
    catalog.refresh()
    sys.modules.pop("phrases", None)


@pytest.mark.parametrize("entry", [entry for kind in DECODING for entry in entries(kind)], ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_every_part_has_a_page(entry):
    room = KINDS[entry.kind].plural
    page = hooks.pages()[f"methods/{room}/{entry.name}.md"]
    assert f"[{entry.name}]({room}/{entry.name}.md)" in hooks.pages()["methods/index.md"]
    for label in ("Guarantee", "Cost"):
        assert f"| {label} |" in page, f"{entry.class_name}: its docstring has no {label}"
    assert "## Example" in page, f"{entry.class_name}: its docstring has no example"
    assert all(f"| `{option}` |" in page for option, _, _ in entry.options)
    assert all(f"papers.md#{paper}" in page for paper in entry.papers)


NUMBERS = ("estimator", "forecaster", "bandit", "unlearning-method")


@pytest.mark.parametrize("entry", [entry for kind in NUMBERS for entry in entries(kind)], ids=lambda entry: entry.name)
def test_every_estimator_and_forecaster_has_a_page(entry):
    room = KINDS[entry.kind].plural
    page = hooks.pages()[f"methods/{room}/{entry.name}.md"]
    assert f"[{entry.name}]({room}/{entry.name}.md)" in hooks.pages()["methods/index.md"]
    assert "## Example" in page or entry.kind == "unlearning-method", f"{entry.name}: its docstring has no example"
    assert all(f"| `{option}` |" in page for option, _, _ in entry.options)


def test_every_page_is_in_the_navigation():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f": {page.name}\n" not in nav] == []


def test_every_component_is_on_their_page():
    page = hooks.pages()["methods/components.md"]
    assert all(f"| `{entry.class_name}` |" in page for entry in entries("component"))


@pytest.mark.every_part
def test_lists_made_from_the_code_are_current():
    """README's table of parts, the table of seeds in exactness.md, and papers.md."""
    changes = generate.difference()
    assert not changes, f"run `{generate.COMMAND}`, which changes:\n{changes}"


def test_lists_are_made_in_their_places():
    text = "before\n<!-- generated: parts by hand -->\nold\n<!-- end generated -->\nafter"
    lines = generate.filled(text).splitlines()
    assert (lines[:2], lines[-2:]) == (["before", "<!-- generated: parts by hand -->"], ["<!-- end generated -->", "after"])
    rows = re.findall(r"^\| ([a-z ]+) \| `([a-z-]+)`", "\n".join(lines), re.MULTILINE)
    assert ("sampler step", "top-k") in rows
    assert ("estimator", "histogram-regressor") in rows
    for path in generate.generated():
        whole = path.name in ("papers.md", "benchmarks.md")
        assert whole or "<!-- generated: " in path.read_text(encoding="utf-8"), f"{path} has no place for a list"


def test_what_a_seed_gives_is_told_by_options():
    """A drafter's row follows from its examples; where options decide, the fewest that do are named."""
    page = (ROOT / "docs" / "exactness.md").read_text(encoding="utf-8")
    fixed, drawn, dependent = re.findall(r"^\| (?:fixed candidates|drafts that are drawn).*$", page, re.MULTILINE)
    assert "`prompt-lookup`" in fixed
    assert '`draft-model` with `siblings="top-k"`' in fixed
    assert "`stochastic-beam`" in drawn
    assert '`scope="request"`' in drawn
    assert "`stand`" in dependent


def test_every_verb_is_on_the_page_of_the_program():
    verbs = [path.stem.replace("_", "-") for path in (ROOT / "src" / "foretell" / "cli").glob("*.py") if not path.stem.startswith("_")]
    assert set(re.findall(r"^## (.+)$", hooks.pages()["cli.md"], re.MULTILINE)) == set(verbs)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_reference_names_exist(page):
    for path in re.findall(r"^::: ([\w.]+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name), path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_examples_in_pages_run(page, plugin):
    """Blocks marked `pycon` are doctests, run in order, with the example package at hand."""
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(test).failed == 0


def test_the_example_plugin_is_found(plugin):
    assert "phrases" in parts("drafter")
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
    names = [name for kind in DECODING for name in parts(kind)]
    texts = [text for text in re.findall(r"`([^`\n]+)`", page) if text.split("(")[0].split()[0].rstrip(",") in names]
    assert len(texts) >= 8
    for text in texts:
        first = text.split("(")[0].split()[0].rstrip(",")
        Recipe.parse(text if first in parts("drafter") else f"plain, {text}")
