"""What a benchmark claims: figures beside their targets, printed alike."""

from __future__ import annotations

import json

#: (what, figure, "<=" or ">=", target)
Claims = list[tuple[str, float, str, float]]


def report(claims: Claims, found: dict) -> int:
    """Print each claim with its figure and target; 1 if one is missed."""
    missed = 0
    for name, figure, relation, target in claims:
        met = figure <= target if relation == "<=" else figure >= target
        missed += not met
        print(f"{name:88} {figure:10.4g}   target {relation} {target:g}   {'met' if met else 'MISSED'}")
    print(json.dumps({"claims": claims, **found}))
    return int(missed > 0)
