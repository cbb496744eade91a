"""Claims (Wu et al., "Mixup Your Own Pairs", 2023): pre-training by contrast with mixed pairs (SupReMix) puts representations in the
order of the target, and a plain regressor on top of them errs less than one network fitted directly, above all where rows are few or
uneven (its six data sets; on AgeDB-DIR, the authors' code says, MAE 7.12 with a linear probe).

Here: scikit-learn's digits as numbers (600 learnt from), and tables, learnt from 10, 30 and 100 % of the training rows, and from rows
of which 80 % of those in the upper third of the target are missing ("imbalanced"; the rare third is judged apart, too). A fifth of
the rows is held out, at most 1000. Arms: an MLP by L1, the same body pre-trained by SupCon (equality within a tolerance where targets
never tie), Rank-N-Contrast, SupReMix and its ablations, each with a linear probe by L1; and SupReMix fine-tuned by L1, which takes
twice the epochs, as "mlp l1 longer" does. All arms have the same body, epochs and optimiser. MAE in the target's units, mean over seeds.

    python benchmarks/supremix.py                                    # digits and concrete, 3 seeds, some 20 minutes on a core
    python benchmarks/supremix.py --data ames diabetes --settings "30 %" --results supremix.jsonl   # goes on where it was cut

The last line is JSON; the exit status is 1 if a target is missed.

Takes: 20 minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numbers_data import numeric, table
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from foretell.numbers.bodies.convolution import Convolution
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.bodies.pretrained import Pretrained
from foretell.numbers.contrastive.linear_probe import LinearProbe
from foretell.numbers.contrastive.ordinality import ordinality
from foretell.numbers.contrastive.pairs.mix_neg import MixNeg
from foretell.numbers.contrastive.pairs.mix_pos import MixPos
from foretell.numbers.contrastive.pairs.real import Real
from foretell.numbers.contrastive.views import ImageShifts, TableViews
from foretell.numbers.contrastive.weighted_contrast import weighted_contrast
from foretell.numbers.contrastive.weights import Distance, Even
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.estimators.supremix_encoder import SupReMixEncoder
from foretell.numbers.estimators.supremix_regressor import SupReMixRegressor
from foretell.numbers.targets.l1 import L1

SETTINGS = ("10 %", "30 %", "100 %", "imbalanced")
TEST_ROWS = 1000


@dataclass(eq=False, repr=False)
class RankNContrast(SupReMixEncoder):
    """The rival: for anchor i and each other j, the softmax of - distance / temperature among those whose labels are at least as far as
    j's (Zha et al., "Rank-N-Contrast", NeurIPS 2023, equation 2). Embeddings keep their length; the paper's temperature is 2."""

    temperature: float = 2.0

    def _make_network(self) -> nn.Module:
        return super()._make_network()[:-1]

    def _contrast(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        logits = -torch.cdist(embeddings, embeddings) / self.temperature
        distances = (labels[:, None] - labels).abs()
        self_out = ~torch.eye(len(labels), dtype=torch.bool)
        as_far = (distances[:, None, :] >= distances[:, :, None]) & self_out[:, None, :]  # [anchor, other, rival]
        below = logits[:, None, :].expand_as(as_far).masked_fill(~as_far, -torch.inf).masked_fill(~self_out[:, :, None], 0.0)
        losses = (torch.logsumexp(below, dim=2) - logits).masked_fill(~self_out, 0.0)
        return losses.sum(dim=1) / (len(labels) - 1)


def encoders(common: dict[str, Any], tolerance: float) -> dict[str, Callable[[], SupReMixEncoder]]:
    """The arms that are encoders."""
    return {
        "supcon": lambda: SupReMixEncoder(**common, pairs=Real(tolerance), weight=Even()),
        "rank-n-contrast": lambda: RankNContrast(**common),
        "mix-neg": lambda: SupReMixEncoder(**common, pairs=Real() + MixNeg()),
        "mix-pos": lambda: SupReMixEncoder(**common, pairs=Real() + MixPos()),
        "supremix even": lambda: SupReMixEncoder(**common, weight=Even()),
        "supremix": lambda: SupReMixEncoder(**common),
    }


ARMS = ("raw", "mlp l1", "mlp l1 longer", *encoders({}, 0.0), "supremix tuned")


def data_of(name: str, setting: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows learnt from and rows judged on, (X, y) each; the same rows are judged on in all settings."""
    rng = np.random.RandomState(seed)
    if name == "digits":
        X, y = load_digits(return_X_y=True)  # noqa: N806
        y, order = y.astype(float), rng.permutation(len(y))
        return X[order[:600]], y[order[:600]], X[order[600:]], y[order[600:]]
    features, y = table(name, 5000)
    X, order = numeric(features), rng.permutation(len(y))  # noqa: N806
    num_test = min(TEST_ROWS, len(y) // 5)
    new, old = order[:num_test], order[num_test:]
    if setting == "imbalanced":
        rare = y[old] > np.quantile(y, 2 / 3)
        old = old[~rare | (rng.uniform(size=len(old)) < 0.2)]
    else:
        old = old[: round(len(old) * float(setting.removesuffix(" %")) / 100)]
    return X[old], y[old], X[new], y[new]


def run(name: str, setting: str, seed: int, arm: str, epochs: int, rate: float) -> dict[str, Any]:
    """One arm, fitted and judged."""
    X, y, new, truth = data_of(name, setting, seed)  # noqa: N806
    is_digits = name == "digits"
    body = Convolution() if is_digits else MLP()
    fitting = {"body": body, "epochs": epochs, "learning_rate": rate, "validation_fraction": 0.0, "random_state": seed}
    views = ImageShifts() if is_digits else TableViews()
    found = encoders({**fitting, "views": views}, 0.0 if is_digits else 0.1)
    begin, embedding = time.perf_counter(), None
    if arm == "raw":
        predicted, embedding = LinearProbe().fit(X, y).predict(new), (new - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
        embedding = new if is_digits else embedding
    elif arm in ("mlp l1", "mlp l1 longer"):
        length = epochs if arm == "mlp l1" else 2 * epochs
        predicted = HistogramRegressor(target=L1(), **{**fitting, "epochs": length}).fit(X, y).predict(new)
    elif arm == "supremix tuned":
        tuned = HistogramRegressor(target=L1(), **{**fitting, "body": Pretrained()})
        predicted = SupReMixRegressor(found["supremix"](), tuned).fit(X, y).predict(new)
    else:
        model = SupReMixRegressor(found[arm]().set_params(output="body")).fit(X, y)
        predicted, embedding = model.predict(new), model.encoder_.set_params(output="embedding").transform(new)
    seconds = time.perf_counter() - begin
    wrong, rare = np.abs(predicted - truth), truth > np.quantile(truth, 2 / 3)
    order = None if embedding is None else ordinality(embedding, truth)
    return {
        "data": name, "setting": setting, "seed": seed, "arm": arm, "epochs": epochs, "rate": rate, "rows": len(y),
        "mae": float(wrong.mean()), "rare": float(wrong[rare].mean()), "seconds": seconds,
        "spearman": None if order is None else order.spearman, "spread": None if order is None else order.neighbour_spread,
    }  # fmt: skip


class Bytes(TorchDispatchMode):
    """Counts what all operations put out, as if nothing were ever freed."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        for each in outputs if isinstance(outputs, tuple | list) else [outputs]:
            self.total += each.numel() * each.element_size() if isinstance(each, Tensor) else 0
        return outputs


def algebra() -> dict[str, float]:
    """What must hold of the loss whatever the data; each is worked out on random rows."""
    torch.manual_seed(0)
    embeddings = nn.functional.normalize(torch.randn(512, 128, dtype=torch.float64), dim=1).requires_grad_()
    labels = torch.randn(256, dtype=torch.float64).repeat(2)
    found: dict[str, float] = {}
    code = MixPos().fit(labels[:256].numpy())
    mixed = MixPos().draw(code, labels)
    here, below, above = mixed.present, labels[:, None] - labels[mixed.first], labels[mixed.second] - labels[:, None]
    outside = (below <= 0) | (above <= 0) | (below > code["window"]) | (above > code["window"])
    found["label"] = float((mixed.of(labels) - labels[:, None]).abs()[here].max())
    found["outside"] = float((outside & here).sum())
    reached = torch.autograd.grad(mixed.products(embeddings)[:5].sum(), embeddings)[0]
    found["gradient"] = float(reached[5:].abs().max())
    real = Real().others({"tolerance": 0.0}, embeddings, labels)
    ours = weighted_contrast(real.products / 0.1, real.positive, real.present, Even()(real.labels))
    similar = (embeddings @ embeddings.T / 0.1).detach()
    supcon = [
        math.log(sum(math.exp(similar[i, g]) for g in range(512) if g != i)) - float(similar[i, (i + 256) % 512]) for i in range(0, 512, 16)
    ]
    found["supcon"] = max(abs(a - b) for a, b in zip(ours[::16].tolist(), supcon, strict=True))
    moved = weighted_contrast(real.products / 0.1 + 1000, real.positive, real.present, Even()(real.labels))
    found["constant"] = float((moved - ours).abs().max().detach())
    order = torch.randperm(512)
    shuffled = Real().others({"tolerance": 0.0}, embeddings[order], labels[order])
    again = weighted_contrast(shuffled.products / 0.1, shuffled.positive, shuffled.present, Even()(shuffled.labels))
    found["order"] = float((again - ours[order]).abs().max().detach())
    pairs, rows = Real() + MixNeg(num=64) + MixPos(num=64), embeddings.detach().float().requires_grad_()
    code = pairs.fit(labels[:256].numpy())
    with Bytes() as counted:
        others = pairs.others(code, rows, labels.float())
        weights = Distance()((labels.float()[:, None] - others.labels).abs())
        weighted_contrast(others.products / 0.3, others.positive, others.present, weights, 1.0).mean().backward()
    found["MiB"] = counted.total / 2**20
    return found


def failed_checks(cls: Any) -> float:
    """How many of scikit-learn's checks fail without being declared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(cls.examples()[0], expected_failed_checks=dict(cls.CHECKS_NOT_MET), on_fail=None, on_skip=None)
    return float(sum(result["status"] == "failed" for result in results))


def lines_of(mean: Callable[[str, str, str, str], float], has: set[tuple[str, str]]) -> list[tuple[str, float, str, float]]:
    """What it must do: (claim, figure, "<=" or ">", target)."""
    found = algebra()
    lines = [
        ("mixed positives: largest difference from the anchor's label", found["label"], "<=", 1e-6),
        ("mixed positives that do not lie around the anchor within the window", found["outside"], "<=", 0.0),
        ("largest gradient that reaches a row through a mixture of it", found["gradient"], "<=", 0.0),
        ("without mixtures and weights: largest difference from SupCon", found["supcon"], "<=", 1e-5),
        ("largest change of a loss by 1000 added to all products", found["constant"], "<=", 1e-9),
        ("largest change of a loss by another order of rows", found["order"], "<=", 1e-9),
        ("MiB of 256 rows in two views, 128 numbers, 64 mixtures of a kind, forward and backward", found["MiB"], "<=", 100.0),
        ("checks of scikit-learn that fail: encoder", failed_checks(SupReMixEncoder), "<=", 0.0),
        ("checks of scikit-learn that fail: regressor", failed_checks(SupReMixRegressor), "<=", 0.0),
    ]
    if ("digits", "100 %") in has:
        order = {arm: mean("digits", "100 %", arm, "spearman") for arm in ("supremix", "supcon", "raw")}
        error = {arm: mean("digits", "100 %", arm, "mae") for arm in ("supremix", "supcon")}
        lines += [
            ("digits: Spearman of SupReMix", order["supremix"], ">=", 0.6),
            ("digits: Spearman of SupReMix, above SupCon's", order["supremix"], ">", order["supcon"]),
            ("digits: Spearman of SupCon, above that of raw pixels", order["supcon"], ">", order["raw"]),
            ("digits: MAE of SupReMix, at most SupCon's", error["supremix"], "<=", error["supcon"]),
        ]
    if {("concrete", "30 %"), ("concrete", "imbalanced")} <= has:
        for arm, words in (("supremix", "a linear probe"), ("supremix tuned", "fine-tuning")):
            shares = []
            for setting in ("30 %", "imbalanced"):
                rival = min(mean("concrete", setting, each, "mae") for each in ("mlp l1", "mlp l1 longer"))
                shares.append(mean("concrete", setting, arm, "mae") / rival)
            lines.append((f"concrete: MAE of SupReMix, by {words}, over the better MLP's; 30 % or imbalanced", min(shares), "<=", 1.0))
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["digits", "concrete"], help="digits, diabetes, or a table of numbers_data.py")
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS, help="of tables; digits have 100 %%")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4], help="settings were chosen by seeds 0 and 1")
    parser.add_argument("--epochs", type=int, default=0, help="0: 40 for digits, 100 for tables")
    parser.add_argument("--rate", type=float, default=3e-3, help="learning rate of all arms")
    parser.add_argument("--results", type=Path, help="a file of JSON lines: what is in it is not run again, what is run is added")
    parser.add_argument("--only-runs", action="store_true", help="run the arms and leave the claims for later")
    args = parser.parse_args()
    done = [json.loads(line) for line in args.results.read_text().splitlines()] if args.results and args.results.exists() else []
    known = {(each["data"], each["setting"], each["seed"], each["arm"]) for each in done}
    for seed in args.seeds:
        for name in args.data:
            for setting in args.settings if name != "digits" else ["100 %"]:
                for arm in args.arms:
                    if (name, setting, seed, arm) in known:
                        continue
                    done.append(run(name, setting, seed, arm, args.epochs or (40 if name == "digits" else 100), args.rate))
                    print({key: round(value, 3) if isinstance(value, float) else value for key, value in done[-1].items()}, file=sys.stderr)
                    if args.results:
                        with args.results.open("a") as file:
                            file.write(json.dumps(done[-1]) + "\n")
    return 0 if args.only_runs else report(done)


