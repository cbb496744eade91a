"""Claim (Song, Ye, Yin, Zhang, "A Nearly-Optimal Bound for Fast Regression with l_infinity Guarantee", ICML 2023): a dense sketch of
about d rows, up to powers of log n, keeps every single coefficient close, and sparse sketches cannot. Its published proof has a gap; what
follows is observed behaviour.

    python benchmarks/sketched_regression.py bounds                                    # 2 minutes
    python benchmarks/sketched_regression.py hard --plot docs/images/sketched_regression.svg
    python benchmarks/sketched_regression.py speed --sizes 16x256 18x256 --runs 5      # 2^16 x 256, ...
    python benchmarks/sketched_regression.py large --arm sketch                        # 10^6 x 256 in chunks; also: cholesky, library
    python benchmarks/sketched_regression.py hidden --states states.npz                # see hidden_states.py

Each part prints its claims with figure and target; its last line is JSON, and the exit status is 1 if a target is missed.

Takes: 2 minutes for `bounds`, much longer for `large`.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import scipy.linalg
from claims import Claims, report
from hidden_states import hidden_states
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from foretell.files import write_text
from foretell.numbers.estimators.sketched_linear_regression import SketchedLinearRegression
from foretell.numbers.linear.sketches.base import Sketch
from foretell.numbers.linear.sketches.countsketch import CountSketch
from foretell.numbers.linear.sketches.gaussian import Gaussian
from foretell.numbers.linear.sketches.srdct import SRDCT
from foretell.numbers.linear.sketches.srht import SRHT
from foretell.reports.lines import line_plot
from foretell.reports.page import standalone

DENSE: dict[str, Sketch] = {"srht": SRHT(), "srdct": SRDCT(), "gaussian": Gaussian()}
ALL = {**DENSE, "countsketch": CountSketch()}
#: What times are told by: with --cpu the processor's time of this process, which neighbours on the machine do not lengthen.
CLOCK: Callable[[], float] = time.perf_counter


def sketched(sketch: Sketch, A: np.ndarray, b: np.ndarray, m: int, seed: int) -> np.ndarray:  # noqa: N803
    """The bare sketched solution, the shortest one where the sketched system has lost its rank: CountSketch often does."""
    drawn = sketch.draw(len(A), m, np.random.default_rng(seed))
    return scipy.linalg.lstsq(drawn(A), drawn(b[:, None])[:, 0], lapack_driver="gelsy", check_finite=False)[0]


def hard(d: int, m: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first columns of I; b on m / d rows below them. Solved by 0, with |r| = 1; one collision of rows costs sqrt(d / m)."""
    b = np.zeros(n)
    b[d : d + m // d] = 1 / np.sqrt(m // d)
    return np.eye(n, d), b


def systems() -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    """A, b, m."""
    rng = np.random.default_rng(0)
    random = rng.standard_normal((4096, 32)), rng.standard_normal(4096)
    features, target = load_diabetes(return_X_y=True)
    expanded = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(features))
    many = np.repeat(expanded, 10, axis=0) + 0.01 * rng.standard_normal((4420, expanded.shape[1]))
    return {
        "random": (*random, 256),
        "hard": (*hard(32, 1024, 4096), 1024),
        "diabetes": (many, np.repeat(target - target.mean(), 10), 8 * expanded.shape[1]),
    }


