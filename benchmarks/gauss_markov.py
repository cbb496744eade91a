"""Claim (Kamiura, "The Gauss-Markov Adjunction", arXiv 2507.02442): making data of coefficients and coefficients of data are adjoint, a
residual corresponds to a change of coefficients, and least squares is where the residual is least. The paper has no figures; what can be
checked is the numeric content: nine laws, the theorem that names it, and the split of an error into what a better fit of the same
features removes and what only others would.

    python benchmarks/gauss_markov.py laws                                   # all solvers, half a minute
    python benchmarks/gauss_markov.py blue                                   # best linear unbiased: 20,000 draws of noise
    python benchmarks/gauss_markov.py descent                                # law 8 at 500 steps
    python benchmarks/gauss_markov.py token --states states.npz              # next-token features; see hidden_states.py
    python benchmarks/gauss_markov.py hidden --states states.npz --plot docs/images/residual_split.svg

Each part prints its claims with figure and target; its last line is JSON, and the exit status is 1 if a target is missed.

Takes: half a minute for `laws`, a few minutes for all parts.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claims, report
from hidden_states import hidden_states
from sklearn.linear_model import LinearRegression

from foretell.files import write_text
from foretell.numbers.estimators.sketched_linear_regression import SketchedLinearRegression
from foretell.numbers.linear.residual_split import explain_residual
from foretell.numbers.linear.solvers.cholesky import Cholesky
from foretell.numbers.linear.solvers.gradient_descent import GradientDescent
from foretell.numbers.linear.solvers.lstsq import LSTSQ
from foretell.numbers.linear.solvers.qr import QR
from foretell.numbers.linear.solvers.ridge import Ridge
from foretell.reports.lines import line_plot
from foretell.reports.page import standalone
from foretell.testing.linear_solver import TOLERANCE, UnlawfulSolverError, check_linear_solver, problems


def laws(args: argparse.Namespace) -> int:
    """The largest deviation of each solver, in units of the condition number; and who is caught by which law."""
    cases = problems((10.0, 1e3, 1e6), weighted=True)
    tall = problems((10.0, 1e6), weighted=True, num_rows=80, num_columns=3)
    exact: list[tuple[str, Any, dict]] = [
        *((repr(solver), solver, {"given": cases}) for solver in (QR(), LSTSQ(), LSTSQ("gelsy"), LSTSQ("gelss"), Cholesky())),
        ("LinearRegression(tol=1e-14)", LinearRegression(tol=1e-14), {}),
        ("SketchedLinearRegression, exact below 2 m rows", SketchedLinearRegression(random_state=0), {"given": cases}),
        ("SketchedLinearRegression(refine=20)", SketchedLinearRegression(refine=20, random_state=0), {"given": tall}),
        ("GradientDescent, condition 3", GradientDescent(), {"given": problems((3.0,), False)}),
    ]
    claims: Claims = []
    for name, solver, options in exact:
        found = check_linear_solver(solver, tolerance=np.inf, **options)
        claims.append((f"{name}: worst deviation ({max(found, key=found.__getitem__)})", max(found.values()), "<=", TOLERANCE))
    caught = {}
    for name, solver, options in (
        ("Ridge(alpha=0.1)", Ridge(alpha=0.1), {}),
        ("LinearRegression() with its default tol", LinearRegression(), {}),
        ("SketchedLinearRegression(refine=0)", SketchedLinearRegression(random_state=0), {"given": tall}),
    ):
        try:
            check_linear_solver(solver, **options)
        except UnlawfulSolverError as error:
            caught[name] = str(error)
        print(f"{name}: {caught.get(name, 'keeps all laws')}")
    claims.append(("ridge, the skew sketch and the cut singular values are caught, of 3", len(caught), ">=", 3))
    return report(claims, {"caught": caught})


def blue(args: argparse.Namespace) -> int:
    """Least covariance among linear unbiased estimators, under equal noise; and the weighted one under unequal noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 4))  # noqa: N806
    best = QR().solve(X, np.eye(40))
    rest = np.eye(40) - X @ best
    noise = rng.standard_normal((args.draws, 40))
    ours = noise @ best.T
    claims: Claims = []
    for rival in range(5):
        other = noise @ (best + 0.05 * (rival + 1) * rng.standard_normal((4, 40)) @ rest).T
        values, vectors = np.linalg.eigh((other.T @ other - ours.T @ ours) / args.draws)
        along = (other @ vectors[:, 0]) ** 2 - (ours @ vectors[:, 0]) ** 2
        error = along.std() / np.sqrt(args.draws)
        claims.append(
            (f"equal noise, rival {rival + 1}: least eigenvalue of the difference, standard errors", values[0] / error, ">=", -3.0)
        )
    variances = np.where(np.arange(40) < 20, 1.0, 100.0)
    unequal = noise * np.sqrt(variances)
    weighted = unequal @ QR().solve(X, np.eye(40), 1 / variances).T
    ratio = np.sum((unequal @ best.T) ** 2) / np.sum(weighted**2)
    claims.append(("noise variances 1 and 100: trace of unweighted over weighted covariance", ratio, ">=", 2.0))
    return report(claims, {})


