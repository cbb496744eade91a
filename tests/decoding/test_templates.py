"""The best template against trying all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafting.templates import as_template, best_template
from foretell.decoding.tree import is_prefix_closed


def brute_force(acceptance: dict, curve: CostCurve | None, budget: int) -> float:
    """The best value of any template of at most `budget` nodes, by trying all of them."""
    depth = max(d for d, _ in acceptance)
    nodes = [path for d in range(1, depth + 1) for path in itertools.product(*[[r for e, r in acceptance if e == i + 1] for i in range(d)])]
    reach = {path: float(np.prod([acceptance[i + 1, rank] for i, rank in enumerate(path)])) for path in nodes}
    best = 0.0
    for size in range(budget + 1):
        for chosen in itertools.combinations(nodes, size):
            if is_prefix_closed(chosen):
                best = max(best, value([reach[path] for path in chosen], curve))
    return best


def value(reaches: list[float], curve: CostCurve | None) -> float:
    return (1 + sum(reaches)) / (curve(1 + len(reaches)) if curve else 1.0)


@pytest.mark.parametrize("curve", [None, CostCurve.flat(1.0, 0.15), CostCurve((1, 2, 3, 4), (1.0, 1.5, 1.5, 1.5))])
def test_the_best_template_is_the_best_of_all(curve):
    random = np.random.default_rng(0)
    for _ in range(8):
        acceptance = {(1, 0): 0.6, (1, 1): 0.3, (2, 0): 0.5, (2, 1): 0.2}
        acceptance = {key: float(p * random.uniform(0.3, 1.5)) for key, p in acceptance.items()}
        template = best_template(acceptance, curve, budget=4)
        reaches = [float(np.prod([acceptance[i + 1, rank] for i, rank in enumerate(path)])) for path in template]
        assert value(reaches, curve) == pytest.approx(brute_force(acceptance, curve, 4))
        assert not template or as_template(template) == template


def test_drafting_nothing_can_be_the_best_template():
    assert best_template({(1, 0): 0.3}, CostCurve.flat(1.0, 0.5)) == ()
    with pytest.raises(ValueError, match="between 0 and 1"):
        best_template({(1, 0): 1.5})
