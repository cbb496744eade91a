"""A trained folder: what `load` reads from it is what was trained, complete folders are left alone, the command works."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

import foretell as ft
from foretell.models.base import Feed
from foretell.training.corpus import Corpus, documents
from foretell.training.exit_loss import ExitLoss, agreement, held_out_losses
from foretell.training.network import Shape, read_card, train_network
from foretell.training.settings import TrainSettings

SETTINGS = TrainSettings(steps=60, batch=8, learning_rate=1e-2, evaluate_every=30)


@pytest.fixture(scope="module")
def folder(corpus, shape, tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    assert train_network(folder, corpus, ExitLoss((1, 2, 3)), shape, SETTINGS, progress=False).finished
    return folder


def test_agreement_is_the_share_of_equal_best_tokens(corpus, shape):
    network, batches = shape.build(corpus.tokenizer.get_vocab_size(), corpus.end).eval(), corpus.held_out_batches(2, 4)
    best = {}
    with torch.no_grad():
        for layer in (1, 3):
            states = [network.model(batch[:, :-1], output_hidden_states=True).hidden_states[layer] for batch in batches]
            normed = [state if layer == 3 else network.model.norm(state) for state in states]  # the last is normalised
            best[layer] = torch.cat([network.lm_head(state).argmax(-1) for state in normed])
    expected = (best[1] == best[3]).float().mean().item()
    assert agreement(network, batches, (1, 3)) == pytest.approx({1: expected, 3: 1.0})


def test_it_learns_at_every_exit(folder, corpus, shape):
    new = held_out_losses(shape.build(corpus.tokenizer.get_vocab_size(), corpus.end), corpus.held_out_batches(), (1, 2, 3))
    for layer, loss in read_card(folder)["held_out"].items():
        assert loss < new[int(layer)] - 1.0


def test_load_runs_it_natively_and_exits_agree_with_the_card(folder, corpus):
    model = ft.load(folder, dtype="fp32", progress=False)
    assert (model.num_layers, model.vocab_size) == (3, corpus.tokenizer.get_vocab_size())
    assert model.tokenizer.stop_tokens == {corpus.end}
    rows = [row.tolist() for batch in corpus.held_out_batches(2, 8) for row in batch]
    for layer in (1, 3):
        losses = []
        for row in rows:
            logits = model.forward([Feed(model.new_cache(), row[:-1])], stop=layer)[0].logits
            losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(row[1:])))
        assert torch.stack(losses).mean().item() == pytest.approx(read_card(folder)["held_out"][str(layer)], abs=0.15)


def test_a_complete_folder_is_left_alone_and_another_training_refused(folder, corpus, shape):
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert train_network(folder, corpus, ExitLoss((1, 2, 3)), shape, SETTINGS).step == 60
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="trained otherwise"):
        train_network(folder, corpus, ExitLoss((1, 3)), shape, SETTINGS)
    with pytest.raises(ValueError, match="network's depth, 4"):
        train_network(folder, corpus, ExitLoss((1, 3)), Shape(4, 16, 2), SETTINGS)


def test_documents_are_split_by_module():
    found = documents(max_files=60)
    sides: dict[str, set[bool]] = {}
    for document in found:
        sides.setdefault(document.name.split("/")[0], set()).add(document.held_out)
    assert all(len(side) == 1 for side in sides.values())
    assert {document.kind for document in found} == {"code", "prose"}
    assert {document.kind for document in documents() if document.held_out} == {"code", "prose"}


def test_windows_follow_from_the_step(corpus):
    assert torch.equal(corpus.batch_at(3, 4), corpus.batch_at(3, 4))
    assert not torch.equal(corpus.batch_at(3, 4), corpus.batch_at(4, 4))
    assert corpus.batch_at(0, 4).shape == (4, 17)
    with pytest.raises(ValueError, match="at least 257"):
        Corpus.build(vocab_size=100, max_files=1)
    with pytest.raises(ValueError, match="too few for length"):
        Corpus.build(vocab_size=300, length=10**6, max_files=1)


def test_a_tokenizer_may_be_shared_if_it_can_end_a_document(corpus):
    from tokenizers import Tokenizer, models

    texts = documents(max_files=3)
    again = Corpus.build(texts=[replace(text, held_out=i % 2 == 0) for i, text in enumerate(texts)], tokenizer=corpus.tokenizer)
    assert again.tokenizer is corpus.tokenizer
    assert int(again.train.max()) < corpus.tokenizer.get_vocab_size()
    with pytest.raises(ValueError, match="no token '<|end|>'".replace("|", r"\|")):
        Corpus.build(texts=texts, tokenizer=Tokenizer(models.BPE()))


def test_the_command(tmp_path, monkeypatch, corpus):
    from foretell.cli.common.app import make_app
    from foretell.training import corpus as module

    monkeypatch.setattr(module.Corpus, "build", classmethod(lambda cls, vocab, length, seed, tokenizer: corpus))
    args = ["train", str(tmp_path / "net"), "--exits", "1,2", "--width", "16", "--heads", "2", "--steps", "3", "--json"]
    done = CliRunner().invoke(make_app(), args)
    assert done.exit_code == 0, done.output
    card = json.loads(done.stdout.splitlines()[-1])
    assert card["steps"] == 3
    assert set(card["held_out"]) == set(card["agreement"]) == {"1", "2"}
    assert card["agreement"]["2"] == 1.0
    text = (tmp_path / "net" / "CARD.md").read_text()
    assert "\nforetell train net --exits 1,2 --width 16 --heads 2 --steps 3\n" in text
    assert f"| 1 | {card['held_out']['1']:.2f} | {card['agreement']['1']:.2f} |" in text
    wrong = CliRunner().invoke(make_app(), ["train", str(tmp_path / "other"), "--exits", "1,two"])
    assert wrong.exit_code == 2
    assert "is not a layer" in wrong.stderr
