"""The sections of a part's docstring: what it is, its guarantee, needs and cost, its paper and its example."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

#: Labels that open a sentence, as in "Needs: nothing." or "Needs, state: those of the parts."
LABELS = ("Guarantee", "Condition", "Needs", "Cost", "State", "Grade", "Shapes", "Units", "Errors")
_LABEL = re.compile(rf"(?:^|(?<=[.)\]:] ))((?:{'|'.join(LABELS)})(?:, (?:{'|'.join(LABELS).lower()}))*): ")
_CITATION = re.compile(r"""[A-Z][\w'-]+(?: et al\.| and [A-Z][\w'-]+)?, "|\bThe OpenAI API's|Foretell's own""")
_SENTENCE_END = re.compile(r"(?<!et al)\. (?=[A-Z])")


@dataclass
class DocstringSections:
    """what: paragraphs on what the part is. labelled: text by label ("Guarantee", ...). options: the meaning of each option. paper,
    example: as written."""

    what: list[str] = field(default_factory=list)
    labelled: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    paper: str = ""
    example: str = ""


def take_apart(doc: str, options: Collection[str] = ()) -> DocstringSections:
    """The sections of a docstring. options: names of the part's options, whose meanings are looked for.

    >>> found = take_apart("Copies. k: how many.\\n\\nGuarantee: exact. Cost: none.\\nMiao et al., \\"SpecInfer\\", section 3.", ["k"])
    >>> found.what, found.options, found.labelled, found.paper
    (['Copies.'], {'k': 'how many.'}, {'Guarantee': 'exact.', 'Cost': 'none.'}, 'Miao et al., "SpecInfer", section 3.')
    """
    found = DocstringSections()
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
    """The text before the first sentence that cites a paper, and the rest."""
    citation = _CITATION.search(text)
    if citation is None:
        return text.strip(), ""
    starts = [match.end() for match in _SENTENCE_END.finditer(text) if match.end() <= citation.start()]
    start = starts[-1] if starts else 0
    return text[:start].strip(), text[start:].strip()


def _take_options(prose: str, options: Collection[str], into: dict[str, str]) -> str:
    """Move sentences "name: meaning." of known options into a table; returns the other text."""
    if not options:
        return prose
    names = "|".join(map(re.escape, options))
    rest, *pieces = re.split(rf"(?:^|(?<=[.;)] ))((?:{names})(?:, (?:{names}))*): ", prose)
    for listed, text in zip(pieces[::2], pieces[1::2], strict=True):
        into.update({name: text.strip().rstrip(";") for name in listed.split(", ")})
    return rest.strip()