def bounds(args: argparse.Namespace) -> int:
    """Bound, fixed direction, residual ratio, refining."""
    claims: Claims = []
    found: dict[str, dict[str, float]] = {}
    for name, (A, b, m) in systems().items():  # noqa: N806
        if args.systems and name not in args.systems:
            continue
        n, d = A.shape
        exact = np.linalg.lstsq(A, b, rcond=None)[0]
        residual, least = np.linalg.norm(b - A @ exact), np.linalg.svd(A, compute_uv=False)[-1]
        unit = np.sqrt(np.log(2 * d) / (m - d)) * residual / least
        print(f"{name}: {n} x {d}, m = {m}, {args.draws} draws", flush=True)
        found[name] = {}
        for sketch_name, sketch in ALL.items():
            if args.sketches and sketch_name not in args.sketches:
                continue
            errors = np.array([sketched(sketch, A, b, m, seed) - exact for seed in range(args.draws)])
            found[name][sketch_name] = float(np.quantile(np.abs(errors).max(axis=1) / unit, 0.95))
            sparse = sketch_name == "countsketch"
            if not sparse or name == "hard":
                claim = f"{name}, {sketch_name}: 95 % quantile of the largest error, in sqrt(log(2d)/(m-d)) |r| |A+|"
                claims.append((claim, found[name][sketch_name], ">=" if sparse else "<=", 2.0))
            ratio = np.sqrt(np.mean(np.sum((errors @ A.T) ** 2, axis=1)) / residual**2 + 1)
            if not sparse:
                expected = np.sqrt(1 + d / (m - d))
                claims.append(
                    (f"{name}, {sketch_name}: residual ratio {ratio:.4f}, off {expected:.4f} by", abs(ratio / expected - 1), "<=", 0.02)
                )
        print({each: round(value, 3) for each, value in found[name].items()}, flush=True)
    rng = np.random.default_rng(1)
    basis, b, direction = np.linalg.qr(rng.standard_normal((4096, 32)))[0], rng.standard_normal(4096), rng.standard_normal(32)
    for sketch_name, sketch in DENSE.items():
        if args.sketches and sketch_name not in args.sketches:
            continue
        errors = np.array([sketched(sketch, basis, b, 256, seed) - basis.T @ b for seed in range(args.draws)])
        share = 32 * np.mean((errors @ direction) ** 2 / np.sum(direction**2) / np.sum(errors**2, axis=1))
        claims += [
            (f"orthonormal, {sketch_name}: d |a e|²/(|a|²|e|²), fixed direction", share, relation, t)
            for relation, t in ((">=", 0.3), ("<=", 3))
        ]
    for condition in (1e2, 1e6):
        A = basis * np.geomspace(1, 1 / condition, 32) @ np.linalg.qr(rng.standard_normal((32, 32)))[0]  # noqa: N806
        b = A @ rng.standard_normal(32) + 0.1 * rng.standard_normal(4096) / 64
        exact = np.linalg.lstsq(A, b, rcond=None)[0]
        model = SketchedLinearRegression(refine=20, fit_intercept=False, random_state=0).fit(A, b)
        claims.append(
            (
                f"condition {condition:g}: refine=20 against lstsq, relative",
                np.linalg.norm(model.coef_ - exact) / np.linalg.norm(exact),
                "<=",
                1e-8,
            )
        )
    return report(claims, {"quantiles": found})


def hard_instance(args: argparse.Namespace) -> int:
    """Where sparse sketches fail. n = 4 m, so that drawing without replacement does not flatter the dense ones."""
    claims: Claims = []
    found: dict[int, dict[str, list[float]]] = {}
    for d in args.dims:
        m = 32 * d
        A, b = hard(d, m, 4 * m)  # noqa: N806
        found[d] = {}
        for name, sketch in ALL.items():
            if (name == "gaussian" and d > 64) or (args.sketches and name not in args.sketches):
                continue
            errors = np.array([sketched(sketch, A, b, m, seed) for seed in range(args.draws)])
            largest = np.sqrt(m) * np.abs(errors).max(axis=1)
            found[d][name] = [
                float(np.median(largest)),
                float(np.quantile(largest, 0.95)),
                float(np.sqrt(np.mean(np.sum(errors**2, axis=1)))),
            ]
        shown = {name: [round(value, 3) for value in values] for name, values in found[d].items()}
        print(f"d = {d}, m = {m}: sqrt(m) largest error, median and 95 %, and root mean square of |e|: {shown}", flush=True)
    both = [d for d in found if {"countsketch", "srht"} <= set(found[d])]
    ratios = {d: found[d]["countsketch"][0] / found[d]["srht"][0] for d in both}
    claims += [(f"d = {d}: median largest error, countsketch / srht", ratios[d], ">=", t) for d, t in ((32, 2.0), (128, 3.0)) if d in both]
    if len(both) > 1:
        claims.append(("the ratio grows with d: least step", float(np.min(np.diff(list(ratios.values())))), ">=", 0.0))
    for d in both:
        ratio = found[d]["countsketch"][2] / found[d]["srht"][2]
        claims.append((f"d = {d}: root mean square of |e|, apart by", max(ratio, 1 / ratio), "<=", 1.5))
    if args.plot:
        write_text(args.plot, plot(args.draws))
    return report(claims, {"found": found})


