"""The papers behind the parts: found by short name or title, with the parts that implement them, what they claim, and their BibTeX.

They are kept in `foretell/data/papers.toml`. A part names its papers in `papers`; a plug-in may give a BibTeX entry there instead.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from foretell.catalog import KINDS, Entry, entries, name_of, plain
from foretell.catalog.part_text import setting_of
from foretell.errors import UserError
from foretell.parts import UnknownNameError

#: What may be said of a claim: it holds here, in part, or not.
VERDICTS = ("holds", "partly", "missed")


@dataclass(frozen=True)
class Claim:
    """A claim of a paper, what we measured, the command that measures it, and the verdict: "holds", "partly" or "missed"."""

    claim: str
    ours: str
    command: str
    verdict: str


@dataclass(frozen=True)
class Paper:
    """A paper. name: its short name. Where it appeared is one of booktitle (a conference), journal, publisher (a book), school (a
    thesis) and url, or none of them; arxiv: its number there. aliases: other short names. system: whether it is one of the systems
    that Foretell implements in this version or a later one. code: dotted paths of what implements it beside parts. Fields that are
    not known are empty."""

    name: str
    title: str
    authors: tuple[str, ...]
    year: int
    booktitle: str = ""
    journal: str = ""
    publisher: str = ""
    school: str = ""
    arxiv: str = ""
    url: str = ""
    aliases: tuple[str, ...] = ()
    system: bool = False
    code: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def venue(self) -> str:
        """Where and when it appeared: "ACL 2025, arXiv 2408.08696"."""
        place = self.booktitle or self.journal or self.publisher or self.school
        return ", ".join(filter(None, [f"{place} {self.year}".strip(), f"arXiv {self.arxiv}" if self.arxiv else "", self.url]))

    @property
    def reference(self) -> str:
        """One line: first author, title, where it appeared."""
        family = self.authors[0].split()[-1]
        authors = f"{family} et al." if len(self.authors) > 2 else " and ".join(name.split()[-1] for name in self.authors)
        return f'{family if self.authors[1:] == ("others",) else authors}, "{self.title}", {self.venue}'

    def bibtex(self) -> str:
        """The BibTeX entry; its key is the short name.

        >>> print(papers()["hydra"].bibtex().partition(",")[0])
        @misc{hydra
        """
        place = {"booktitle": self.booktitle, "journal": self.journal, "publisher": self.publisher, "school": self.school}
        kinds = {"booktitle": "inproceedings", "journal": "article", "publisher": "book", "school": "phdthesis"}
        kind = next((kinds[field] for field, value in place.items() if value), "misc")
        fields = {"title": f"{{{self.title}}}", "author": " and ".join(self.authors), **place, "year": str(self.year)}
        if self.arxiv:
            fields |= {"eprint": self.arxiv, "archivePrefix": "arXiv"}
        fields |= {"url": self.url}
        lines = [f"  {field} = {{{_escaped(value)}}}," for field, value in fields.items() if value]
        return "\n".join([f"@{kind}{{{self.name},", *lines, "}"])


def _escaped(text: str) -> str:
    """Text with TeX's special characters escaped, but for braces."""
    return re.sub(r"[&%$#_]", r"\\\g<0>", text)


@cache
def papers() -> dict[str, Paper]:
    """All papers that are known, by short name."""
    table = tomllib.loads(files("foretell.data").joinpath("papers.toml").read_text(encoding="utf-8"))
    return {name: _paper(name, fields) for name, fields in table.items()}


def _paper(name: str, fields: dict[str, Any]) -> Paper:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    values["claims"] = tuple(Claim(**claim) for claim in fields.get("claims", ()))
    return Paper(name, **values)


def find_paper(text: str) -> Paper:
    """The paper of that short name or title, or whose title holds the text. Raises UnknownNameError, which suggests the nearest short
    name, and UserError where several titles hold the text.

    >>> find_paper("rsd").year, find_paper("Stop Regressing").name, find_paper("token recycling").name
    (2024, 'hl-gauss', 'token-recycling')
    """
    known = papers()
    for paper in known.values():
        if plain(text) in map(plain, (paper.name, *paper.aliases, paper.title)):
            return paper
    wanted = _words(text)
    found = [paper for paper in known.values() if f" {wanted} " in f" {_words(paper.title)} "] if len(wanted) > 3 else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(paper.name for paper in found[:8]) + (", ..." if len(found) > 8 else "")
        raise UserError(f"{text!r} is in the titles of {len(found)} papers: {names}; give one of these names")
    raise UnknownNameError(f"there is no paper called {text!r}: {nearest_paper(text)}")


def nearest_paper(text: str) -> str:
    """The end of an error message about a misspelt paper: the short name of the nearest, by its names, its title or its title's
    beginning of the same length."""
    wanted = _words(text)
    names: dict[str, str] = {}
    for paper in papers().values():
        for name in (paper.name, *paper.aliases, paper.title, " ".join(_words(paper.title).split()[: len(wanted.split())])):
            names.setdefault(_words(name), paper.name)
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    return f"did you mean {names[close[0]]!r}?" if close else "`foretell list paper` shows all"


def _words(text: str) -> str:
    """In lower-case, with single spaces in place of all but letters and digits."""
    return " ".join(re.findall(r"\w+", text.lower()))


def parts_of(paper: Paper) -> list[Entry]:
    """Every part that names the paper, of any kind."""
    return [entry for kind in KINDS for entry in entries(kind) if paper.name in entry.papers]


def used_by(*parts: Any) -> dict[str, tuple[str, ...]]:
    """The papers of parts and of all parts within them, by the name of the part: {"top-k": ("story-generation",)}; parts without a
    paper are left out. Settings that are None count as the component that stands for them.

    >>> from foretell.decoding.samplers.top_k import TopK
    >>> used_by(TopK(8))
    {'top-k': ('story-generation',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in parts:
        if isinstance(part, tuple | list):
            found |= used_by(*part)
        elif dataclasses.is_dataclass(part) and not isinstance(part, type):
            named = tuple(getattr(part, "papers", ()))
            found |= {name_of(type(part)): named} if named else {}
            found |= used_by(*(setting_of(part, field.name) for field in dataclasses.fields(part) if hasattr(part, field.name)))
    return found


def bibliography(names: Iterable[str]) -> list[str]:
    """BibTeX entries of papers by short name, each once, in order; an entry stands for itself."""
    known = papers()
    return [name if name.lstrip().startswith("@") else known[name].bibtex() for name in dict.fromkeys(names)]
