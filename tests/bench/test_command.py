"""`foretell bench` on a tiny model: output, report page, interruption, refused options."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from foretell.bench import arms as arms_module
from foretell.bench.command import EXIT_INTERRUPTED, BenchOptions, measure, run_bench
from foretell.bench.page import render, sections
from foretell.bench.workload import Workload
from foretell.decoding.groups.model_group import ModelGroup
from foretell.decoding.routers.token_entropy import TokenEntropy
from foretell.errors import UserError
from foretell.models.tiny import TinyModel


def test_the_last_line_is_json_and_says_what_the_tables_say(model, capsys):
    assert run_bench(BenchOptions(Workload(limit=3, max_new_tokens=24)), lambda: model, as_json=False) == 0
    *tables, last = capsys.readouterr().out.strip().splitlines()
    found = json.loads(last)
    text = "\n".join(tables)
    numbers = [float(number) for number in re.findall(r"\d+\.\d+", text)]
    for arm in found["arms"]:
        assert arm["name"].split()[0] in text
        assert any(number == pytest.approx(arm["tokens_per_second"], rel=1e-3) for number in numbers)  # JSON has four digits
    assert found["summary"].split()[0] in text
    assert found["curve"]["rows"] == [1, 4, 16]
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["foretell"]
    assert any("exactly 24 tokens" in remark for remark in found["remarks"])


def test_json_alone(model, capsys):
    assert run_bench(BenchOptions(Workload(limit=2, max_new_tokens=12), recipes=["prompt-lookup"]), lambda: model, as_json=True) == 0
    [line] = capsys.readouterr().out.strip().splitlines()
    assert [arm["name"] for arm in json.loads(line)["arms"]] == ["plain", "prompt-lookup"]


def test_ctrl_c_gives_the_report_of_what_was_finished(model, capsys, monkeypatch):
    original, calls = arms_module.RecipeArm.run, []

    def interrupted(self, group, setting):
        calls.append(group)
        if len(calls) == 8:  # two warm-ups, two rounds, one arm of the third
            raise KeyboardInterrupt
        return original(self, group, setting)

    monkeypatch.setattr(arms_module.RecipeArm, "run", interrupted)
    options = BenchOptions(Workload(limit=6, max_new_tokens=12), recipes=["prompt-lookup"])
    assert run_bench(options, lambda: model, as_json=False) == EXIT_INTERRUPTED
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["ended"] == "interrupted"
    assert sum(arm["num_groups"] for arm in found["arms"]) == 5
    assert found["arms"][1]["ratios"]["plain"]["num"] == 2
    assert any("Ended early (interrupted)" in remark for remark in found["remarks"])


class _Strict(HTMLParser):
    """Fails on a tag that is closed out of order, collects addresses."""

    void = ("meta", "hr", "br", "img", "link", "input")

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.void:
            self.open.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href", "action")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(model):
    report = measure(BenchOptions(Workload(limit=8, max_new_tokens=32)), model)
    report.arms[1].name = report.arms[1].detail = "<script>alert('&')</script>"
    return report, render(report)


def test_the_page_is_well_formed_and_asks_for_nothing_from_the_network(page):
    report, text = page
    parser = _Strict()
    parser.feed(text)
    assert parser.open == []
    assert [address for address in parser.addresses if not address.startswith("#")] == []
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert "<script>alert" not in text
    assert text.count("<script") == 1
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL).group(1)
    assert json.loads(data)["summary"] == report.sentence()
    assert len(text) < 200_000


def test_every_plot_is_there_and_parses_as_xml(page):
    report, _ = page
    plots = {section.title: section.figure for section in sections(report) if section.figure}
    assert list(plots) == ["Speed", "Acceptance by depth", "Time by phase", "Cost curve", "Sources of the text"]
    for svg in plots.values():
        root = ElementTree.fromstring(svg.replace("xlink:", ""))
        assert root.attrib["role"] == "img"
        assert not re.search(r'[" ](nan|inf|-inf)[" ]', svg)
        assert "<title>" in svg


def test_tables_of_the_page(page):
    report, _ = page
    tables = {section.title: section for section in sections(report) if section.rows}
    assert list(tables) == ["Arms", "Speed-up by kind of prompt"]
    arms, kinds = tables["Arms"], tables["Speed-up by kind of prompt"]
    assert arms.rows[arms.marked][0] == report.best.name
    assert kinds.head == ["arm", *report.kinds]
    for row, shades in zip(kinds.rows, kinds.shades, strict=True):
        for cell, shade in zip(row[1:], shades, strict=True):
            assert -1 <= shade <= 1
            assert (shade > 0) == (float(cell) > 1.0) or float(cell) == 1.0


def test_a_report_file_is_written_whole(model, tmp_path, capsys):
    target = tmp_path / "report.html"
    run_bench(BenchOptions(Workload(limit=2, max_new_tokens=12), recipes=["prompt-lookup"], report=target), lambda: model, as_json=False)
    assert target.read_text().endswith("</html>")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["report.html"]
    assert str(target) in capsys.readouterr().out.replace("\n", "")


def test_batch_temperature_and_stop(model):
    workload = Workload(limit=4, max_new_tokens=16, batch=2, temperature=0.8, stop=True)
    report = measure(BenchOptions(workload, recipes=["prompt-lookup"]), model)
    assert all(arm.identity is None for arm in report.arms)
    assert any("they are not compared" in remark for remark in report.remarks)
    assert any("end at stop tokens" in remark for remark in report.remarks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (BenchOptions(Workload(max_new_tokens=0)), "--max-new-tokens 0 must be at least 1"),
        (BenchOptions(Workload(batch=0)), "--batch 0 must be at least 1"),
        (BenchOptions(repeats=0), "--repeats 0"),
        (BenchOptions(Workload(limit=0)), "limit=0"),
        (BenchOptions(Workload(temperature=0.5), peers=["transformers"]), "--temperature 0.5 with --peers"),
        (BenchOptions(Workload(batch=2), peers=["transformers"]), "--batch 2 with --peers"),
        (BenchOptions(time_budget="long"), "--time-budget 'long' is not a duration"),
        (BenchOptions(recipes=["prompt-lokup"]), "did you mean 'prompt-lookup'"),
        (BenchOptions(Workload(prompts="nowhere.jsonl")), "no such prompt file"),
    ],
)
def test_options_are_checked_before_anything_is_loaded(options, message):
    with pytest.raises(UserError, match=message):
        options.check()


def test_a_report_into_a_missing_folder_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="does not exist; create it first"):
        BenchOptions(report=tmp_path / "none" / "report.html").check()


def test_a_group_of_models_is_marked_as_lossy(model, capsys):
    small = TinyModel(vocab_size=model.vocab_size, order=1, seed=1)
    group = ModelGroup([small, model], TokenEntropy(1.0))
    group.tokenizer = model.tokenizer
    assert run_bench(BenchOptions(Workload(limit=2, max_new_tokens=12), recipes=["prompt-lookup"]), lambda: group, as_json=False) == 0
    *tables, last = capsys.readouterr().out.strip().splitlines()
    assert {arm["guarantee"] for arm in json.loads(last)["arms"]} == {"lossy"}
    assert any("prompt-lookup (lossy)" in line for line in tables)