def plot(draws: int, d: int = 16) -> str:
    """The 95 % quantile of the largest error on the hard instance against m, beside the bound."""
    sizes = [d * factor for factor in (8, 16, 32, 64)]
    curves: dict[str, list[float]] = {"bound": [2 * np.sqrt(np.log(2 * d) / (m - d)) for m in sizes]}
    for name, sketch in (("CountSketch", CountSketch()), ("Gaussian", Gaussian()), ("SRHT", SRHT()), ("SRDCT", SRDCT())):
        curves[name] = []
        for m in sizes:
            A, b = hard(d, m, 4 * m)  # noqa: N806
            curves[name].append(float(np.quantile([np.abs(sketched(sketch, A, b, m, seed)).max() for seed in range(draws)], 0.95)))
    alt = "Largest error of a coefficient against the rows of the summary, beside the bound"
    title = f"largest error of a coefficient, 95 % of {draws} draws, in |r| |A+|; d = {d} columns, hard instance"
    ticks = [0.0625, 0.125, 0.25, 0.5]
    rows = {"xscale": "log", "xticks": sizes, "xticklabels": [f"{m // d} d" for m in sizes]}
    errors = {"yscale": "log", "yticks": ticks, "yticklabels": ticks, "ylim": (0.05, 0.5)}
    return standalone(line_plot(alt, sizes, curves, "rows of the summary, m", "", has_legend=True, title=title, **rows, **errors))


def normal_equations(A: np.ndarray, b: np.ndarray) -> np.ndarray:  # noqa: N803
    return scipy.linalg.cho_solve(scipy.linalg.cho_factor(A.T @ A, check_finite=False), A.T @ b, check_finite=False)


def ours(sketch: Sketch | None = None, refine: int = 0) -> Callable:
    return lambda x, y: SketchedLinearRegression(sketch, refine=refine, fit_intercept=False, random_state=0).fit(x, y).coef_


EXACT: dict[str, Callable] = {
    "numpy lstsq": lambda x, y: np.linalg.lstsq(x, y, rcond=None)[0],
    "scipy gelsy": lambda x, y: scipy.linalg.lstsq(x, y, lapack_driver="gelsy", check_finite=False)[0],
    "sklearn LinearRegression": lambda x, y: LinearRegression(fit_intercept=False).fit(x, y).coef_,
}
SOLVERS: dict[str, Callable] = {
    **EXACT,
    "sklearn Ridge": lambda x, y: Ridge(alpha=1e-8, fit_intercept=False).fit(x, y).coef_,
    "normal equations, Cholesky": normal_equations,
    "srdct": ours(),
    "srht": ours(SRHT()),
    "countsketch": ours(CountSketch()),
    "srdct, refine=8": ours(refine=8),
}


def speed(args: argparse.Namespace) -> int:
    """Seconds, median of interleaved runs, m = 8 d."""
    claims: Claims = []
    found = {}
    for size in args.sizes:
        bits, d = map(int, size.split("x"))
        rng = np.random.default_rng(0)
        A = rng.standard_normal((2**bits, d))  # noqa: N806
        b = A @ rng.standard_normal(d) + rng.standard_normal(2**bits)
        solvers = {name: solve for name, solve in SOLVERS.items() if not args.solvers or name in args.solvers}
        times: dict[str, list[float]] = {name: [] for name in solvers}
        answers = {}
        for _ in range(args.runs):
            for name, solve in solvers.items():
                begin = CLOCK()
                answers[name] = solve(A, b)
                times[name].append(CLOCK() - begin)
        medians = {name: float(np.median(values)) for name, values in times.items()}
        found[size] = medians
        print(f"2^{bits} x {d}, {args.runs} runs", flush=True)
        best = next(iter(answers.values()))  # an exact one
        for name, value in medians.items():
            error = np.linalg.norm(answers[name] - best) / np.linalg.norm(best)
            print(f"  {name:28} {value:8.3f} s   {medians['srdct'] / value:6.2f} of srdct's speed   relative error {error:.1e}", flush=True)
        for rival in {"numpy lstsq", "sklearn LinearRegression"} & set(medians):
            if 2**bits * d >= 2**16 * 256:
                claims.append((f"2^{bits} x {d}: srdct's speed over {rival}", medians[rival] / medians["srdct"], ">=", 2.0))
    return report(claims, {"seconds": found})


