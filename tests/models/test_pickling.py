"""A loaded model pickles as what it was loaded from; one that was built in memory is refused, or small."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys

import pytest

import foretell as ft
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.groups.model_group import ModelGroup
from foretell.errors import UserError
from foretell.models.fitted import FittedModel
from foretell.models.load import load, unload
from foretell.models.native import NativeModel
from foretell.models.tiny import TinyModel

NAME = "stdlib-nested"


@pytest.fixture(scope="module")
def model():
    return load(NAME)


def answer(job) -> str:
    model, prompt = job
    return ft.generate(prompt, model, "plain", max_new_tokens=4, chat=False).text


def test_a_pickle_is_small_and_gives_the_model_that_the_process_has(model):
    data = pickle.dumps(model)
    assert len(data) < 1000
    assert pickle.loads(data) is model
    assert copy.copy(model) is model is copy.deepcopy(model)


def test_paths_become_absolute_and_options_go_along(model, monkeypatch):
    monkeypatch.chdir(model.source.parent)
    local = load(NAME, dtype="fp32", num_threads=1)
    assert (local.origin.name, local.origin.dtype, local.origin.num_threads) == (str(model.source.resolve()), "fp32", 1)
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(local)) is local
    assert local.name == NAME == model.name


def test_a_model_that_is_gone_is_loaded_once(model):
    other = load(NAME, num_threads=1)
    data = pickle.dumps(other)
    del other
    again = pickle.loads(data)
    assert again.fingerprint == model.fingerprint
    assert pickle.loads(data) is again
    unload()


def test_other_weights_at_the_same_place_are_refused(model, monkeypatch):
    data = pickle.dumps(model)
    monkeypatch.setattr(model, "fingerprint", "0000-int8-cpu")
    with pytest.raises(UserError, match="was pickled with the weights"):
        pickle.loads(data)


def test_models_in_recipes_groups_and_wrappers(model):
    recipe = ft.Recipe(drafter=DraftModel(model=model))
    assert pickle.loads(pickle.dumps(recipe)).drafter.model is model
    assert len(pickle.dumps(recipe)) < 3000
    assert pickle.loads(pickle.dumps(FittedModel(model, model.vocab_size + 2))).model is model
    group = pickle.loads(pickle.dumps(ModelGroup([model, model], "random-blocks(0.5, 4)")))
    assert group.members == (model, model)
    assert copy.deepcopy(recipe).drafter.model is model


def test_what_was_built_in_memory_is_refused_at_once(model):
    with pytest.raises(TypeError, match="save it to a folder"):
        pickle.dumps(NativeModel(model.engine, "x"))
    tiny = TinyModel(seed=3)
    assert pickle.loads(pickle.dumps(tiny)).fingerprint == tiny.fingerprint


def test_a_session_is_neither_pickled_nor_copied(model):
    session = ft.Session(model, ft.Recipe())
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="make a new one"):
            way(session)


def test_models_that_are_named_are_those_that_are_loaded(model):
    from foretell.prepare import resolve

    assert resolve(NAME) is model


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_pool(model):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map_async(answer, [(model, "import os")]).get(60) == [answer((model, "import os"))]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_wait_for_threads_of_torch():
    """The parent has used torch's pool of threads, which the child has not."""
    code = (
        "import os, torch, foretell.models.one_thread\ntorch.set_num_threads(2)\nfor _ in range(3): torch.zeros(10**6).add_(1)\n"
        "child = os.fork()\nif not child:\n    torch.zeros(10**6).add_(1); os._exit(0)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.slow
def test_spawned_pools(model):
    joblib = pytest.importorskip("joblib")
    expected = [answer((model, "import os"))]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map_async(answer, [(model, "import os")]).get(120) == expected
    assert joblib.Parallel(2)(joblib.delayed(answer)((model, "import os")) for _ in range(2)) == expected * 2


def test_the_repr_names_the_model_without_an_address(model):
    assert repr(model) == "<NativeModel 'stdlib-nested' on cpu>"
