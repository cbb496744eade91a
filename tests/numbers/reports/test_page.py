"""The page of a fit or forecast: whole, alone, legible to screen readers, in colours that follow the theme."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from jinja2 import UndefinedError

from foretell.numbers.reports import plots
from foretell.numbers.reports.drawing import COLOURS
from foretell.numbers.reports.page import Section, page, write_page

Y = np.random.RandomState(0).gamma(3, 100, 200)
PREDICTED = Y + np.random.RandomState(1).normal(0, 50, 200)
INTERVAL = np.stack([PREDICTED - 60, PREDICTED + 60], axis=1)
SERIES = np.cumsum(np.random.RandomState(2).normal(size=(90, 6)), axis=0)
NAMES = ["a & b", "c", "d", "e", "f", "g"]


@pytest.fixture(scope="module")
def sections():
    band = np.stack([SERIES[-12:] - 1, SERIES[-12:] + 1], axis=2)
    return [
        Section("Scores", "Of <all>.", head=["", "R2"], rows=[["ridge", "0.5"], ["mean", "0"]], marked=0),
        plots.truth_plot(Y, PREDICTED, "$price < $5"),
        plots.residual_plot(Y, PREDICTED),
        plots.interval_plot(Y, INTERVAL, 0.9),
        plots.fan_plot(SERIES, SERIES[-12:], NAMES, band),
        plots.horizon_plot({"a": np.arange(5.0), "b": np.ones(5)}),
        plots.loss_plot([(1, 3.0), (2, 1.0), (3, 2.0)]),
        Section("What was run", facts={"rows": 200}),
    ]


@pytest.fixture(scope="module")
def text(sections):
    return page("A page", sections, "It says so.", ["beware of <b>"])


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.labels = [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.labels += [found["aria-label"]] if tag == "svg" else []
        if tag not in ("meta", "link", "br", "hr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_its_names_are_unique(text):
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)) <= {(name, "") for name in tags.ids} | {
        ("", name) for name in tags.ids
    }
    assert len(tags.labels) == 6
    assert all(len(label) > 20 for label in tags.labels)


def test_nothing_is_fetched(text):
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', text) == []
    assert "@import" not in text
    assert "<script" not in text


def test_colours_follow_the_theme(text):
    plots_only = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert re.findall(r"#[0-9a-f]{6}\b", plots_only) == []
    defined = set(re.findall(r"(--\w+):", text))
    assert set(re.findall(r"var\((--\w+)\)", text)) <= defined
    assert {f"--{name}" for name in COLOURS} <= defined
    for name, colour in COLOURS.items():  # drawn in the page's own light colours
        assert f"--{name}: {colour}" in text


def test_words_are_escaped(text):
    assert "Of &lt;all&gt;." in text
    assert "beware of &lt;b&gt;" in text
    assert "$price &lt; $5" in text
    assert "a &amp; b" in text


def test_what_the_sections_say(sections):
    words = {section.title: section.words for section in sections}
    inside = np.mean(np.abs(Y - INTERVAL.mean(axis=1)) <= 60)
    assert words["Intervals of 90%"] == f"{inside:.1%} of 200 true values lie inside, 90% were asked for; mean width 120."
    assert words["Loss"] == "The least is 1, at step 2."
    assert "The first 4 of 6 series are shown." in words["Forecast"]


def test_a_page_is_written_as_a_whole(tmp_path, sections):
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(UndefinedError):
        write_page(path, "A page", [None])
    assert path.read_text() == "before"
    write_page(path, "A page", sections)
    assert "<h2>Scores</h2>" in path.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
