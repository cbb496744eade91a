"""Whom anchors are compared with: labels, windows and gradients of mixtures; SupCon as the case without; what memory it takes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from foretell.numbers.contrastive.pairs.base import Mixtures, distance_quantile
from foretell.numbers.contrastive.pairs.mix_neg import MixNeg
from foretell.numbers.contrastive.pairs.mix_pos import MixPos
from foretell.numbers.contrastive.pairs.real import Real
from foretell.numbers.contrastive.weighted_contrast import weighted_contrast
from foretell.numbers.contrastive.weights import Distance, Even, SquaredDistance

WINDOW = {"window": 0.5}


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Embeddings of unit length and labels: two views of twelve rows, two of which tie."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.nn.functional.normalize(torch.randn(24, 6, generator=generator, dtype=torch.float64), dim=1)
    labels = torch.randn(12, generator=generator, dtype=torch.float64)
    labels[7] = labels[2]
    torch.manual_seed(0)
    return embeddings, labels.repeat(2)


def test_mixed_positives_have_the_anchors_label_and_lie_around_it(batch):
    _, labels = batch
    mixed = MixPos(num=50).draw(WINDOW, labels)
    here = mixed.present
    anchors = labels[:, None].expand_as(here)[here]
    first, second = labels[mixed.first][here], labels[mixed.second][here]
    assert here.any(dim=1).sum() > 6
    assert (mixed.of(labels)[here] - anchors).abs().max() < 1e-6
    assert ((first < anchors) & (anchors < second)).all()
    assert torch.maximum(anchors - first, second - anchors).max() <= 0.5


def test_anchors_without_labels_on_both_sides_have_no_mixed_positive(batch):
    _, labels = batch
    has = MixPos().draw(WINDOW, labels).present.any(dim=1).tolist()
    for value, found in zip(labels.tolist(), has, strict=True):
        low, high = (any(0 < sign * (other - value) <= 0.5 for other in labels.tolist()) for sign in (-1, 1))
        assert found == (low and high)


def test_pairs_for_mixed_positives_are_drawn_evenly():
    labels = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
    mixed = MixPos(num=12000).draw({"window": 2.5}, labels)
    counts = torch.bincount(mixed.first[2] * 5 + mixed.second[2], minlength=25).reshape(5, 5)
    assert counts[:2, 3:].sum() == 12000
    assert ((counts[:2, 3:] - 3000).abs() < 5 * math.sqrt(12000 * 3 / 16)).all()


def test_mixed_negatives_are_each_other_label_once_and_shares_follow_the_beta_distribution(batch):
    _, labels = batch
    mixed = MixNeg(num=24).draw(labels)
    for anchor in range(24):
        found = mixed.second[anchor][mixed.present[anchor]].tolist()
        assert sorted(found) == [k for k in range(24) if labels[k] != labels[anchor]]
    assert (mixed.first == torch.arange(24)[:, None]).all()
    shares = torch.cat([MixNeg(beta=(2.0, 8.0), num=24).draw(labels).share.flatten() for _ in range(20)])
    sd = math.sqrt(2 * 8 / (100 * 11))
    assert abs(float(shares.mean()) - 0.2) < 5 * sd / math.sqrt(len(shares))
    assert float(shares.std()) == pytest.approx(sd, rel=0.05)


@pytest.mark.parametrize("kind", [MixNeg(num=7), MixPos(num=7)], ids=["mix-neg", "mix-pos"])
def test_mixtures_are_constants_and_their_products_are_those_of_mixtures_laid_out(batch, kind):
    embeddings, labels = batch
    embeddings.requires_grad_()
    mixed = kind.draw(labels) if isinstance(kind, MixNeg) else kind.draw(WINDOW, labels)
    laid_out = (mixed.share[..., None] * embeddings[mixed.first] + (1 - mixed.share[..., None]) * embeddings[mixed.second]).detach()
    expected = torch.einsum("nd,nkd->nk", embeddings, laid_out)
    found = mixed.products(embeddings)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    gradient, direct = (torch.autograd.grad((each * mixed.share.cos()).sum(), embeddings)[0] for each in (found, expected))
    torch.testing.assert_close(gradient, direct, rtol=0, atol=1e-12)
    reached = torch.autograd.grad(mixed.products(embeddings)[5].sum(), embeddings)[0].abs().sum(dim=1) > 0
    assert reached.nonzero().flatten().tolist() == [5], "gradient through a mixture"


def supcon(embeddings: Tensor, labels: Tensor, temperature: float, extra: float) -> float:
    """By its definition, in loops."""
    similar, labels, losses = (embeddings @ embeddings.T / temperature).tolist(), labels.tolist(), []
    for i, row in enumerate(similar):
        below = math.log(math.fsum(math.exp(s) for g, s in enumerate(row) if g != i))
        good = [s - below for g, s in enumerate(row) if g != i and labels[g] == labels[i]]
        losses.append(-math.fsum(good) / (len(good) + extra))
    return math.fsum(losses) / len(losses)


def real_loss(embeddings: Tensor, labels: Tensor, temperature: float, extra: float) -> float:
    others = Real().others({"tolerance": 0.0}, embeddings, labels)
    weights = Even()((labels[:, None] - others.labels).abs())
    return float(weighted_contrast(others.products / temperature, others.positive, others.present, weights, extra).mean())


@pytest.mark.parametrize("extra", [0.0, 1.0])
@pytest.mark.parametrize("temperature", [0.07, 0.3])
def test_without_mixtures_and_weights_it_is_supcon(batch, temperature, extra):
    assert real_loss(*batch, temperature, extra) == pytest.approx(supcon(*batch, temperature, extra), abs=1e-5)


def test_without_mixtures_and_weights_it_is_the_supcon_of_another_library(batch):
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels = batch
    classes = torch.unique(labels, return_inverse=True)[1]
    assert real_loss(*batch, 0.1, 0.0) == pytest.approx(float(losses.SupConLoss(temperature=0.1)(embeddings, classes)), abs=1e-5)


def test_rows_may_come_in_any_order(batch):
    """Mixtures drawn for one order, renamed for another."""
    embeddings, labels = batch
    order = torch.randperm(24)
    place = torch.argsort(order)

    def renamed(mixed: Mixtures) -> Mixtures:
        return Mixtures(place[mixed.first[order]], place[mixed.second[order]], mixed.share[order], mixed.present[order])

    def losses(embeddings: Tensor, labels: Tensor, negatives: Mixtures, positives: Mixtures) -> Tensor:
        others = Real().others({"tolerance": 0.0}, embeddings, labels)
        products = torch.cat([others.products, negatives.products(embeddings), positives.products(embeddings)], dim=1)
        positive = torch.cat([others.positive, torch.zeros_like(negatives.present), positives.present], dim=1)
        present = torch.cat([others.present, negatives.present, positives.present], dim=1)
        distances = torch.cat([others.labels, negatives.of(labels), positives.of(labels)], dim=1) - labels[:, None]
        return weighted_contrast(products / 0.3, positive, present, Distance()(distances.abs()), 1.0)

    drawn = MixNeg(num=9).draw(labels), MixPos(num=9).draw(WINDOW, labels)
    before = losses(embeddings, labels, *drawn)
    after = losses(embeddings[order], labels[order], *map(renamed, drawn))
    torch.testing.assert_close(after, before[order], rtol=0, atol=1e-12)
    # Without renaming, it is another loss.
    assert (losses(embeddings[order], labels[order], *drawn) - before[order]).abs().max() > 1e-3


class Bytes(TorchDispatchMode):
    """Counts what all operations put out, as if nothing were ever freed."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        outputs = func(*args, **(kwargs or {}))
        for each in outputs if isinstance(outputs, tuple | list) else [outputs]:
            if isinstance(each, Tensor):
                self.total += each.numel() * each.element_size()
        return outputs


