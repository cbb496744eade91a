"""Pages made from the code when the site is built: one for every part, found by discovery, the program's, and the Python reference.

MkDocs calls the functions that start with `on_`. `pages()` does the work and needs no MkDocs, so that tests can call it.
In a hand-written page, a line `::: foretell.generate` is replaced by that object's signature and docstring.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from foretell.cli.common.catalog import NUMBERS, Entry, catalog, numbers
from foretell.cli.common.docstring import take_apart
from foretell.decoding.registry import ROOMS, find

ROOT = Path(__file__).resolve().parent.parent
#: Kinds of what has a page, with their rooms.
KINDS = {**ROOMS, **NUMBERS}
_DIRECTIVE = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)


def pages() -> dict[str, str]:
    """Generated pages by their path below docs/."""
    made = {f"methods/{KINDS[entry.kind]}/{entry.name}.md": part_page(entry) for entry in (*catalog(), *numbers())}
    made["methods/index.md"] = index_page()
    made["cli.md"] = program_page()
    for name in ("CHANGELOG", "LOG", "CONTRIBUTING"):
        made[f"{name.lower()}.md"] = (ROOT / f"{name}.md").read_text(encoding="utf-8")
    return made


def part_page(entry: Entry) -> str:
    """The page of one part, made of its docstring and its settings."""
    found = take_apart(entry.doc, [name for name, _, _ in entry.options])
    also = f"; a recipe may also call it {', '.join(f'`{alias}`' for alias in entry.aliases)}" if entry.aliases else ""
    article = "An" if entry.kind[0] in "aeiou" else "A"
    lines = [f"# {entry.name}", "", f"{article} {entry.kind}, in `{entry.file}`{also}."]
    for paragraph in found.what or [entry.summary]:
        lines += ["", paragraph]
    facts = {**_claims(entry), **found.labelled}
    if entry.symbol:
        facts = {"In a recipe": f"`a {entry.symbol} b`", **facts}
    lines += _table(["claim", ""], [[label, text] for label, text in facts.items()])
    if entry.options:
        rows = [
            [f"`{name}`", f"`{kind}`", f"`{default}`" if default else "required", found.options.get(name, "")]
            for name, kind, default in entry.options
        ]
        lines += ["", "## Options", *_table(["option", "type", "default", "meaning"], rows)]
    if found.example:
        lines += ["", "## Example", "", "```pycon", *_imports(entry, found.example), found.example, "```"]
    if found.paper:
        lines += ["", "## Source", "", found.paper]
    return "\n".join(lines) + "\n"


def _imports(entry: Entry, example: str) -> list[str]:
    """The imports that a docstring's example takes from its own file."""
    module = importlib.import_module(_class(entry).__module__)
    imported = " ".join(re.findall(r"import (.+)", example))
    names = [name for name in dict.fromkeys(re.findall(r"\b[A-Z]\w+", example)) if hasattr(module, name) and name not in imported]
    homes = sorted({(getattr(module, name).__module__, name) for name in names})
    return [f">>> from {home} import {name}" for home, name in homes]


def _class(entry: Entry) -> Any:
    if entry.kind in ROOMS:
        return find(entry.name, entry.kind)[1]
    from foretell.numbers.registry import find as find_number

    return find_number(entry.name, NUMBERS[entry.kind])


def _claims(entry: Entry) -> dict[str, str]:
    """What the class itself declares, beside what its docstring says."""
    cls = _class(entry)
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
    lines = ["# All methods", "", "Every part, estimator and forecaster that is found, ours and those of installed plug-ins."]
    entries = [*catalog(), *numbers()]
    for kind, room in KINDS.items():
        rows = [[f"[{entry.name}]({room}/{entry.name}.md)", entry.guarantee, entry.summary] for entry in entries if entry.kind == kind]
        lines += ["", f"## {room.capitalize()}", *_table(["name", "law", "what it is"], rows)]
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
        lines += _table(["", "meaning", "default"], rows)
    return "\n".join(lines) + "\n"


def _argument(each: Any) -> str:
    name = each.name.upper() + ("..." if each.nargs == -1 else "")
    return name if each.required else f"[{name}]"


def _default(each: Any) -> str:
    if isinstance(each.show_default, str):
        return each.show_default
    return "" if each.default is None or each.default is False or callable(each.default) else f"`{each.default}`"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    used = [i for i in range(len(head)) if any(row[i] for row in rows)]  # a column without an entry is left out
    lines = [[head[i] for i in used], ["---"] * len(used), *([_cell(row[i]) for i in used] for row in rows)]
    return ["", *("| " + " | ".join(line) + " |" for line in lines)]


def _cell(text: str) -> str:
    """Text that may stand in a table: on one line, with bars and angle brackets escaped outside of code."""
    pieces = " ".join(text.split()).split("`")
    return "`".join(piece if i % 2 else piece.replace("|", "\\|").replace("<", "&lt;") for i, piece in enumerate(pieces))


def reference(path: str) -> str:
    """Signature and docstring of the object at a dotted path, and of a class's own public methods."""
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    lines = [f"### {name}", "", f"`{thing.__module__}.{name}`", ""]
    lines += [*_code(name, thing), _prose(thing.__doc__ or "")]
    if inspect.isclass(thing):
        for key, member in vars(thing).items():
            call = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            told = inspect.getdoc(call.fget if isinstance(call, property) else call)
            if not key.startswith("_") and told and (inspect.isfunction(call) or isinstance(call, property)):
                lines += ["", f"#### {name}.{key}", "", *_code(key, call), _prose(told)]
    return "\n".join(lines)


def _code(name: str, thing: Any) -> list[str]:
    """A signature as a block of code; nothing for properties, exceptions and what has none."""
    if isinstance(thing, property) or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return []
    try:
        signature = inspect.signature(thing)
    except (ValueError, TypeError):
        return []
    given, parameters = [], [each for key, each in signature.parameters.items() if key not in ("self", "cls")]
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not any(one.startswith("*") for one in given):
            given.append("*")
        mark = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        kind = f": {each.annotation}" if each.annotation is not each.empty else ""
        default = "" if each.default is each.empty else f" = {each.default!r}".replace("<factory>", "...")
        given.append(f"{mark}{each.name}{kind}{default}")
    result = f" -> {signature.return_annotation}" if signature.return_annotation not in (signature.empty, "None") else ""
    text = f"{name}({', '.join(given)}){result}"
    if len(text) > 100:
        text = f"{name}(\n" + "".join(f"    {each},\n" for each in given) + f"){result}"
    return ["```python", text, "```", ""]


def _prose(text: str) -> str:
    """A docstring as Markdown: doctests become code."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(f"```pycon\n{each}\n```" if each.startswith(">>>") else each for each in paragraphs) + "\n"


def on_config(config: Any) -> Any:
    """Fill the navigation's "Methods" with what is found."""
    entries = [*catalog(), *numbers()]
    rooms = {
        room.capitalize(): [f"methods/{room}/{entry.name}.md" for entry in entries if entry.kind == kind] for kind, room in KINDS.items()
    }
    for item in config.nav:
        if "Methods" in item:
            item["Methods"] = ["methods/index.md", *({room: uris} for room, uris in rooms.items())]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    for uri, text in pages().items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace `::: path` lines."""
    return _DIRECTIVE.sub(lambda match: reference(match.group(1)), markdown)
