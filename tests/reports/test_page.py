"""Pages and plots: well-formed, complete without a network, described for screen readers, in colours that follow the theme."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from jinja2 import UndefinedError

from foretell.errors import UserError
from foretell.files import FileWriteError
from foretell.reports import drawing as drawing_module
from foretell.reports import fit_plots, forecast_plots
from foretell.reports.bars import BarRow, Segment, horizontal_bars
from foretell.reports.labels import short_labels
from foretell.reports.lines import line_plot
from foretell.reports.page import Section, check_report_path, page, standalone, write_page
from foretell.reports.theme import COLOURS, PALETTE, SERIES

Y = np.random.RandomState(0).gamma(3, 100, 200)
PREDICTED = Y + np.random.RandomState(1).normal(0, 50, 200)
INTERVAL = np.stack([PREDICTED - 60, PREDICTED + 60], axis=1)
WALKS = np.cumsum(np.random.RandomState(2).normal(size=(90, 6)), axis=0)
BARS = [
    BarRow("a <1>", [Segment(2.0, "s1", "2 < 3"), Segment(1.0, "s2")], "3 s", (2.5, 3.5)),
    BarRow("b" * 60, [Segment(4.0, "own")], gap=0.5),
]
NAMES = ["a & b", "c", "d", "e", "f", "g"]


@pytest.fixture(scope="module")
def sections():
    band = np.stack([WALKS[-12:] - 1, WALKS[-12:] + 1], axis=2)
    return [
        Section("Scores", "Of <all>.", head=["", "R2"], rows=[["ridge", "0.5"], ["mean", "0"]], marked=0),
        fit_plots.truth_plot(Y, PREDICTED, "$price < $5"),
        fit_plots.residual_plot(Y, PREDICTED),
        fit_plots.interval_plot(Y, INTERVAL, 0.9),
        forecast_plots.fan_plot(WALKS, WALKS[-12:], NAMES, band),
        forecast_plots.horizon_plot({"a": np.arange(5.0), "b": np.ones(5)}),
        fit_plots.loss_plot([(1, 3.0), (2, 1.0), (3, 2.0)]),
        Section("Bars", figure=horizontal_bars("Bars of <a> and b, for the test", BARS, "seconds")),
        Section("Shades", head=["", "x", "y"], rows=[["a", "2", ""]], shades=[[0.5, 0.0]]),
        Section("What was run", facts={"rows": 200}, items=["<i> is no tag"]),
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
    assert len(tags.labels) == 7
    assert all(len(label) > 20 for label in tags.labels)


def test_nothing_is_fetched(text):
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', text) == []
    assert "@import" not in text
    assert "<script" not in text


def test_colours_follow_the_theme(text):
    plots = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert re.findall(r"#[0-9a-f]{6}\b", plots) == []
    light, dark = re.findall(r":root \{ (.*?)\}", text)
    assert dict(re.findall(r"--(\w+): (#\w+);", light)) == COLOURS
    assert dict(re.findall(r"--(\w+): (#\w+);", dark)) == {name: colours[1] for name, colours in PALETTE.items()}
    assert set(re.findall(r"var\(--(\w+)\)", text)) <= {*PALETTE, "shade"}
    assert len(set(COLOURS.values())) == len(PALETTE)  # a plot's colour says which variable it becomes


def test_words_are_escaped(text):
    assert "Of &lt;all&gt;." in text
    assert "beware of &lt;b&gt;" in text
    assert "$price &lt; $5" in text
    assert "a &amp; b" in text
    assert "&lt;i&gt; is no tag" in text
    assert "<title>2 &lt; 3</title>" in text
    assert "a &lt;1&gt;" in text


def test_what_the_sections_say(sections):
    words = {section.title: section.words for section in sections}
    inside = np.mean(np.abs(Y - INTERVAL.mean(axis=1)) <= 60)
    assert words["Intervals of 90%"] == f"{inside:.1%} of 200 true values lie inside; 90% were asked for. Mean width: 120."
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
    with pytest.raises(FileWriteError, match="does not exist; create it first"):
        write_page(tmp_path / "none" / "page.html", "A page", sections)


def test_shades_and_data():
    section = Section("Shades", head=["", "x", "y"], rows=[["a", "2", ""], ["b", "0.5", "1"]], shades=[[0.5, 0.0], [-0.25, 0.0]])
    text = page("A page", [section], data={"x": "</script>"})
    assert '<td class="gain" style="--shade: 50%">2</td><td></td>' in text
    assert '<td class="drop" style="--shade: 25%">0.5</td><td>1</td>' in text
    assert text.count("</script>") == 1


def test_a_hint_belongs_to_its_artist():
    with drawing_module.drawing("Two lines, one with a hint") as drawn:
        [first] = drawn.axes.plot([0, 1], [0, 1], color=COLOURS["s1"])
        drawn.axes.plot([0, 1], [1, 0], color=COLOURS["s2"])
        drawn.hint(first, "the first")
    root = ElementTree.fromstring(drawn.svg.replace("xlink:", ""))
    [group] = [each for each in root.iter("g") if each.find("title") is not None]
    assert group.find("title").text == "the first"
    assert "var(--s1)" in group.find("path").attrib["style"]


def test_bars_are_as_long_as_their_values():
    svg = horizontal_bars("Bars to measure", [BarRow("a", [Segment(10, "s1"), Segment(5, "s2")]), BarRow("b", [Segment(20, "s3")])], "x")
    widths = {}
    for path, colour in re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="fill: var\(--(\w+)\)', svg):
        xs = [float(x) for x in re.findall(r"[ML] ([\d.]+) ", path)]
        widths[colour] = (min(xs), max(xs))
    assert widths["s1"][1] - widths["s1"][0] == pytest.approx(2 * (widths["s2"][1] - widths["s2"][0]), rel=1e-4)
    assert widths["s2"][0] == pytest.approx(widths["s1"][1])
    assert widths["s3"][1] - widths["s3"][0] == pytest.approx(2 * (widths["s1"][1] - widths["s1"][0]), rel=1e-4)


def test_lines_are_named_in_the_order_of_their_ends():
    lines = {"low": [1.0, 0.2], "high": [0.5, 0.9], "short": [0.4]}
    svg = line_plot("Lines with a legend", [1, 2], lines, "x", "y", has_legend=True)
    assert svg.index("high: 0.9") < svg.index("short: 0.4") < svg.index("low: 0.2")
    assert "<title>high: 0.9 at x 2</title>" in svg
    assert all(f"var(--{colour})" in svg for colour in SERIES[:3])
    assert "<title>" not in line_plot("Too many points for marks", range(100), {"a": list(range(100))}, "x", "y")


def test_a_plot_of_its_own_is_an_svg_file():
    text = standalone(line_plot("A plot of its own", [1, 2], {"a": [1, 2]}, "x", "y"))
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in root.find("{http://www.w3.org/2000/svg}style").text


def test_a_report_is_refused_before_the_work(tmp_path, monkeypatch):
    check_report_path(None)
    check_report_path(tmp_path / "page.html")
    with pytest.raises(UserError, match=r"--report .*page\.html: the folder .*none does not exist; create it first"):
        check_report_path(tmp_path / "none" / "page.html")
    with pytest.raises(UserError, match="it is a folder; give the path of a file"):
        check_report_path(tmp_path)
    monkeypatch.setattr(drawing_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"plots need matplotlib: pip install 'foretell\[reports\]'"):
        check_report_path(tmp_path / "page.html")
    check_report_path(None)


def test_names_that_differ_have_labels_that_differ_and_fit():
    """Two recipes that differed at their ends only read alike beside their bars, where both were cut."""
    names = ["x" * 60 + end for end in "abc"] + ["short", "", "", "x" * 60 + "a"]
    labels = short_labels(names)
    assert len(set(labels[:3])) == 3
    assert max(map(len, labels)) <= 32
    assert labels[3:] == ["short", "", "", labels[0]]
    svg = horizontal_bars("Bars with names that begin alike", [BarRow(name, [Segment(1.0, "s1")]) for name in names[:2]], "x")
    assert len(set(re.findall(r">(x+… \d)<", svg))) == 2


def test_the_words_of_a_recipe_are_what_its_label_keeps():
    recipe = 'adaptive-ngram + stand(table="shipped", orders=(3, 2)) | prompt-lookup(num_tokens=7)'
    assert short_labels([recipe], 60) == ["adaptive-ngram + stand… | prompt-lookup…"]
    chosen = "a name that the user chose, however long it is"
    assert short_labels([chosen], kept=[chosen]) == [chosen]


def test_facts_with_long_names_leave_room_for_their_values():
    """A name column as wide as its longest name left one letter's width for the values: a page of 14,000 pixels."""
    text = page("A page", [Section("Facts", facts={"n" * 300: "v" * 300})])
    assert "grid-template-columns: fit-content(38%) minmax(0, 1fr)" in text
    assert "dt, dd { margin: 0; overflow-wrap: anywhere; }" in text
