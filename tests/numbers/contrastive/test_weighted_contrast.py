"""The contrastive loss: by its definition, as InfoNCE and SupCon, and beside the authors' two maxima."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from foretell.numbers.contrastive.weighted_contrast import log_shares, weighted_contrast


@pytest.fixture
def case() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 9, generator=generator, dtype=torch.float64)
    present = torch.rand(5, 9, generator=generator) < 0.7
    positive = present & (torch.rand(5, 9, generator=generator) < 0.4)
    weights = 1 + 3 * torch.rand(5, 9, generator=generator, dtype=torch.float64)
    present[4], positive[4] = False, False  # an anchor that is alone
    positive[3] = False  # and one without a friend
    return {"logits": logits, "positive": positive, "present": present, "weights": weights}


def by_definition(logits: Tensor, positive: Tensor, present: Tensor, weights: Tensor, extra: float) -> list[float]:
    losses = []
    for row, good, there, weight in zip(logits.tolist(), positive.tolist(), present.tolist(), weights.tolist(), strict=True):
        below = math.fsum(w * math.exp(s) for s, is_there, w in zip(row, there, weight, strict=True) if is_there)
        terms = [s - math.log(below) for s, is_good in zip(row, good, strict=True) if is_good]
        losses.append(-math.fsum(terms) / (len(terms) + extra) if terms else 0.0)
    return losses


@pytest.mark.parametrize("extra", [0.0, 1.0])
def test_it_is_its_definition(case, extra):
    found = weighted_contrast(**case, extra=extra)
    assert found.tolist() == pytest.approx(by_definition(**case, extra=extra), abs=1e-12)
    assert (found[:3] > 0).all()


def test_a_constant_changes_nothing_and_nothing_overflows(case):
    before = weighted_contrast(**case)
    for constant in (-1e4, 7.0, 1e4):
        moved = weighted_contrast(**{**case, "logits": case["logits"] + constant})
        torch.testing.assert_close(moved, before, rtol=0, atol=1e-9)


def test_an_anchor_that_is_alone_teaches_nothing(case):
    logits = case["logits"].requires_grad_()
    weighted_contrast(**case).sum().backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad[3:] == 0).all()
    assert (logits.grad[:3] != 0).any(dim=1).all()


def test_one_positive_without_weights_is_cross_entropy(case):
    classes = torch.tensor([0, 3, 8, 1, 2])
    positive = torch.nn.functional.one_hot(classes, 9).bool()
    expected = torch.nn.functional.cross_entropy(case["logits"], classes, reduction="none")
    torch.testing.assert_close(weighted_contrast(case["logits"], positive), expected, rtol=0, atol=1e-12)


def test_compat_the_authors_two_maxima_move_mixtures_against_real_rows():
    """Their code takes the maximum of real products from these and that of mixed products from those, before it joins them. So it
    computes our loss of other products: mixed ones raised by the difference of the maxima; and it overlooks a constant added to all
    mixed products, which makes them more or less alike to the anchor."""
    generator = torch.Generator().manual_seed(1)
    real, mixed = (torch.randn(4, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    weights = 1 + torch.rand(4, 12, generator=generator, dtype=torch.float64)
    positive = torch.zeros(4, 12, dtype=torch.bool)
    positive[:, [0, 1, 7, 8]] = True

    def authors(real: Tensor, mixed: Tensor) -> Tensor:
        logits = torch.cat([real - real.max(dim=1, keepdim=True).values, mixed - mixed.max(dim=1, keepdim=True).values], dim=1)
        log_prob = logits - torch.log((logits.exp() * weights).sum(dim=1, keepdim=True))
        return -(positive * log_prob).sum(dim=1) / (positive.sum(dim=1) + 1.0)

    def ours(real: Tensor, mixed: Tensor) -> Tensor:
        return weighted_contrast(torch.cat([real, mixed], dim=1), positive, None, weights, extra=1.0)

    raised = mixed + real.max(dim=1, keepdim=True).values - mixed.max(dim=1, keepdim=True).values
    torch.testing.assert_close(authors(real, mixed), ours(real, raised), rtol=0, atol=1e-12)
    assert (authors(real, mixed) - ours(real, mixed)).abs().max() > 0.1
    torch.testing.assert_close(authors(real, mixed + 2), authors(real, mixed), rtol=0, atol=1e-12)
    assert ((ours(real, mixed + 2) - ours(real, mixed)).abs() > 1e-2).all()


def test_shares_of_all_present_add_to_one(case):
    shares = (log_shares(case["logits"], case["present"], case["weights"]).exp() * case["weights"]).masked_fill(~case["present"], 0)
    torch.testing.assert_close(shares.sum(dim=1)[:4], torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-12)
