"""Pages made from the code when the site is built: one for every part, those of lists, and the program's.

MkDocs calls the functions that start with `on_`. `pages()` does the work and needs no MkDocs, so that tests can call it. The Python
reference is made by mkdocstrings, from the `:::` lines of api.md.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from foretell.catalog import KINDS, Entry, entries
from foretell.catalog.papers import papers
from foretell.cli.common.docstring import take_apart

ROOT = Path(__file__).resolve().parent.parent
#: Kinds whose parts have a page each; those of other kinds stand on one page together.
PAGED = tuple(kind for kind in KINDS if kind not in ("component", "peer"))
#: Hand-written files beside docs/ that are pages too.
FILES = ("CHANGELOG", "LOG", "CONTRIBUTING")


def pages() -> dict[str, str]:
    """Generated pages by their path below docs/."""
    made = {page_of(entry): part_page(entry) for kind in PAGED for entry in entries(kind)}
    made["methods/index.md"] = index_page()
    made["methods/components.md"] = components_page()
    made["cli.md"] = program_page()
    for name in FILES:
        made[f"{name.lower()}.md"] = (ROOT / f"{name}.md").read_text(encoding="utf-8")
    return made


def page_of(entry: Entry) -> str:
    """The path of the page that a part is on."""
    return f"methods/{KINDS[entry.kind].plural}/{entry.name}.md" if entry.kind in PAGED else "methods/components.md"


def part_page(entry: Entry) -> str:
    """The page of one part, made of its docstring and its settings."""
    found = take_apart(entry.doc, [name for name, _, _ in entry.options])
    also = f"; a recipe may also call it {', '.join(f'`{alias}`' for alias in entry.aliases)}" if entry.aliases else ""
    article = "An" if entry.kind[0] in "aeiou" else "A"
    lines = [f"# {entry.name}", "", f"{article} {entry.kind.replace('-', ' ')}, in `{entry.file}`{also}."]
    for paragraph in found.what or [entry.summary]:
        lines += ["", paragraph]
    facts = {**_claims(entry), **found.labelled}
    if entry.symbol:
        facts = {"As text": f"`a {entry.symbol} b`", **facts}
    lines += table(["claim", ""], [[label, text] for label, text in facts.items()])
    if entry.options:
        rows = [
            [f"`{name}`", f"`{kind}`", f"`{default}`" if default else "required", found.options.get(name, "")]
            for name, kind, default in entry.options
        ]
        lines += ["", "## Options", *table(["option", "type", "default", "meaning"], rows)]
    if found.example:
        lines += ["", "## Example", "", "```pycon", *_imports(entry, found.example), found.example, "```"]
    if found.paper or entry.papers:
        named = [f"[{name}](../../papers.md#{name}), {papers()[name].venue}" for name in entry.papers if name in papers()]
        lines += ["", "## Source", "", found.paper, "", *(f"- {each}" for each in named)]
    return "\n".join(lines) + "\n"


def _imports(entry: Entry, example: str) -> list[str]:
    """The imports that a docstring's example takes from its own file."""
    module = importlib.import_module(entry.module)
    imported = " ".join(re.findall(r"import (.+)", example))
    names = [name for name in dict.fromkeys(re.findall(r"\b[A-Z]\w+", example)) if hasattr(module, name) and name not in imported]
    homes = sorted({(getattr(module, name).__module__, name) for name in names})
    return [f">>> from {home} import {name}" for home, name in homes]


def _claims(entry: Entry) -> dict[str, str]:
    """What the class itself declares, beside what its docstring says."""
    cls = entry.load()
    if entry.kind == "verifier":
        return {"Takes": ", ".join(sorted(f"`{kind.value}`" for kind in cls.kinds)) + " drafts"}
    if entry.kind != "drafter":
        return {}
    answers = {frozenset({True}): "yes", frozenset({False}): "no"}
    examples = cls.examples()
    draws = frozenset(each.traits.samples for each in examples)
    learns = frozenset(each.traits.learns for each in examples)
    varies = "as its parts do" if entry.symbol else "as its options say"
    return {"Samples its drafts": answers.get(draws, varies), "Learns across requests": answers.get(learns, varies)}