def descent(args: argparse.Namespace) -> int:
    """Law 8 at each of 500 steps, and what an exact refit gains."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 8)) * np.geomspace(1, 0.1, 8)  # noqa: N806
    y = X @ rng.standard_normal(8) + 0.1 * rng.standard_normal(200)
    a = 3 * rng.standard_normal(8)
    step = 1.9 / np.linalg.norm(X, 2) ** 2
    exact = QR().solve(X, y)
    worst, last, rises = 0.0, np.inf, 0
    for _ in range(500):
        split = explain_residual(X, y, a)
        truly = np.sum((y - X @ a) ** 2) - np.sum((y - X @ exact) ** 2)
        away = np.sum((X @ (a - exact)) ** 2)
        worst = max(worst, abs(split.fixable - away) / split.total, abs(split.fixable - truly) / split.total)
        rises += split.fixable > last * (1 + 1e-12)
        last = split.fixable
        a = a + step * X.T @ (y - X @ a)
    claims: Claims = [
        ("500 steps: fixable against |X(a_t - a*)|² and against the gain of a refit, relative", worst, "<=", 1e-9),
        ("steps at which the fixable part rises", rises, "<=", 0),
        ("fixable share at the end", split.fixable_share, "<=", 0.01),
    ]
    return report(claims, {})


def scaled(features: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and standard deviation 1, and one of ones."""
    return np.hstack([(features - features.mean(axis=0)) / features.std(axis=0), np.ones((len(features), 1))])