ROWS, COLUMNS, CHUNK = 1_000_000, 256, 16_384


class Chunks:
    """10^6 rows, never all at once: columns with means and a common part. seconds: what making them has taken so far."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        loads, slopes = np.random.default_rng(0).standard_normal((2, COLUMNS))
        for number_of, first in enumerate(range(0, ROWS, CHUNK)):
            begin = CLOCK()
            rng, rows = np.random.default_rng(1 + number_of), min(CHUNK, ROWS - first)
            X = rng.standard_normal((rows, COLUMNS)) + rng.standard_normal((rows, 1)) * loads + 1  # noqa: N806
            y = X @ slopes + rng.standard_normal(rows)
            self.seconds += CLOCK() - begin
            yield X, y


def memory() -> float:
    """Most of it that this process has held so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def large(args: argparse.Namespace) -> int:
    """10^6 x 256: one arm a process, so that the memory is its own; times leave out the making of chunks. Arms read each other's
    results from --partial."""
    known = json.loads(args.partial.read_text()) if args.partial.is_file() else {}
    for X, y in islice(Chunks(), 2):  # noqa: N806
        X.T @ y  # whatever libraries set up
    before = memory()
    made = Chunks()
    begin = CLOCK()
    if args.arm == "sketch":
        model = SketchedLinearRegression(random_state=0).fit_chunks(made)
        known["sketch"] = {"coef": model.coef_.tolist(), "std": model.coef_std_.tolist(), "bound": float(model.coef_bound_)}
        known["sketch"]["seconds"] = CLOCK() - begin - made.seconds
        print(f"parts: {model.report_['seconds']}, the rest checks; making chunks took {made.seconds:.1f} s more")
    elif args.arm == "cholesky":
        gram, moments = np.zeros((COLUMNS + 1,) * 2), np.zeros(COLUMNS + 1)
        for X, y in made:  # noqa: N806
            joined = np.hstack([X, np.ones((len(X), 1))])
            gram += joined.T @ joined
            moments += joined.T @ y
        coefficients = scipy.linalg.cho_solve(scipy.linalg.cho_factor(gram), moments)
        known["cholesky"] = {"seconds": CLOCK() - begin - made.seconds, "coef": coefficients[:-1].tolist()}
    else:
        A, b = np.empty((ROWS, COLUMNS + 1)), np.empty(ROWS)  # noqa: N806
        A[:, -1] = 1
        for place, (X, y) in enumerate(made):  # noqa: N806
            A[place * CHUNK : place * CHUNK + len(X), :-1], b[place * CHUNK : place * CHUNK + len(X)] = X, y
        for name in args.solvers or list(EXACT):
            begin = CLOCK()
            found = EXACT[name](A, b)
            known[name] = {"seconds": CLOCK() - begin, "coef": found[:-1].tolist()}
            print(f"  {name}: {known[name]['seconds']:.1f} s", flush=True)
            args.partial.write_text(json.dumps(known))
    grown = memory() - before
    known.setdefault("memory", {})[args.arm] = grown
    args.partial.write_text(json.dumps(known))
    claims: Claims = []
    table = ROWS * COLUMNS * 8 / 2**20
    shown = {name: round(values["seconds"], 2) for name, values in known.items() if "seconds" in values}
    print(f"seconds, {ROWS} x {COLUMNS}: {shown}; memory grown by {grown:.0f} MiB, the table has {table:.0f} MiB")
    if "sketch" in known:
        claims.append(("memory of the sketch arm, share of the table", known["memory"]["sketch"] / table, "<=", 0.1))
        library = [known[name]["seconds"] for name in EXACT if name in known]
        if library:
            claims.append(("sketch's speed over the fastest exact library solver", min(library) / known["sketch"]["seconds"], ">=", 3.0))
        exact = next((known[name]["coef"] for name in ("cholesky", *EXACT) if name in known), None)
        if exact is not None:
            errors = np.abs(np.subtract(known["sketch"]["coef"], exact))
            claims.append(("largest error over coef_bound_", float(errors.max() / known["sketch"]["bound"]), "<=", 1.0))
            claims.append(
                ("root mean square of error over its bar", float(np.sqrt(np.mean((errors / known["sketch"]["std"]) ** 2))), "<=", 1.3)
            )
        if "cholesky" in known:
            ratio = known["cholesky"]["seconds"] / known["sketch"]["seconds"]
            print(f"normal equations over the same chunks take {ratio:.2f} times as long (they square the condition number)")
    return report(claims, {"seconds": shown, "memory": known["memory"]})


