"""Papers: parts name theirs, docstrings and names agree, every paper is found, BibTeX parses."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest

from foretell.catalog import KINDS, Entry, entries
from foretell.catalog.papers import VERDICTS, Paper, bibliography, find_paper, papers, parts_of, used_by
from foretell.catalog.papers import _words as words
from foretell.errors import UserError
from foretell.parts import UnknownNameError

ROOT = Path(__file__).parents[2]
PARTS = [entry for kind in KINDS for entry in entries(kind) if entry.file.startswith("foretell/")]
#: The systems that are implemented, by the short names of their papers.
IMPLEMENTED = (
    "rsd", "s2d", "hl-gauss", "aded", "stand", "del", "superposed", "entropy-adaptive", "lexical-unit", "exact-extract", "grammar-aligned",
    "monitors", "jsonschemabench", "gauss-markov", "neural-bandit", "olinear", "supremix", "regression-unlearning", "sketched-regression",
    "token-recycling",
)  # fmt: skip
#: "Jeon et al., "Recursive ..."", and citations by year, whose title is not in quotation marks.
CITATION = re.compile(r"""[A-Z][\w'-]+(?: et al\.| and [A-Z][\w'-]+)?, "[A-Z]|\bPaper: |[A-Z][a-zè]+(?: et al\.)? \((?:19|20)\d\d\)""")


def fields_of(text: str) -> tuple[str, str, dict[str, str]]:
    """(type, key, fields) of a BibTeX entry, read strictly: balanced braces, each value in braces, a comma after each."""
    head = re.match(r"@(\w+)\{([^,\s{}]+),\s*", text)
    assert head, text
    place, fields = head.end(), {}
    while text[place] != "}":
        name = re.compile(r"(\w+)\s*=\s*\{").match(text, place)
        assert name, text[place:]
        depth, end = 1, name.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            end += 1
        fields[name.group(1)] = text[name.end() : end - 1]
        rest = re.compile(r"\s*,\s*").match(text, end)
        assert rest, text[end:]
        place = rest.end()
    assert text[place + 1 :].strip() == ""
    return head.group(1), head.group(2), fields


@pytest.mark.parametrize("paper", papers().values(), ids=lambda paper: paper.name)
def test_bibtex_parses_and_says_what_is_known(paper: Paper):
    kind, key, fields = fields_of(paper.bibtex())
    needed = {"article": "journal", "inproceedings": "booktitle", "book": "publisher", "phdthesis": "school", "misc": "title"}[kind]
    assert key == paper.name
    assert needed in fields
    assert fields["year"] == str(paper.year)
    assert fields["author"].split(" and ") == list(paper.authors)
    assert fields["title"].replace("\\", "") == f"{{{paper.title}}}"
    assert fields.get("eprint", "") == paper.arxiv
    assert not re.search(r"(?<!\\)[&%#_$]", "".join(value for name, value in fields.items() if name != "url"))


@pytest.mark.parametrize("paper", papers().values(), ids=lambda paper: paper.name)
def test_a_paper_is_well_formed(paper: Paper):
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", paper.name)
    assert not paper.arxiv or re.fullmatch(r"\d{4}\.\d{4,5}", paper.arxiv)
    assert 1950 <= paper.year <= 2030
    assert sum(map(bool, (paper.booktitle, paper.journal, paper.publisher, paper.school))) <= 1
    assert paper.system or parts_of(paper) or paper.code, "a paper that nothing here implements"
    for path in paper.code:
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)
    for claim in paper.claims:
        assert claim.verdict in VERDICTS
        for command in claim.command.split("; "):
            assert (ROOT / shlex.split(command)[1]).is_file(), command


def test_names_and_aliases_mean_one_paper():
    named = [name for paper in papers().values() for name in (paper.name, *paper.aliases)]
    assert len(named) == len(set(named))
    assert sum(paper.system for paper in papers().values()) == 56