def index_page() -> str:
    """All parts, in one table a kind."""
    lines = [
        "# All methods",
        "",
        "Every part, estimator and forecaster that is found, ours and those of installed plug-ins. What estimators are made of:",
        "[Components](components.md). The papers behind all of them: [Papers](../papers.md).",
    ]
    for kind in PAGED:
        room = KINDS[kind].plural
        rows = [[f"[{entry.name}]({room}/{entry.name}.md)", entry.guarantee, entry.summary] for entry in entries(kind)]
        lines += ["", f"## {room.replace('-', ' ').capitalize()}", *table(["name", "guarantee", "what it is"], rows)]
    return "\n".join(lines) + "\n"


def components_page() -> str:
    """What estimators and forecasters are made of, a table for each folder."""
    lines = [
        "# Components",
        "",
        "What estimators and forecasters are made of: `--set target=HLGauss` names one on the command line, `target=HLGauss()` in Python.",
    ]
    found = entries("component")
    for folder in dict.fromkeys(entry.file.rpartition("/")[0] for entry in found):
        inside = [entry for entry in found if entry.file.rpartition("/")[0] == folder]
        rows = [[f"`{entry.class_name}`", ", ".join(f"`{name}`" for name, _, _ in entry.options), entry.summary] for entry in inside]
        lines += ["", f"## {folder.rpartition('/')[2].capitalize()}", "", f"In `{folder}/`."]
        lines += table(["class", "options", "what it is"], rows)
    return "\n".join(lines) + "\n"


def program_page() -> str:
    """Every verb of the program with its options, as the program itself knows them."""
    import typer

    from foretell.cli.common.app import make_app

    group: Any = typer.main.get_command(make_app())
    lines = ["# Command line", "", group.help or "", "", "`foretell VERB --help` says the same in the terminal. In a clone that is not"]
    lines += ["installed, `python3 go.py` stands for `foretell`."]
    for name, verb in sorted(group.commands.items()):
        arguments = [each for each in verb.params if each.param_type_name == "argument"]
        usage = " ".join([f"foretell {name}", *(_argument(each) for each in arguments), "[OPTIONS]"])
        lines += ["", f"## {name}", "", inspect.cleandoc(verb.help or ""), "", "```text", usage, "```"]
        rows = [[f"`{each.name.upper()}`", getattr(each, "help", "") or "", ""] for each in arguments]
        rows += [
            [", ".join(f"`{flag}`" for flag in each.opts + each.secondary_opts), each.help or "", _default(each)]
            for each in verb.params
            if each.param_type_name == "option" and not each.hidden
        ]
        lines += table(["", "meaning", "default"], rows)
        lines += ["", "```sh", *verb.examples, "```"]
    return "\n".join(lines) + "\n"


def _argument(each: Any) -> str:
    name = each.name.upper() + ("..." if each.nargs == -1 else "")
    return name if each.required else f"[{name}]"


def _default(each: Any) -> str:
    if isinstance(each.show_default, str):
        return each.show_default
    return "" if each.default is None or each.default is False or callable(each.default) else f"`{each.default}`"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table, an empty one before them; none without rows. A column without an entry is left out."""
    if not rows:
        return []
    used = [i for i in range(len(head)) if any(row[i] for row in rows)]  # a column without an entry is left out
    lines = [[head[i] for i in used], ["---"] * len(used), *([cell(row[i]) for i in used] for row in rows)]
    return ["", *("| " + " | ".join(line) + " |" for line in lines)]


def cell(text: str) -> str:
    """Text that may stand in a table: on one line, with bars and angle brackets escaped outside of code."""
    pieces = " ".join(text.split()).split("`")
    return "`".join(piece if i % 2 else piece.replace("|", "\\|").replace("<", "&lt;") for i, piece in enumerate(pieces))


def on_config(config: Any) -> Any:
    """Fill the navigation's "Methods" with what is found."""
    rooms = {KINDS[kind].plural.replace("-", " ").capitalize(): [page_of(entry) for entry in entries(kind)] for kind in PAGED}
    for item in config.nav:
        if "Methods" in item:
            item["Methods"] = ["methods/index.md", *({room: uris} for room, uris in rooms.items()), {"Components": "methods/components.md"}]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    for uri, text in pages().items():
        files.append(File.generated(config, uri, content=text))
    return files