def hidden(args: argparse.Namespace) -> int:
    """The head hidden_t, token_(t+1) -> hidden_(t+1), exact and sketched: time, and how often the drafted token is the model's own."""
    states = hidden_states(args.states, args.tokens)
    here, token, there = states.pairs()
    num = int(0.9 * len(here))

    def read(drafted: np.ndarray) -> np.ndarray:
        return np.argmax(drafted.astype(np.float32) @ states.embeddings.T, axis=1)

    best, floor = read(there[num:]), 1.0
    found = {}
    for columns, X in (("state", here), ("state and token", np.hstack([here, token]))):  # noqa: N806
        if args.features and columns != args.features:
            continue
        X = np.hstack([X, np.ones((len(X), 1))])  # noqa: N806
        m = 4 * X.shape[1]
        arms: dict[str, Callable] = {"exact, gelsy": EXACT["scipy gelsy"]}
        for refine in (0, 4):
            model = SketchedLinearRegression(m=m, refine=refine, fit_intercept=False, random_state=0)
            arms[f"sketched, refine={refine}"] = lambda x, y, model=model: model.fit(x, y).coef_.T
        for name, solve in arms.items():
            begin = CLOCK()
            a = solve(X[:num], there[:num])
            seconds = CLOCK() - begin
            accepted = float(np.mean(read(X[num:] @ a) == best))
            error = float(np.sum((there[:num] - X[:num] @ a) ** 2))
            floor = error if name.startswith("exact") else floor
            found[f"{columns}, {name}"] = {"seconds": seconds, "accepted": accepted, "fixable over floor": error / floor - 1}
            print(
                f"  {columns:16} {name:20} {seconds:6.2f} s   accepted {accepted:6.1%}   fixable / floor {error / floor - 1:.4f}",
                flush=True,
            )
    claims: Claims = []
    for columns in ("state", "state and token"):
        if f"{columns}, exact, gelsy" in found:
            lost = found[f"{columns}, exact, gelsy"]["accepted"] - found[f"{columns}, sketched, refine=4"]["accepted"]
            claims.append((f"{columns}: acceptance lost by sketching with refine=4", lost, "<=", 0.01))
    return report(claims, found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["bounds", "hard", "speed", "large", "hidden"])
    parser.add_argument("--draws", type=int, default=None, help="200 of bounds, 60 of hard")
    parser.add_argument("--systems", nargs="+", choices=["random", "hard", "diabetes"], help="bounds: only these")
    parser.add_argument("--sketches", nargs="+", choices=list(ALL), help="bounds, hard: only these")
    parser.add_argument("--dims", nargs="+", type=int, default=[16, 32, 64, 128], help="hard: columns")
    parser.add_argument("--plot", type=Path, default=None, help="hard: write a picture (SVG)")
    parser.add_argument("--sizes", nargs="+", default=["16x128", "16x256"], help="speed: bits of n x d")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--arm", choices=["sketch", "cholesky", "library"], default="sketch")
    parser.add_argument("--solvers", nargs="+", choices=list(SOLVERS), help="speed and large, library: only these")
    parser.add_argument(
        "--partial", type=Path, default=Path("sketched_regression_large.json"), help="large: where arms leave their results"
    )
    parser.add_argument("--states", type=Path, default=Path("hidden_states.npz"))
    parser.add_argument("--tokens", type=int, default=20_000)
    parser.add_argument("--features", choices=["state", "state and token"], help="hidden: only these")
    parser.add_argument("--cpu", action="store_true", help="seconds of processor time; set OMP_NUM_THREADS=1 beside it")
    args = parser.parse_args()
    if args.cpu:
        global CLOCK
        CLOCK = time.process_time
    args.draws = args.draws or {"bounds": 200}.get(args.part, 60)
    return {"bounds": bounds, "hard": hard_instance, "speed": speed, "large": large, "hidden": hidden}[args.part](args)


if __name__ == "__main__":
    sys.exit(main())