def report(done: list[dict[str, Any]]) -> int:
    def values(name: str, setting: str, arm: str, figure: str) -> list[float]:
        return [
            each[figure]
            for each in done
            if (each["data"], each["setting"], each["arm"]) == (name, setting, arm) and each[figure] is not None
        ]

    def mean(name: str, setting: str, arm: str, figure: str) -> float:
        found = values(name, setting, arm, figure)
        return float(np.mean(found)) if found else math.nan

    has = {(each["data"], each["setting"]) for each in done}
    for name, setting in sorted(has):
        arms = [arm for arm in ARMS if values(name, setting, arm, "mae")]
        rows = next(each["rows"] for each in done if (each["data"], each["setting"]) == (name, setting))
        print(f"\n{name}, {setting}, {rows} rows")
        print(f"{'arm':18} {'seeds':>5} {'MAE':>9} {'+-':>8} {'rare third':>10} {'Spearman':>9} {'spread':>7} {'seconds':>8}")
        for arm in arms:
            figures = [mean(name, setting, arm, figure) for figure in ("rare", "spearman", "spread", "seconds")]
            error = values(name, setting, arm, "mae")
            spread = np.std(error, ddof=1) if len(error) > 1 else math.nan
            mae = f"{len(error):5} {np.mean(error):9.3f} {spread:8.3f}"
            print(f"{arm:18} {mae} {figures[0]:10.3f} {figures[1]:9.3f} {figures[2]:7.3f} {figures[3]:8.1f}")
    print()
    lines = lines_of(mean, has)
    tests = {"<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
    missed = [claim for claim, figure, sign, target in lines if not tests[sign](figure, target)]
    for claim, figure, sign, target in lines:
        print(f"{claim}: {figure:.4g} ({sign} {target:.4g}) {'MISSED' if claim in missed else 'met'}")
    print(json.dumps({"lines": [[claim, figure, sign, target] for claim, figure, sign, target in lines], "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
