"""A test of the test: each classic mistake in a verifier is caught by the combinations that the suite runs."""

from __future__ import annotations

import pytest

from foretell.catalog import parts
from foretell.testing.combinations import covering_combinations
from foretell.testing.mutants import mutants, worst_error


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: type(mutant).__name__)
def test_the_law_kit_catches_the_mutant(mutant):
    assert worst_error(mutant, covering_combinations(), enough=1e-3) > 1e-3


def test_every_exact_verifier_has_a_mutant():
    assert {mutant.breaks for mutant in mutants()} == {cls for cls in parts("verifier").values() if cls.guarantee.kind == "exact"}
