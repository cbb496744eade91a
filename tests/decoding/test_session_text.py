"""A session takes a recipe's short text."""

from __future__ import annotations

import foretell as ft
from foretell.models.tiny import TinyModel


def test_a_session_reads_the_text_of_a_recipe():
    assert ft.Session(TinyModel(), "prompt-lookup, pace=4").recipe == ft.Recipe.parse("prompt-lookup, pace=4")
