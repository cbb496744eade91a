"""Mixers: NormLin's matrix, its work beside attention's, and what each lets series see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from foretell.numbers.forecasting.mixers.corr_norm_lin import CorrNormLin
from foretell.numbers.forecasting.mixers.mean import Mean
from foretell.numbers.forecasting.mixers.none import NoMixer
from foretell.numbers.forecasting.mixers.norm_lin import NormLin, NormLinLayer
from foretell.numbers.forecasting.mixers.self_attention import SelfAttention

CORRELATION = np.array([[1.0, 0.5, -0.2], [0.5, 1.0, 0.0], [-0.2, 0.0, 1.0]])
MIXERS = [NormLin(), CorrNormLin(), Mean(), SelfAttention(heads=2)]


@pytest.mark.parametrize("mixer", [NormLin(), CorrNormLin(), Mean()])
def test_rows_are_positive_and_sum_to_1(mixer):
    torch.manual_seed(0)
    matrix = mixer.build(CORRELATION, 4, 0.0).matrix()
    assert matrix.shape == (3, 3)
    assert (matrix > 0).all()
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(3), atol=1e-6, rtol=0)


def test_norm_lin_stays_positive_for_very_negative_weights():
    layer = NormLinLayer(2, 4)
    with torch.no_grad():
        layer.weight.fill_(-200.0)
    torch.testing.assert_close(layer.matrix(), torch.full((2, 2), 0.5))


def test_norm_lin_of_one_series_is_the_identity_on_its_value_path():
    layer = NormLinLayer(1, 4)
    x = torch.randn(5, 1, 4)
    assert layer.matrix().item() == 1.0
    torch.testing.assert_close(layer(x), layer.out(layer.value(x)), atol=0, rtol=0)


def test_corr_norm_lin_is_the_softmax_and_learns_nothing_of_it():
    layer = CorrNormLin().build(CORRELATION, 4, 0.0)
    expected = np.exp(CORRELATION) / np.exp(CORRELATION).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(layer.matrix().numpy(), expected, atol=1e-6)
    assert {name.split(".")[0] for name, _ in layer.named_parameters()} == {"value", "out"}


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_series_sees_the_others(mixer):
    torch.manual_seed(0)
    layer = mixer.build(CORRELATION, 4, 0.0)
    x = torch.randn(2, 3, 4)
    other = x.clone()
    other[:, 1] += 1
    assert layer(x).shape == x.shape
    assert (layer(x)[:, 0] != layer(other)[:, 0]).any()
    assert NoMixer().build(CORRELATION, 4, 0.0) is None


def test_self_attention_is_torchs():
    torch.manual_seed(0)
    layer = SelfAttention(heads=2).build(CORRELATION, 4, 0.0)
    reference = torch.nn.MultiheadAttention(4, 2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(layer.query_key_value.weight)
        reference.in_proj_bias.copy_(layer.query_key_value.bias)
        reference.out_proj.load_state_dict(layer.out.state_dict())
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(layer(x), reference(x, x, x)[0])


def test_norm_lin_takes_at_most_six_tenths_of_attentions_work():
    x, correlation = torch.randn(8, 21, 128), np.eye(21)
    work = {}
    for name, mixer in {"norm_lin": NormLin(), "attention": SelfAttention()}.items():
        layer = mixer.build(correlation, 128, 0.0)
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            layer(x)
        work[name] = counter.get_total_flops()
    assert work["attention"] == 2 * 8 * (4 * 21 * 128**2 + 2 * 21**2 * 128)
    assert work["norm_lin"] <= 0.6 * work["attention"]


def test_bad_settings():
    with pytest.raises(ValueError, match=r"SelfAttention: heads=3 must be 1 or more and divide width=4"):
        SelfAttention(heads=3).build(CORRELATION, 4, 0.0)