def test_memory_is_that_of_products_not_of_mixtures():
    """256 rows in two views, 128 numbers an embedding, 64 mixtures of each kind, forward and backward, with all that is freed on the
    way: below 100 MiB. Laid out for all triples, mixtures alone would be 64 GiB."""
    torch.manual_seed(0)
    embeddings = torch.nn.functional.normalize(torch.randn(512, 128), dim=1).requires_grad_()
    labels = torch.randn(256).repeat(2)
    pairs = Real() + MixNeg(num=64) + MixPos(num=64)
    code = pairs.fit(labels[:256].double().numpy())
    with Bytes() as counted:
        others = pairs.others(code, embeddings, labels)
        weights = Distance()((labels[:, None] - others.labels).abs())
        weighted_contrast(others.products / 0.3, others.positive, others.present, weights, 1.0).mean().backward()
    assert embeddings.grad.isfinite().all()
    assert others.products.shape == (512, 512 + 64 + 64)
    assert 10 * 2**20 < counted.total < 100 * 2**20


def test_lengths_among_labels_are_quantiles_of_distances_that_occur():
    assert distance_quantile(np.array([0.0, 0, 0, 1, 3]), 0.4) == 1.0  # three of seven are 1, one is 2, three are 3
    assert distance_quantile(np.array([0.0, 0, 0, 1, 3]), 1.0) == 3.0
    labels = np.random.RandomState(0).standard_normal(5000)
    inside = np.abs(labels[:2500] - labels[2500:]) <= distance_quantile(labels, 0.2)
    assert inside.mean() == pytest.approx(0.2, abs=0.03)
    assert MixPos(window=0.2).fit(1000 * labels)["window"] == pytest.approx(1000 * MixPos(window=0.2).fit(labels)["window"])


