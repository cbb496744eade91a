"""What the page on unlearning shows, runs."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_examples_of_the_page():
    page = Path(__file__).parents[3] / "docs" / "numbers-unlearning.md"
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted >= 8
    assert found.failed == 0
