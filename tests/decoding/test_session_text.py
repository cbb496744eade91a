"""A session takes a recipe's short text."""

from __future__ import annotations

import foretell as ft
from foretell.models.tiny import TinyModel


def test_a_session_reads_the_text_of_a_recipe():
    assert ft.Session(TinyModel(), "prompt-lookup, pace=4").recipe == ft.Recipe.parse("prompt-lookup, pace=4")


def test_handling_is_measured_for_a_small_vocabulary(monkeypatch, tmp_path):
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path))
    session = ft.Session(TinyModel(), "prompt-lookup, pace=never-slower")
    assert session.loop.model.vocab_size < 32
