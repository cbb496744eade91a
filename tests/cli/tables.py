"""A small table and small series as files, for the verbs of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def write_table(folder: Path, rows: int = 120, seed: int = 0) -> Path:
    rng = np.random.RandomState(seed)
    size, colour = rng.uniform(0, 1, rows), rng.choice(["red", "blue", "green"], rows)
    price = 10 + 5 * size + 2 * (colour == "red") + 0.3 * rng.standard_normal(rows)
    path = folder / "houses.csv"
    pd.DataFrame({"size": size, "colour": colour, "id": [f"h{i}" for i in range(rows)], "price": price}).to_csv(path, index=False)
    return path


def write_series(folder: Path, rows: int = 300) -> Path:
    rng, steps = np.random.RandomState(1), np.arange(rows)
    waves = np.stack([np.sin(2 * np.pi * steps / 24), np.cos(2 * np.pi * steps / 24)], axis=1)
    frame = pd.DataFrame(waves + 0.1 * rng.standard_normal((rows, 2)), columns=["north", "south"])
    frame.insert(0, "time", pd.date_range("2024-01-01", periods=rows, freq="h"))
    path = folder / "load.csv"
    frame.to_csv(path, index=False)
    return path
