"""The models that come with the package: each loads by its name, decodes, and can be made again by the command on its card."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
import typer

import foretell as ft
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draws import SampledDraws
from foretell.models.locate import locate
from foretell.models.shipped import CARD, shipped
from foretell.models.tiny import TinyModel
from foretell.training.network import read_card
from tests.decoding.helpers import GREEDY, greedy_text, run

CODE = "def read_lines(path):\n    with open(path) as file:\n"


@pytest.mark.parametrize("name", shipped())
def test_each_has_a_card_whose_command_trains_it(name):
    """The command is read as the program reads it, and says what the folder's training.json says."""
    from foretell.cli.common.app import make_app

    card, made = (shipped()[name] / CARD).read_text(encoding="utf-8"), read_card(shipped()[name])
    [line] = [line for line in card.splitlines() if line.startswith("foretell train ")]
    group = typer.main.get_command(make_app())
    words = shlex.split(line)[1:]
    _, command, rest = group.resolve_command(group.make_context("foretell", words), words)
    options = command.make_context("train", rest).params
    settings, shape = made["settings"], made["shape"]
    assert (options["minutes"], options["rate"], options["seed"]) == (settings["minutes"], settings["learning_rate"], settings["seed"])
    assert (options["batch"], options["width"], options["heads"]) == (settings["batch"], shape["width"], shape["num_heads"])
    assert [int(layer) for layer in options["exits"].split(",")] == made["loss"]["exits"]
    assert options["schedule"] == made["loss"]["schedule"]
    for layer, loss in made["held_out"].items():
        assert f"| {layer} | {loss:.2f} |" in card
    for word in ("licence", "standard library", made["corpus"]):
        assert word in card


def test_names_go_where_paths_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate("stdlib-nested") == shipped()["stdlib-nested"]
    with pytest.raises(FileNotFoundError, match=r"comes with Foretell \(stdlib-nested\).*Did you mean 'stdlib-nested'\?"):
        locate("stdlib-nestd")
    Path("stdlib-nested").mkdir()
    Path("stdlib-nested", "config.json").write_text("{}")
    assert locate("stdlib-nested") == Path("stdlib-nested")  # one's own folder goes first


@pytest.mark.parametrize(
    "recipe",
    [
        "early-exit(layer=2), pace=4",
        "early-exit(layer=2, num_tokens=8, candidates=(2, 4)), pace=del",
        "sorted-draft(model='stdlib-nested', exits=(2, 4, 6))",
        "sorted-draft(model='stdlib-nested', exits=(2, 4, 6), thresholds=(0.3, 0.3)), pace=fsm(start=5, up=2)",
    ],
)
def test_it_drafts_for_itself_and_for_others_of_its_vocabulary(recipe):
    model = ft.load("stdlib-nested", progress=False)
    text = model.tokenizer.encode(CODE)
    requests = [ft.Request(text[: len(text) - i], 24, GREEDY, SampledDraws(0)) for i in range(3)]
    run(model, ft.Recipe.parse(recipe), requests, curve=CostCurve.flat(1.0, 0.01))
    for request in requests:
        assert request.generated == greedy_text(model, request.prompt, 24)
    assert sum(len(step.accepted) for request in requests for step in request.trace.steps) > 10


def test_its_exits_agree_with_the_last_more_the_deeper_they_are():
    """On held-out text, that is what the exits were trained for: half of all tokens and more."""
    from foretell.models.base import Feed
    from foretell.training.corpus import documents

    model = ft.load("stdlib-nested", progress=False)
    texts = [document.text for document in documents() if document.held_out and document.kind == "code"][:6]
    hits = dict.fromkeys((2, 4), 0)
    for text in texts:
        tokens = model.tokenizer.encode(text[400:1200])[:128]
        said = {layer: model.forward([Feed(model.new_cache(), tokens)], stop=layer)[0].logits.argmax(-1) for layer in (2, 4, 6)}
        for layer in hits:
            hits[layer] += int((said[layer] == said[6]).sum())
    assert 0.5 * 128 * len(texts) < hits[2] < hits[4]


def test_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match="logits are 2048 wide, the target's 4"):
        ft.Session(TinyModel(), ft.Recipe.parse("sorted-draft(model='stdlib-nested', exits=(2, 4, 6))"), CostCurve.flat())


def test_they_are_small_and_nothing_is_left_out_of_the_package():
    files = [path for folder in shipped().values() for path in folder.iterdir()]
    assert sum(path.stat().st_size for path in files) < 8e6
    root = Path(__file__).parents[2]
    if (root / ".git").exists():
        ignored = subprocess.run(["git", "check-ignore", *map(str, files)], cwd=root, capture_output=True, text=True).stdout
        assert not ignored
