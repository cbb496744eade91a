"""A part's docstring taken apart into what people look for: what it is, its guarantee, its needs, its price, its paper."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

#: Words that open a labelled sentence, as in "Needs: nothing." or "Needs, state: those of the parts."
LABELS = ("Guarantee", "Condition", "Needs", "Cost", "State", "Grade", "Shapes", "Units", "Errors")
_LABEL = re.compile(rf"(?:^|(?<=[.)\]:] ))((?:{'|'.join(LABELS)})(?:, (?:{'|'.join(LABELS).lower()}))*): ")
_CITATION = re.compile(r"""[A-Z][\w'-]+(?: et al\.| and [A-Z][\w'-]+)?, "|\bThe OpenAI API's|Foretell's own""")
_SENTENCE_END = re.compile(r"(?<!et al)\. (?=[A-Z])")


@dataclass
class Sections:
    """what: paragraphs. labelled: by label ("Guarantee", ...). options: what the text says of an option. paper, example: as written."""

    what: list[str] = field(default_factory=list)
    labelled: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    paper: str = ""
    example: str = ""


def take_apart(doc: str, options: Collection[str] = ()) -> Sections:
    """
    >>> found = take_apart("Copies. k: how many.\\n\\nGuarantee: exact. Cost: none.\\nMiao et al., \\"SpecInfer\\", section 3.", ["k"])
    >>> found.what, found.options, found.labelled, found.paper
    (['Copies.'], {'k': 'how many.'}, {'Guarantee': 'exact.', 'Cost': 'none.'}, 'Miao et al., "SpecInfer", section 3.')
    """
    found = Sections()
    papers = []
    for paragraph in doc.split("\n\n"):
        if paragraph.lstrip().startswith(">>>"):
            found.example = f"{found.example}\n\n{paragraph}".strip()
            continue
        prose, *labelled = _LABEL.split(" ".join(paragraph.split()))
        prose, paper = _split_paper(_take_options(prose, options, found.options))
        papers.append(paper)
        if prose:
            found.what.append(prose)
        for label, text in zip(labelled[::2], labelled[1::2], strict=True):
            text, paper = _split_paper(text)
            papers.append(paper)
            found.labelled[label] = f"{found.labelled.get(label, '')} {text}".strip()
    found.paper = " ".join(filter(None, papers))
    return found


def _split_paper(text: str) -> tuple[str, str]:
    """The text before the first sentence that cites, and from there on."""
    citation = _CITATION.search(text)
    if citation is None:
        return text.strip(), ""
    starts = [match.end() for match in _SENTENCE_END.finditer(text) if match.end() <= citation.start()]
    start = starts[-1] if starts else 0
    return text[:start].strip(), text[start:].strip()


def _take_options(prose: str, options: Collection[str], into: dict[str, str]) -> str:
    """Move "name: what it does." sentences of known options into the table; returns the rest."""
    if not options:
        return prose
    names = "|".join(map(re.escape, options))
    rest, *pieces = re.split(rf"(?:^|(?<=[.;)] ))((?:{names})(?:, (?:{names}))*): ", prose)
    for listed, text in zip(pieces[::2], pieces[1::2], strict=True):
        into.update({name: text.strip().rstrip(";") for name in listed.split(", ")})
    return rest.strip()
