"""The network: what is multiplied together beforehand is the same function; scalers give back what they take."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from foretell.numbers.forecasting.bases.dct import DCT
from foretell.numbers.forecasting.network import EncoderLayer, ForecastHead, Lift
from foretell.numbers.forecasting.scalers.last_value import LastValue
from foretell.numbers.forecasting.scalers.rev_in import RevIN

NO_ROWS = np.zeros((0, 1))


def test_lift_is_the_papers_outer_product_rotation_and_dense_layer():
    torch.manual_seed(0)
    lift = Lift(DCT().fit(NO_ROWS, 6), num_series=3, copies=2, width=5).double()
    torch.nn.init.normal_(lift.shift)
    x = torch.randn(4, 3, 6).double()
    outer = torch.einsum("bnl,c->bncl", x, lift.factors)
    turned = torch.einsum("kl,bncl->bnck", lift.basis, outer) + lift.shift[None, :, None]
    torch.testing.assert_close(lift(x), lift.dense(turned.flatten(2)))


def test_head_is_the_papers_dense_layer_rotation_and_two_dense_layers():
    torch.manual_seed(0)
    head = ForecastHead(DCT().fit(NO_ROWS, 6), num_series=3, copies=2, width=5, hidden=7).double()
    torch.nn.init.normal_(head.shift)
    x = torch.randn(4, 3, 5).double()
    turned = head.dense(x).unflatten(-1, (2, 6)) @ head.basis + head.shift[None, :, None]
    torch.testing.assert_close(head(x), head.out(head.hidden(turned.flatten(2))))


def test_encoder_without_a_mixer_keeps_series_apart():
    layer = EncoderLayer(None, width=4, hidden=8, dropout=0.0)
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(layer(x)[:, :1], layer(x[:, :1]))


@pytest.mark.parametrize("scaler", [RevIN(), RevIN(affine=False), LastValue()])
def test_scalers_give_back_what_they_take(scaler):
    torch.manual_seed(0)
    layer = scaler.build(3).double()
    for parameter in layer.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 2.0)
    x = 5 + 3 * torch.randn(4, 3, 12).double()
    scaled, level, spread = layer.scale(x)
    torch.testing.assert_close(layer.restore(scaled, level, spread), x)


def test_rev_in_standardises_and_survives_flat_windows_and_small_factors():
    layer = RevIN().build(1).double()
    x = 5 + 3 * torch.randn(4, 1, 12).double()
    scaled, _, _ = layer.scale(x)
    torch.testing.assert_close(scaled.mean(-1), torch.zeros(4, 1).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(scaled.std(-1, unbiased=False), torch.ones(4, 1).double(), atol=1e-4, rtol=0)
    flat, level, spread = layer.scale(torch.full((1, 1, 12), 5.0).double())
    assert (flat == 0).all()
    with torch.no_grad():
        layer.factor.fill_(1e-9)
    assert layer.restore(torch.ones(1, 1, 3).double(), level, spread).max() < 5.1
    with pytest.raises(ValueError, match="eps=0"):
        RevIN(eps=0).build(1)
