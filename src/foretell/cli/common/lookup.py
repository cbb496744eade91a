"""What a name or title on the command line means: a part, a paper, or a model that comes with the package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from foretell.catalog import KINDS, Entry, entries, find, plain
from foretell.catalog.papers import Paper, find_paper, nearest_paper, papers
from foretell.models.default import INSTALL, NAME, SUMMARY, default_model_path
from foretell.models.locate import DEFAULT, VARIABLE
from foretell.models.shipped import CARD, shipped
from foretell.parts import UnknownNameError, nearest


@dataclass(frozen=True)
class ModelCard:
    """A model that can be loaded by its name. summary: its card's first sentence. text: the card, in Markdown. folder: where it is."""

    name: str
    summary: str
    text: str
    folder: str


def models() -> dict[str, ModelCard]:
    """The default model, the model in FORETELL_MODEL, and the models that come with the package, by name."""
    named = os.environ.get(VARIABLE)
    found = {DEFAULT: _default_card()}
    if named and named != DEFAULT and named not in shipped():
        found[named] = ModelCard(named, f"The model in {VARIABLE}", f"# {named}\n\nThe model in {VARIABLE}.", named)
    return found | _shipped_cards()


def chosen_model() -> str:
    """The name in `models` of the one that is loaded where none is named."""
    return os.environ.get(VARIABLE) or DEFAULT


def _default_card() -> ModelCard:
    try:
        where, state = str(default_model_path()), ""
    except FileNotFoundError:
        where, state = "not installed", f"; not installed: run `{INSTALL}`"
    text = f"# {NAME}\n\n{SUMMARY}{state}.\n\nFile: {where}. Load it with `ft.load()` or `--model {DEFAULT}`; {VARIABLE} names another one."
    return ModelCard(DEFAULT, f"{NAME}. {SUMMARY}{state}", text, where)


@cache
def _shipped_cards() -> dict[str, ModelCard]:
    found = {}
    for name, folder in shipped().items():
        text = (folder / CARD).read_text(encoding="utf-8")
        summary = " ".join(text.partition("\n\n")[2].partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")
        found[name] = ModelCard(name, summary, text, f"foretell/data/models/{name}")
    return found


def look_up(text: str) -> Entry | Paper | ModelCard:
    """The part of that name or class name; else the paper of that short name or title; else the part of that alias; else the model of that
    name. Raises UnknownNameError, which suggests the nearest name of all."""
    for kind in KINDS:
        for entry in entries(kind):
            if text in (entry.name, entry.class_name):
                return entry
    if text in models():
        return models()[text]
    if plain(text) == plain(NAME):
        return models()[DEFAULT]
    known = papers().values()
    if not any(plain(text) in map(plain, (paper.name, *paper.aliases, paper.title)) for paper in known):
        try:
            return find(text)
        except UnknownNameError:
            pass
    try:
        return find_paper(text)
    except UnknownNameError:
        names = [*(entry.name for kind in KINDS for entry in entries(kind)), *models()]
        part, paper = nearest(text, names), nearest_paper(text)
        suggestion = part if part.startswith("did you mean") else paper
        raise UnknownNameError(f"there is no part, paper or model called {text!r}: {suggestion}") from None
