"""Do conformal intervals of 90 % hold 90 % of true values on real tables, and how wide are they?

pip install 'foretell[numbers,numbers-peers]'
python benchmarks/intervals.py                                  # all tables and arms; some minutes
python benchmarks/intervals.py --tables boston --splits 0-4     # a part
python benchmarks/intervals.py --partial parts.jsonl            # keeps each result there, and goes on from it

Each split holds out a fifth of the rows to measure on; of the others a quarter is held out to calibrate by. Arms: ours, conformalised
quantile regression over HistogramRegressor; a ridge, with absolute and with normalised residuals; scikit-learn's gradient boosting with
quantile losses, conformalised in the same way; and the histogram's own law, which is not conformalised and promises nothing. Claim:
ours covers 88 to 92 % on at least five real tables, as a mean over splits. Widths are mean widths over those of the plain ridge's arm.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numbers_data import table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foretell.numbers import ConformalRegressor, HistogramRegressor
from foretell.numbers.conformal.scores import AbsoluteResidual, NormalisedResidual, QuantileBand
from foretell.numbers.tables.table_encoder import TableEncoder
from foretell.numbers.tables.table_regressor import TableRegressor

COVERAGE, LOW, HIGH, LEAST = 0.9, 0.88, 0.92, 5
#: Rows of each table, None for all.
TABLES = {
    "diabetes": None, "concrete": None, "ames": None, "wage": None, "sacramento": None, "boston": None, "auto": None, "carseats": None,
    "diamonds": 3000, "deliveries": 3000,
}  # fmt: skip
OURS = "histogram, conformal"


def boosting(quantile: float) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(loss="quantile", quantile=quantile, max_iter=100, random_state=0)


def arms(seed: int) -> dict[str, Any]:
    histogram = HistogramRegressor(learning_rate=3e-3, validation_fraction=0.15, random_state=seed)
    ridge = make_pipeline(StandardScaler(), Ridge())
    ends = QuantileBand(boosting((1 - COVERAGE) / 2), boosting((1 + COVERAGE) / 2))
    settings = {"coverage": COVERAGE, "random_state": seed}
    return {
        OURS: ConformalRegressor(histogram, QuantileBand(), **settings),
        "ridge, conformal": ConformalRegressor(ridge, AbsoluteResidual(), **settings),
        "ridge, normalised": ConformalRegressor(ridge, NormalisedResidual(), **settings),
        "scikit-learn boosting, conformal": ConformalRegressor(boosting(0.5), ends, **settings),
    }


def measure(interval: np.ndarray, truth: np.ndarray, seconds: float) -> dict[str, float]:
    inside = (interval[:, 0] <= truth) & (truth <= interval[:, 1])
    return {"covered": float(inside.mean()), "width": float(np.mean(np.diff(interval))), "seconds": seconds}


def run(name: str, split: int) -> dict[str, Any]:
    """Coverage and mean width of each arm on one split of one table."""
    features, target = table(name, TABLES[name])
    kept, held = train_test_split(np.arange(len(target)), test_size=0.2, random_state=split)
    found: dict[str, Any] = {"table": name, "split": split, "rows": len(target), "arms": {}}
    for arm, estimator in arms(split).items():
        began = time.perf_counter()
        model = TableRegressor(estimator, TableEncoder(unseen="ignore")).fit(features.iloc[kept], target[kept])
        rows, truth = features.iloc[held], target[held]
        found["arms"][arm] = measure(model.predict_interval(rows, COVERAGE), truth, time.perf_counter() - began)
        if arm == OURS:  # the same network's law, as it is
            law = model.estimator_.estimator_.predict_interval(model.encoder_.transform(rows), COVERAGE)
            found["arms"]["histogram, its own law"] = measure(law, truth, 0.0)
    return found


def show(results: list[dict[str, Any]]) -> dict[str, Any]:
    """A table of coverages with their spread over splits, one of widths, and the claim's line."""
    names = [name for name in TABLES if any(each["table"] == name for each in results)]
    columns = list(results[0]["arms"])
    summary: dict[str, Any] = {"coverage": {}, "spread": {}, "width": {}, "splits": {}}
    for name in names:
        rows = [each["arms"] for each in results if each["table"] == name]
        summary["splits"][name] = len(rows)
        for key, of in {"coverage": np.mean, "spread": np.std}.items():
            summary[key][name] = {arm: float(of([row[arm]["covered"] for row in rows])) for arm in columns}
        ridge = np.mean([row["ridge, conformal"]["width"] for row in rows])
        summary["width"][name] = {arm: float(np.mean([row[arm]["width"] for row in rows]) / ridge) for arm in columns}
    for title, cell in {
        f"Coverage, {COVERAGE:.0%} asked (mean over splits, standard deviation of splits)": lambda name, arm: (
            f"{summary['coverage'][name][arm]:.1%} ({summary['spread'][name][arm]:.1%})"
        ),
        "Mean width, as a share of the conformal ridge's": lambda name, arm: f"{summary['width'][name][arm]:.2f}",
    }.items():
        print(f"\n{title}\n{'':18}" + "".join(f"{arm:>34}" for arm in columns))
        for name in names:
            rows_of = next(each["rows"] for each in results if each["table"] == name)
            print(f"{name + f' ({rows_of})':18}" + "".join(f"{cell(name, arm):>34}" for arm in columns))
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(TABLES), help="with commas between")
    parser.add_argument("--splits", default="0-9", help="from-to")
    parser.add_argument("--partial", type=Path, help="a file of results, a line each, to go on from and to add to")
    options = parser.parse_args()
    first, last = map(int, options.splits.split("-"))
    wanted = [(name, split) for split in range(first, last + 1) for name in options.tables.split(",")]
    known = options.partial.read_text().splitlines() if options.partial and options.partial.is_file() else []
    results = [each for each in map(json.loads, known) if (each["table"], each["split"]) in wanted]
    done = {(each["table"], each["split"]) for each in results}
    for name, split in wanted:
        if (name, split) in done:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(run(name, split))
        if options.partial:
            with options.partial.open("a") as file:
                file.write(json.dumps(results[-1]) + "\n")
        print(f"{name}, split {split}: {sum(arm['seconds'] for arm in results[-1]['arms'].values()):.1f} s", file=sys.stderr, flush=True)
    summary = show(results)
    counts = {arm: sum(LOW <= row[arm] <= HIGH for row in summary["coverage"].values()) for arm in results[0]["arms"]}
    met = counts[OURS] >= LEAST
    print(
        f"\n{OURS}: covers {LOW:.0%} to {HIGH:.0%} on {counts[OURS]} of {len(summary['coverage'])} tables, target at least {LEAST}: ",
        end="",
    )
    print("met" if met else "MISSED")
    print("others: " + ", ".join(f"{arm} {count}" for arm, count in counts.items() if arm != OURS))
    print(json.dumps({"benchmark": "intervals", "tables_inside": counts, "target": LEAST, "met": bool(met), **summary}))


if __name__ == "__main__":
    main()
