"""Whatever is handed to the API, it works or raises `UserError`: no other exception, whatever the value of whatever argument."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import foretell as ft
from foretell.errors import UserError
from foretell.rules.constraints.regex import Regex
from tests.test_api import letters_model


class Rude:
    """Can be nothing, and not even be shown."""

    def __repr__(self):
        raise RuntimeError("rude")


#: Hashable on purpose or not, of every type that somebody may hand in by mistake.
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.binary(max_size=3),
    st.lists(st.one_of(st.integers(), st.text(max_size=2), st.none(), st.floats()), max_size=3),
    st.dictionaries(st.one_of(st.integers(), st.text(max_size=2)), st.one_of(st.floats(), st.text(max_size=2), st.none()), max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["role", "content", "name"]), st.one_of(st.text(max_size=2), st.none(), st.integers()))),
)
#: Junk that a search would hardly find; all of it is tried.
CHOSEN = (
    10**400, -(2**70), 2**64, 1j, "\ud800", "\0", "x" * 5000, "~nobody/a.lark", "{", '{"type": 5}', "plain,, exact", "regex(", "(",
    "start: (", "True", object(), Rude(), int, len, lambda: None, lambda *x: None, range(3), {1, 2}, Path("nowhere"), ..., Regex("ab"),
    ft.Recipe(), ft.Recipe().drafter, [[1, 2], "ab"], [[[]]], [[]], [{}], [{"role": "user", "content": [{"type": "image_url"}]}],
    np.arange(3), np.zeros((2, 2)), np.array("a"), np.float32("nan"), np.int64(-1), np.datetime64("2020-01-01"), np.array([]),
    torch.zeros(2), torch.tensor([1, 2]), torch.tensor(True), torch.float32, {"type": "object", "properties": 5}, {"$ref": "#/nowhere"},
    {"name": "f"}, [{"name": "f", "parameters": {"type": "objec"}}], [{"name": "f", "parameters": 5}], ["ab", ""], {"5": "much"},
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    """A short context, since a large `max_new_tokens` is no junk."""
    model = letters_model()
    model.max_length = 24
    return model


def usual(model) -> dict[str, tuple[Callable, dict[str, Any]]]:
    """The functions of the API, with arguments that work."""
    generate = {"prompt": "abc", "model": model, "recipe": "plain", "max_new_tokens": 3}
    extract = {"question": "a", "passage": "abcd", "model": model, "prompt": "{passage}{question}", "stop": "h", "max_tokens": 6}
    return {
        "generate": (ft.generate, generate),
        "stream": (ft.stream, generate),
        "complete": (ft.complete, {"text": "abc", "model": model, "max_new_tokens": 2, "search": "beam-search"}),
        "extract": (ft.extract, extract),
        "load": (ft.load, {"id_or_path": "stdlib-nested"}),
    }


def arguments_of(function: Callable) -> list[str]:
    return [name for name, each in inspect.signature(function).parameters.items() if each.kind is not each.VAR_KEYWORD]


ARGUMENTS = [
    (name, argument)
    for name, (function, _) in usual(None).items()
    for argument in arguments_of(ft.generate if function is ft.stream else function)
    if (name, argument) != ("stream", "max_batch")
]


def check(model, name: str, argument: str, junk: Any) -> None:
    function, options = usual(model)[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = function(**{**options, argument: junk})
            if inspect.isgenerator(answer):
                list(answer)
        except (UserError, OSError):  # a file that is not there says so as Python does
            pass


def test_what_is_usual_works(model):
    for function, options in usual(model).values():
        if function is ft.extract:  # the letters have no stop token of their own
            options = {**options, "retokenize": True}
        answer = function(**options)
        assert list(answer) if inspect.isgenerator(answer) else answer


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_chosen_junk(name, argument, model):
    for junk in CHOSEN:
        check(model, name, argument, junk)


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(junk=JUNK)
def test_random_junk(name, argument, junk, model):
    check(model, name, argument, junk)