@pytest.mark.parametrize("entry", PARTS, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_a_part_names_the_papers_that_its_docstring_cites(entry: Entry):
    """Both ways: every citation is named, and what is named is cited."""
    assert not set(entry.papers) - set(papers()), "unknown short names; add the paper to src/foretell/data/papers.toml"
    assert bool(CITATION.search(" ".join(entry.doc.split()))) <= bool(entry.papers), "the docstring cites a paper, `papers` names none"
    quoted = [words(title) for title in re.findall(r'"([A-Za-z][^"]{3,})"', " ".join(entry.doc.split()))]
    cited = {paper.name for paper in papers().values() for title in quoted if f"{words(paper.title)} ".startswith(f"{title} ")}
    assert cited <= set(entry.papers)
    years = {name for name in entry.papers if str(papers()[name].year) in entry.doc}  # cited without a title
    assert set(entry.papers) <= cited | years


@pytest.mark.parametrize("name", IMPLEMENTED)
def test_implemented_systems_have_parts_and_claims(name):
    paper = find_paper(name)
    assert paper.system
    assert parts_of(paper) or paper.code
    assert paper.claims
    assert find_paper(paper.title) == paper
    assert find_paper(paper.title.upper().replace(":", "")) == paper


def test_parts_of_a_paper():
    assert [entry.name for entry in parts_of(find_paper("rsd"))] == ["draft-model", "stochastic-beam", "exact", "recursive-rejection"]
    assert [entry.name for entry in parts_of(find_paper("hl-gauss"))] == ["histogram-regressor", "hl-gauss", "one-hot", "two-hot"]
    assert [entry.name for entry in parts_of(find_paper("del"))] == ["early-exit", "dynamic-exit-layer", "fsm"]
    assert parts_of(find_paper("hydra")) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sorted Speculative Decoding", "s2d"),
        ("stop regressing", "hl-gauss"),
        ("Gauss-Markov Adjunction", "gauss-markov"),
        ("a nearly-optimal bound for fast regression with ell_infty guarantee", "sketched-regression"),
        ("Fast Regression", "sketched-regression"),
        ("MEDUSA decoding", "hydra"),
        ("specdec++", "specdec-pp"),
        ("Lexical Units", "lexical-unit"),
    ],
)
def test_parts_of_titles_find_the_paper(text, name):
    assert find_paper(text).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rds", "did you mean 'rsd'"),
        ("stop regresing", "did you mean 'hl-gauss'"),
        ("Recursive Speculative Decodng", "did you mean 'rsd'"),
        ("supermix", "did you mean 'supremix'"),
        ("zzz", "`foretell list paper` shows all"),
    ],
)
def test_misspelt_papers_get_the_nearest(text, message):
    with pytest.raises(UnknownNameError, match=message):
        find_paper(text)


def test_texts_in_several_titles_list_them():
    with pytest.raises(UserError, match=r"in the titles of \d+ papers: .*; give one of these names"):
        find_paper("language models")


def test_what_is_used_is_found_within_parts():
    from foretell.decoding.recipe import Recipe

    used = used_by(Recipe.parse("prompt-lookup > token-recycling, exact, pace=4, temperature(0.7), top-p(0.9)"))
    assert list(used) == ["fallback", "prompt-lookup", "token-recycling", "exact", "fixed", "temperature", "top-p"]
    assert used["token-recycling"] == ("token-recycling",)
    assert used_by(Recipe.parse("plain, pace=bandit(chooser='lin-ucb')"))["lin-ucb"] == ("linucb",)


def test_components_that_stand_for_none_are_used():
    pytest.importorskip("sklearn")
    from foretell.numbers import HistogramRegressor
    from foretell.numbers.targets.two_hot import TwoHot

    assert list(used_by(HistogramRegressor())) == ["histogram-regressor", "hl-gauss"]
    assert list(used_by(HistogramRegressor(target=TwoHot()))) == ["histogram-regressor", "two-hot"]


def test_a_bibliography_has_each_entry_once_and_plug_ins_own():
    own = "@misc{ball, title = {{Balls}}}"
    assert bibliography(["rsd", own, "rsd"]) == [papers()["rsd"].bibtex(), own]
