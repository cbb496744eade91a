"""A tiny model with a tokenizer on disk, and the program run in a folder of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foretell.cli.common.app import make_app

#: Ids of the tokens that end an answer.
ENDS = (257, 258)
CONTEXT = 4096
CHAT = "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<s>assistant: {% endif %}"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder with a random Llama model over bytes."""
    from tests.models.files import save_tokenizer
    from tests.models.zoo import random_llama

    folder = tmp_path_factory.mktemp("tiny")
    random_llama(259, num_layers=2, context=CONTEXT).save_pretrained(folder)
    save_tokenizer(folder, CHAT)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ENDS[0]}))
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """One cache folder for all tests here, so that the cost curve is measured once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def home(cache, tmp_path_factory, monkeypatch) -> Path:
    """An empty working folder and settings folder."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FORETELL_CACHE", str(cache))
    monkeypatch.setenv("FORETELL_CONFIG", str(folder / "config"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def foretell(home) -> Callable:
    """`foretell("list", ...)`: the program's result, with stdout, stderr and exit_code."""

    def run(*args: str, input: str | bytes | None = None):
        return CliRunner().invoke(make_app(), list(args), input=input)

    return run


@pytest.fixture
def verbose():
    """The program says more, as after -v."""
    logger = logging.getLogger("foretell")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


@pytest.fixture
def generate(foretell, tiny) -> Callable:
    """`foretell generate` with the tiny model; a bias keeps it from ending its answer at once."""
    never = [word for end in ENDS for word in ("--logit-bias", f"{end}=-inf")]

    def run(*args: str, input: str | bytes | None = None, bias: bool = True):
        options = ["--model", str(tiny), "--dtype", "bf16", *(never if bias else [])]
        return foretell("generate", *options, *args, input=input)

    return run
