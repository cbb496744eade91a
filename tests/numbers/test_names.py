"""What is imported from `foretell.numbers` by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import foretell.numbers
from foretell.catalog import parts


def test_a_star_brings_estimators_and_forecasters_and_no_components():
    found: dict = {}
    exec("from foretell.numbers import *", found)
    assert {"StackedRegressor", "HistogramRegressor", "WindowRidge", "all_estimators"} <= set(found)
    assert "Ridge" not in found  # a component of ours, which would hide scikit-learn's


def test_every_component_is_there_by_name():
    for cls in parts("component").values():
        assert getattr(foretell.numbers, cls.__name__) is cls
    with pytest.raises(AttributeError, match="has no 'HistogramRegresor'"):
        _ = foretell.numbers.HistogramRegresor


def test_the_default_needs_no_torch_before_a_network_is_fitted_or_kept():
    code = "import sys, foretell.numbers.tables.trial, foretell.numbers.tables.reading; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