def test_a_tolerance_makes_near_labels_equal():
    labels = torch.tensor([0.0, 0.4, 1.0])
    pairs = Real(tolerance=0.01)
    code = pairs.fit(labels.double().numpy())
    assert pairs.others(code, torch.eye(3), labels).positive.tolist() == [[False, True, False], [True, False, False], [False] * 3]


def test_a_batch_without_mixed_positives_says_so_and_leaves_the_real_ones():
    labels = torch.tensor([0.0, 5.0, 10.0]).repeat(2)
    others = (Real() + MixPos()).others({"first": {"tolerance": 0.0}, "second": {"window": 1.0}}, torch.eye(6), labels)
    assert "window=0.2" in others.note
    assert others.positive.sum() == 6
    assert MixPos().others({"window": 5.0}, torch.eye(6), labels).note == ""
    assert MixPos().others({"window": 1.0}, torch.eye(2), torch.zeros(2)).note == "", "one row cannot have any: nothing to warn of"


def test_weights_are_one_at_the_anchors_label_and_grow():
    distances = torch.tensor([0.0, 1.0, 2.0])
    assert Distance(3.0)(distances).tolist() == [1, 4, 7]
    assert SquaredDistance(3.0)(distances).tolist() == [1, 10, 37]
    assert Even()(distances).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (MixPos(window=0.0), r"window=0\.0 must"),
        (MixPos(window=-1.0), r"window=-1\.0 must"),
        (MixPos(window=float("nan")), "window=nan must"),
        (MixPos(num=0), "num=0 must"),
        (MixNeg(num=0), "num=0 must"),
        (MixNeg(beta=(2.0, 0.0)), r"beta=\(2\.0, 0\.0\) must"),
        (MixNeg(beta=2.0), r"beta=2\.0 must"),
        (Real(tolerance=1.0), r"tolerance=1\.0 must"),
        (Real() + (MixNeg() + MixPos(window=2.0)), r"window=2\.0 must"),
    ],
)
def test_settings_of_pairs_are_checked_when_used(part, says):
    with pytest.raises(ValueError, match=says):
        part.fit(np.arange(5.0))


@pytest.mark.parametrize("weight", [Distance(0.0), SquaredDistance(-1.0)])
def test_factors_are_checked(weight):
    with pytest.raises(ValueError, match=r"factor=.* must be above 0; take Even\(\)"):
        weight(torch.ones(1))
