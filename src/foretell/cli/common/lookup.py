"""What a name or title on the command line means: a part, a paper, or a model that comes with the package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from foretell.catalog import KINDS, Entry, entries, find, plain
from foretell.catalog.papers import Paper, find_paper, nearest_paper, papers
from foretell.models.shipped import CARD, shipped
from foretell.parts import UnknownNameError, nearest


@dataclass(frozen=True)
class ModelCard:
    """A model that comes with the package. summary: its card's first sentence. text: the card, in Markdown. folder: its folder."""

    name: str
    summary: str
    text: str
    folder: str


@cache
def models() -> dict[str, ModelCard]:
    """The models that come with the package, by name."""
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
