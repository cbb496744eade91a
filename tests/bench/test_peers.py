"""Peers: found, asked for by name, refused with a remedy; the transformers ones on a tiny Llama."""

from dataclasses import replace

import pytest

from foretell.bench.arms import BenchSetting
from foretell.bench.peers import base
from foretell.bench.peers.base import PeerArm, PeerSetup
from foretell.bench.peers.selection import peer_arms, peers
from foretell.bench.tasks import Group, Task
from tests.models.zoo import random_llama


@pytest.fixture
def setup(tmp_path) -> PeerSetup:
    return PeerSetup(tmp_path, num_threads=1, context=256)


def test_every_peer_says_what_it_runs():
    known = peers()
    expected = {"transformers", "transformers-bf16", "transformers-int8", "transformers-lookup-5", "transformers-lookup-10"}
    assert expected | {"transformers-assisted", "llama-cpp", "llama-cpp-lookup", "openvino", "openvino-lookup"} <= set(known)
    for name, peer in known.items():
        assert peer.name == name
        assert len(peer.detail) > 10


def test_a_missing_package_is_named_with_its_install_command(setup, monkeypatch):
    monkeypatch.setattr(base.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"peer 'llama-cpp' cannot run: llama_cpp is not installed; pip install 'foretell\[peers\]'"):
        peer_arms(["llama-cpp"], setup)
    arms, left_out = peer_arms(["all"], setup)
    assert arms == []
    assert set(left_out) == set(peers())


def test_peers_that_do_not_fit_the_model_say_so(setup):
    with pytest.raises(ValueError, match=r"reads GGUF files only; give --model a \.gguf file|not installed"):
        peer_arms(["llama-cpp"], setup)
    with pytest.raises(ValueError, match="name one with --assistant"):
        peer_arms(["transformers-assisted"], setup)
    with pytest.raises(ValueError, match=r"use --device cpu"):
        peer_arms(["transformers-int8"], replace(setup, device="cuda"))
    with pytest.raises(ValueError, match="did you mean 'transformers'"):
        peer_arms(["transformer"], setup)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    random_llama(64, num_layers=9).save_pretrained(folder)
    return folder


def test_all_transformers_peers_write_the_same_text_of_the_same_length(folder):
    setup = PeerSetup(folder, num_threads=1, context=256, assistant=folder)
    group = Group((Task("1", "chat", (5, 6, 7, 8, 5, 6, 7)), Task("2", "chat", (9, 9, 9))))
    texts = {}
    for name in ("transformers", "transformers-lookup-5", "transformers-assisted", "transformers-early-exit"):
        output = PeerArm(peers()[name], setup).run(group, BenchSetting(20))
        assert 0 < output.first_seconds < output.seconds
        assert [len(tokens) for tokens in output.tokens] == [20, 20]
        texts[name] = output.tokens
    assert len({str(tokens) for tokens in texts.values()}) == 1
    stop = texts["transformers"][0][6]
    ended = PeerArm(peers()["transformers"], setup).run(group, BenchSetting(20, stop_tokens=frozenset({stop}))).tokens[0]
    assert ended == texts["transformers"][0][: texts["transformers"][0].index(stop)]
