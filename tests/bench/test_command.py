"""`foretell bench` on a tiny model: output, report page, interruption, refused options."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from foretell.bench import arms as arms_module
from foretell.bench import runner
from foretell.bench.command import EXIT_INTERRUPTED, BenchOptions, measure, run_bench
from foretell.bench.page import render, sections
from foretell.bench.per_prompt import FIELDS
from foretell.bench.workload import Workload
from foretell.decoding.groups.model_group import ModelGroup
from foretell.decoding.recipe import Recipe
from foretell.decoding.routers.token_entropy import TokenEntropy
from foretell.errors import UserError
from foretell.models.tiny import TinyModel


def _json(options, model, capsys):
    run_bench(options, lambda: model, as_json=True)
    [line] = capsys.readouterr().out.strip().splitlines()
    return json.loads(line)


def test_tables_alone_unless_json_is_asked_for(model, capsys):
    assert run_bench(BenchOptions(Workload(limit=3, max_new_tokens=24)), lambda: model, as_json=False) == 0
    out = capsys.readouterr().out
    assert not [line for line in out.splitlines() if line.lstrip().startswith("{")]
    assert len(out) < 8000
    assert "arm" not in re.findall(r"\w+", out)
    assert " ".join(out.split()).endswith("too few prompts to conclude: 3; 8 or more.")


def test_json_has_the_figures(model, capsys):
    found = _json(BenchOptions(Workload(limit=8, max_new_tokens=24)), model, capsys)
    assert found["curve"]["rows"] == [1, 4, 16]
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["foretell"]
    assert any("exactly 24 tokens" in remark for remark in found["remarks"])
    assert all(recipe["conclusion"] for recipe in found["recipes"][1:])


def test_json_alone(model, capsys):
    found = _json(BenchOptions(Workload(limit=2, max_new_tokens=12), recipes=["prompt-lookup"]), model, capsys)
    assert [recipe["name"] for recipe in found["recipes"]] == ["plain", "prompt-lookup"]


def test_recipes_have_the_names_that_they_are_given_and_different_short_ones_otherwise(model, capsys):
    long = "prompt-lookup(min_ngram=2, max_ngram=4, num_tokens=7) | token-recycling(k=9), exact, pace=never-slower(max_nodes={})"
    named = ["copy=prompt-lookup, pace=4", long.format(8), long.format(9)]
    run_bench(BenchOptions(Workload(limit=2, max_new_tokens=12), recipes=named), lambda: model, as_json=False)
    out = capsys.readouterr().out
    table, _, rest = out.partition("Times plain by kind")
    assert [line.split()[0] for line in table.splitlines() if line.strip().startswith("copy")] == ["copy"]
    labels = re.findall(r"^(.*) = (.*)$", rest, re.MULTILINE)
    assert [label for label, _ in labels][:1] == ["copy"]
    assert len({label for label, _ in labels}) == 3
    assert all(len(label) <= 32 for label, _ in labels)
    assert [str(Recipe.parse(text.partition("=")[2] if text.startswith("copy") else text)) for text in named] == [
        full for _, full in labels
    ]


def test_every_measurement_can_be_written_to_a_file(model, tmp_path, capsys):
    for suffix in (".csv", ".jsonl"):
        options = BenchOptions(Workload(limit=3, max_new_tokens=12), ["p=prompt-lookup"], repeats=2, per_prompt=tmp_path / f"all{suffix}")
        options.check()
        run_bench(options, lambda: model, as_json=False)
        assert f"per prompt: {tmp_path / f'all{suffix}'}" in capsys.readouterr().out
    lines = list(csv.DictReader((tmp_path / "all.csv").open()))
    objects = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert len(lines) == len(objects) == 2 * 2 * 3
    assert list(lines[0]) == list(objects[0]) == list(FIELDS)
    assert {line["recipe"] for line in lines} == {"plain", "p"}
    for each in objects:
        assert each["tokens_per_second"] == pytest.approx(each["tokens"] / each["seconds"], rel=1e-3)
        assert each["same_text"] is True
        assert each["steps"] + each["accepted"] == each["tokens"]
    plain = {(each["prompt"], each["repeat"]): each for each in objects if each["recipe"] == "plain"}
    for each in objects:
        expected = plain[each["prompt"], each["repeat"]]["seconds"] / each["seconds"]
        assert each["times_plain"] == pytest.approx(expected, rel=1e-2)


def test_ctrl_c_gives_the_report_of_what_was_finished(model, capsys, monkeypatch):
    original, calls = arms_module.RecipeArm.run, []

    def interrupted(self, group, setting):
        calls.append(group)
        if len(calls) == 6:  # two rounds, one recipe of the third
            raise KeyboardInterrupt
        return original(self, group, setting)

    monkeypatch.setattr(arms_module.RecipeArm, "run", interrupted)
    monkeypatch.setattr(runner, "warm_up", lambda *others: [])
    options = BenchOptions(Workload(limit=6, max_new_tokens=12), recipes=["prompt-lookup"])
    assert run_bench(options, lambda: model, as_json=True) == EXIT_INTERRUPTED
    found = json.loads(capsys.readouterr().out)
    assert found["ended"] == "interrupted"
    assert sum(recipe["num_groups"] for recipe in found["recipes"]) == 5
    assert found["recipes"][1]["ratios"]["plain"]["num"] == 2
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
    assert list(tables) == ["Recipes", "Speed-up by kind of prompt"]
    recipes, kinds = tables["Recipes"], tables["Speed-up by kind of prompt"]
    assert recipes.marked == (-1 if report.winner is None else [row[0] for row in recipes.rows].index(report.winner.name))
    assert kinds.head == ["recipe", *report.kinds]
    for row, shades in zip(kinds.rows, kinds.shades, strict=True):
        for cell, shade in zip(row[1:], shades, strict=True):
            assert shade == 0
            assert cell == "" or cell.endswith("?")  # one prompt of each kind


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
        (BenchOptions(Workload(limit=0)), "--limit 0 must be at least 1"),
        (BenchOptions(Workload(temperature=-1.0)), "--temperature -1 must be 0, which is greedy decoding, or above"),
        (BenchOptions(Workload(temperature=float("nan"))), "--temperature nan must be 0"),
        (BenchOptions(Workload(prompts="buildin")), "did you mean 'builtin'"),
        (BenchOptions(Workload(temperature=0.5), peers=["transformers"]), "--temperature 0.5 with --peers"),
        (BenchOptions(Workload(batch=2), peers=["transformers"]), "--batch 2 with --peers"),
        (BenchOptions(time_budget="long"), "--time-budget 'long' is not a duration"),
        (BenchOptions(recipes=["prompt-lokup"]), "did you mean 'prompt-lookup'"),
        (BenchOptions(Workload(prompts="nowhere.jsonl")), "no such prompt file"),
        (BenchOptions(recipes=["a=prompt-lookup", "a=token-recycling"]), "--recipe 'a' names another recipe already"),
        (BenchOptions(recipes=["plain=prompt-lookup"]), "--recipe 'plain' names plain decoding, which is always measured, already"),
        (BenchOptions(recipes=["a="]), "has no recipe after the name; write NAME=RECIPE"),
        (BenchOptions(recipes=["gone.toml"]), "--recipe gone.toml: there is no such file"),
        (BenchOptions(per_prompt=Path("all.txt")), r"--per-prompt 'all.txt' must end in .csv or .jsonl"),
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
    assert "prompt-lookup (lossy)" in capsys.readouterr().out
    report = measure(BenchOptions(Workload(limit=2, max_new_tokens=12), recipes=["prompt-lookup"]), group)
    assert {arm.guarantee for arm in report.arms} == {"lossy"}