def sgd(features: np.ndarray, targets: np.ndarray, checkpoints: Sequence[int], seed: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """(step, coefficients) at the checkpoints: SGD with momentum 0.9 on batches of 64 rows, from 0. The length of a step: a tenth of
    1 / |x|², above which the steps would run away."""
    rng = np.random.default_rng(seed)
    rows, goals = features.astype(np.float32), targets.astype(np.float32)
    a = np.zeros((rows.shape[1], goals.shape[1]), dtype=np.float32)
    speed_ = np.zeros_like(a)
    for step in range(checkpoints[-1] + 1):
        if step in checkpoints:
            yield step, a.astype(float)
        chosen = rng.integers(len(rows), size=64)
        gradient = rows[chosen].T @ (rows[chosen] @ a - goals[chosen]) / 64
        speed_ = 0.9 * speed_ - 0.1 / rows.shape[1] * gradient
        a += speed_


class Head:
    """What both parts below need: features of training and held-out rows, targets, and how often a drafted token is the model's own."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.states = hidden_states(args.states, args.tokens)
        self.here, self.token, self.there = self.states.pairs()
        self.num = int(0.9 * len(self.here))
        self.best = self.read(self.there[self.num :])

    def read(self, states: np.ndarray) -> np.ndarray:
        """The output head's best token."""
        return np.argmax(states.astype(np.float32) @ self.states.embeddings.T, axis=1)

    def accepted(self, features: np.ndarray, a: np.ndarray) -> float:
        """Share of held-out positions where the token read from the drafted state is the model's own next one."""
        return float(np.mean(self.read(features[self.num :] @ a) == self.best))

    def held_out(self, features: np.ndarray, a: np.ndarray) -> float:
        return float(np.sum((self.there[self.num :] - features[self.num :] @ a) ** 2))


def hidden(args: argparse.Namespace) -> int:
    """A linear head hidden_t -> hidden_(t+1) by SGD: its split against steps, and acceptance before and after an exact refit."""
    head = Head(args)
    features = scaled(head.here)
    fitted, goals = features[: head.num], head.there[: head.num]
    curve = []
    for steps, a in sgd(fitted, goals, (0, 10, 30, 100, 300, 1000)):
        split = explain_residual(fitted, goals, a)
        curve.append((steps, float(split.total.sum()), float(split.fixable.sum()), float(split.floor.sum())))
        print(
            f"  {steps:5} steps: fixable {curve[-1][2] / curve[-1][1]:6.1%}, floor {curve[-1][3] / curve[-1][1]:6.1%} of the error",
            flush=True,
        )
    exact = QR().solve(fitted, goals)
    fell = float(split.total.sum() - np.sum((goals - fitted @ exact) ** 2))
    arms = {"SGD": a, "exact": exact}
    acceptance = {name: head.accepted(features, each) for name, each in arms.items()}
    held_out = {name: head.held_out(features, each) for name, each in arms.items()}
    print(f"acceptance on {len(head.best)} held-out positions: { {name: round(value, 3) for name, value in acceptance.items()} }")
    print(f"held-out error: { {name: round(value) for name, value in held_out.items()} }")
    uneven = np.max(np.abs(split.total - split.fixable - split.floor) / split.total)
    claims: Claims = [
        ("|total - fixable - floor| / total, largest of all outputs", float(uneven), "<=", 1e-9),
        ("gain of the exact head against the reported fixable part, relative", abs(fell / float(split.fixable.sum()) - 1), "<=", 1e-9),
    ]
    if args.plot:
        write_text(args.plot, plot(curve, args.wide))
    return report(claims, {"curve": curve, "acceptance": acceptance, "held_out": held_out})


def token(args: argparse.Namespace) -> int:
    """What the next token's embedding, as further features, does to the floor and to acceptance."""
    head = Head(args)
    narrow, wide = scaled(head.here), scaled(np.hstack([head.here, head.token]))
    goals = head.there[: head.num]
    splits, acceptance, held_out = [], {}, {}
    for name, features in (("state", narrow), ("state and token", wide)):
        split = explain_residual(features[: head.num], goals, np.zeros((features.shape[1], goals.shape[1])))
        acceptance[name], held_out[name] = head.accepted(features, split.delta), head.held_out(features, split.delta)
        splits.append((float(split.floor.sum()), float(split.leave_one_out_total.sum())))
        print(f"{name}: floor {splits[-1][0]:.5g}, rows left out in turn {splits[-1][1] / splits[-1][0]:.3f} of it", flush=True)
    print(f"acceptance on {len(head.best)} held-out positions: { {name: round(value, 3) for name, value in acceptance.items()} }")
    print(f"held-out error: { {name: round(value) for name, value in held_out.items()} }")
    claims: Claims = [
        ("fall of the floor by the next token's embedding", 1 - splits[1][0] / splits[0][0], ">=", 0.2),
        ("the same, each row left out in turn", 1 - splits[1][1] / splits[0][1], ">=", 0.2),
        ("the same, on held-out rows", 1 - held_out["state and token"] / held_out["state"], ">=", 0.2),
    ]
    return report(claims, {"floors": splits, "acceptance": acceptance, "held_out": held_out})


def plot(curve: list[tuple[int, float, float, float]], wide: float | None) -> str:
    """Floor and fixable part against steps; all as shares of the error before the first step. SVG."""
    start = curve[0][1]
    lines = {
        "error now": [point[1] / start for point in curve],
        "fixable: a better fit": [point[2] / start for point in curve],
        "floor: other features": [point[3] / start for point in curve],
    }
    if wide is not None:
        lines["floor with the next token"] = [wide / start for _ in curve]
    places = list(range(len(curve)))
    steps = [str(point[0]) for point in curve]
    alt, title = "What a head's error consists of while it is trained", "squared error of a linear head, share of that before training"
    settings = {"title": title, "ylim": (0, 1), "xticks": places, "xticklabels": steps}
    return standalone(line_plot(alt, places, lines, "steps of SGD (not to scale)", "", has_legend=True, **settings))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["laws", "blue", "descent", "hidden", "token"])
    parser.add_argument("--draws", type=int, default=20_000, help="blue")
    parser.add_argument("--states", type=Path, default=Path("hidden_states.npz"))
    parser.add_argument("--tokens", type=int, default=20_000)
    parser.add_argument("--plot", type=Path, default=None, help="hidden: write a picture (SVG)")
    parser.add_argument("--wide", type=float, default=None, help="hidden: a floor to draw beside, from the part `token`")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*solved exactly")
    return {"laws": laws, "blue": blue, "descent": descent, "hidden": hidden, "token": token}[args.part](args)


if __name__ == "__main__":
    sys.exit(main())
