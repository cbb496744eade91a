"""Claim: conformal intervals of 90 % hold 88 to 92 % of true values, as a mean over splits, on at least five real tables.

    pip install 'foretell[numbers,numbers-peers]'
    python benchmarks/intervals.py                                  # all tables and arms; some minutes
    python benchmarks/intervals.py --tables boston --seeds 0-4      # a part
    python benchmarks/intervals.py --partial parts.jsonl            # keeps each result there, and goes on from it

Of each table 60 % of the rows are fitted, once for each seed; the others are split in half a hundred times, to calibrate by the one half
and to measure on the other. Arms: ours, conformalised
quantile regression over HistogramRegressor; a ridge with absolute residuals; scikit-learn's gradient boosting with quantile losses,
conformalised in the same way as ours; and the histogram's own distribution, which is not conformalised and promises nothing. Widths
are mean widths over those of the plain ridge's arm.

Takes: some minutes.
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
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foretell.numbers import ConformalRegressor, HistogramRegressor
from foretell.numbers.conformal.scores import AbsoluteResidual, QuantileBand, Score
from foretell.numbers.tables.table_encoder import TableEncoder

COVERAGE, LOW, HIGH, LEAST, SPLITS = 0.9, 0.88, 0.92, 5, 100
#: Rows of each table, None for all.
TABLES = {
    "diabetes": None, "concrete": None, "ames": None, "wage": None, "sacramento": None, "boston": None, "auto": None, "carseats": None,
    "diamonds": 3000, "deliveries": 3000,
}  # fmt: skip
OURS = "histogram, conformal"


class Remembered(RegressorMixin, BaseEstimator):
    """What a fitted regressor said of rows, looked up by their number; so that calibrating a hundred times is cheap."""

    def __init__(self, points: np.ndarray | None = None, quantiles: np.ndarray | None = None) -> None:
        self.points, self.quantiles = points, quantiles

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> Remembered:  # noqa: N803
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        return self.points[X[:, 0]]

    def predict_quantile(self, X: np.ndarray, q: Any) -> np.ndarray:  # noqa: N803
        return self.quantiles[X[:, 0]] if np.ndim(q) else self.quantiles[X[:, 0]].mean(axis=1)


def predictions(X: np.ndarray, y: np.ndarray, rest: np.ndarray, seed: int) -> dict[str, tuple[Remembered, Score]]:  # noqa: N803
    """Each arm, fitted to X and y, with what it says of the other rows."""
    ends = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    histogram = HistogramRegressor(learning_rate=3e-3, validation_fraction=0.15, random_state=seed).fit(X, y)
    ridge = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    boosting = [HistGradientBoostingRegressor(loss="quantile", quantile=q, random_state=seed).fit(X, y).predict(rest) for q in ends]
    return {
        OURS: (Remembered(None, histogram.predict_quantile(rest, np.array(ends))), QuantileBand()),
        "ridge, conformal": (Remembered(ridge.predict(rest)), AbsoluteResidual()),
        "scikit-learn boosting, conformal": (Remembered(None, np.stack(boosting, axis=1)), QuantileBand()),
    }


def run(name: str, seed: int) -> dict[str, Any]:
    """Coverage and mean width of each arm: one fit to a table, and its mean over all splits of the other rows."""
    began = time.perf_counter()
    features, target = table(name, TABLES[name])
    kept, held = train_test_split(np.arange(len(target)), test_size=0.4, random_state=seed)
    encoder = TableEncoder(unseen="ignore").fit(features.iloc[kept])
    rows, rest = (encoder.transform(features.iloc[part]) for part in (kept, held))
    truth, numbers, rng = target[held], np.arange(len(held))[:, None], np.random.RandomState(seed)
    found: dict[str, list[tuple[float, float]]] = {}
    said = predictions(rows, target[kept], rest, seed)
    for _ in range(SPLITS):
        order = rng.permutation(len(held))
        calibrating, measured = order[: len(held) // 2], order[len(held) // 2 :]
        for arm, (remembered, conformity) in said.items():
            model = ConformalRegressor(remembered, conformity, COVERAGE, prefit=True).fit(numbers[calibrating], truth[calibrating])
            found.setdefault(arm, []).append(measure(model.predict_interval(numbers[measured]), truth[measured]))
        found.setdefault("histogram, its own distribution", []).append(measure(said[OURS][0].quantiles[measured], truth[measured]))
    arms = {
        arm: {"covered": [each[0] for each in pairs], "width": float(np.mean([each[1] for each in pairs]))} for arm, pairs in found.items()
    }
    return {"table": name, "seed": seed, "rows": len(target), "seconds": time.perf_counter() - began, "arms": arms}


def measure(interval: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The share of true values inside, and the mean width."""
    inside = (interval[:, 0] <= truth) & (truth <= interval[:, 1])
    return float(inside.mean()), float(np.mean(np.diff(interval)))


def show(results: list[dict[str, Any]]) -> dict[str, Any]:
    """A table of coverages with their spread over splits, one of widths, and the claim's line."""
    names = [name for name in TABLES if any(each["table"] == name for each in results)]
    columns = list(results[0]["arms"])
    summary: dict[str, Any] = {"coverage": {}, "spread": {}, "width": {}, "fits": {}}
    for name in names:
        rows = [each["arms"] for each in results if each["table"] == name]
        summary["fits"][name] = len(rows)
        for key, of in {"coverage": np.mean, "spread": np.std}.items():
            summary[key][name] = {arm: float(of(np.concatenate([row[arm]["covered"] for row in rows]))) for arm in columns}
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
    parser.add_argument("--seeds", default="0-2", help="from-to")
    parser.add_argument("--partial", type=Path, help="a file of results, a line each, to go on from and to add to")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    wanted = [(name, seed) for seed in range(first, last + 1) for name in options.tables.split(",")]
    known = options.partial.read_text().splitlines() if options.partial and options.partial.is_file() else []
    results = [each for each in map(json.loads, known) if (each["table"], each["seed"]) in wanted]
    done = {(each["table"], each["seed"]) for each in results}
    for name, seed in wanted:
        if (name, seed) in done:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(run(name, seed))
        if options.partial:
            with options.partial.open("a") as file:
                file.write(json.dumps(results[-1]) + "\n")
        print(f"{name}, seed {seed}: {results[-1]['seconds']:.1f} s", file=sys.stderr, flush=True)
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
