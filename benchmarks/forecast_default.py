"""Claim (Bates and Granger, 1969): forecasts of several methods, weighted by 1 / error², are as good as those of the best, which nobody
knows beforehand. Ours: `foretell forecast` with its default errs no more than a ridge on windows or Holt-Winters, on short series.

    python benchmarks/forecast_default.py                       # the README's series and those of statsmodels
    python benchmarks/forecast_default.py --series passengers   # one of them

Rolling origins: each method is fitted to the first 80 % of the rows and forecasts from every later row (ours, with the default lag of
`foretell forecast`); Holt-Winters (statsmodels, additive and multiplicative seasons) is fitted again at every origin, which helps it.
Mean absolute errors. Targets: on the README's series the default errs less than every other; over all series its error is at most that
of the ridge in the geometric mean, and at most 1.15 times it on each. The last line is JSON; the exit status is 1 if a target is missed.

Takes: some minutes. Holds: yes.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from foretell.cli.forecast import _lag
from foretell.numbers.forecasters.combined_forecaster import CombinedForecaster
from foretell.numbers.tables.backtest import backtest

PASSENGERS = Path(__file__).parents[1] / "examples/data/passengers.csv"
#: Origins at which Holt-Winters is fitted, at most.
MOST_ORIGINS = 10


def series() -> dict[str, tuple[np.ndarray, int, int]]:
    """Values, rows of a season, and horizon, by name."""
    macro, data = sm.datasets.macrodata.load_pandas().data, sm.datasets
    co2 = data.co2.load_pandas().data["co2"].resample("MS").mean().interpolate()
    found = {"passengers": (pd.read_csv(PASSENGERS)["passengers"], 12, 12), "co2": (co2, 12, 12)}
    found |= {name: (macro[name], 4, 8) for name in ("realgdp", "unemp", "infl", "cpi")}
    found["sunspots"] = (data.sunspots.load_pandas().data["SUNACTIVITY"], 1, 10)
    found["nile"] = (data.nile.load_pandas().data["volume"], 1, 5)
    found["elnino"] = (data.elnino.load_pandas().data.drop(columns="YEAR").stack(), 12, 12)
    return {name: (np.asarray(values, dtype=float), season, horizon) for name, (values, season, horizon) in found.items()}


def errors(values: np.ndarray, season: int, horizon: int) -> dict[str, float]:
    """Mean absolute errors by method."""
    lag = _lag(len(values), horizon, season, 0.2, None)
    default = CombinedForecaster(lag=lag, horizon=horizon, season=min(season, lag))
    found = backtest("default", default, pd.DataFrame({"y": values}), 0.2, min(season, lag)).scores
    held = round(0.2 * len(values))
    origins = range(len(values) - held, len(values) - horizon + 1)
    some = origins[:: -(-len(origins) // MOST_ORIGINS)]
    return {name: each["MAE"] for name, each in found.items()} | {
        f"Holt-Winters, {kind}": float(
            np.mean([np.abs(_smoothed(values[:o], season, horizon, kind) - values[o : o + horizon]) for o in some])
        )
        for kind in (("additive", "multiplicative") if season > 1 and values.min() > 0 else ("additive",))
    }


def _smoothed(known: np.ndarray, season: int, horizon: int, kind: str) -> np.ndarray:
    seasons = {"seasonal": kind[:3], "seasonal_periods": season} if season > 1 else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ExponentialSmoothing(known, trend="add", initialization_method="estimated", **seasons).fit().forecast(horizon)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", nargs="+", choices=list(series()))
    args = parser.parse_args()
    result, targets, ratios = {}, {}, []
    for name, (values, season, horizon) in series().items():
        if args.series and name not in args.series:
            continue
        row = result[name] = errors(values, season, horizon)
        ratios.append(row["default"] / row["window-ridge"])
        print(f"{name:11}" + "  ".join(f"{method} {error:.4g}" for method, error in row.items()), flush=True)
        targets[f"{name}: at most 1.15 times the ridge"] = ratios[-1] <= 1.15
        if name == "passengers":
            targets["passengers: less than every other"] = row["default"] == min(row.values())
    mean = float(np.exp(np.mean(np.log(ratios))))
    targets["all: at most the ridge in the geometric mean"] = mean <= 1
    for name, met in targets.items():
        print(f"{'met   ' if met else 'MISSED'} {name}")
    print(json.dumps({**result, "of_ridge": mean, "targets": {name: bool(met) for name, met in targets.items()}}))
    return int(not all(targets.values()))


if __name__ == "__main__":
    sys.exit(main())
