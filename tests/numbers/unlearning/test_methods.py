"""Each method against its definition."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from foretell.numbers.bodies.base import Body
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.input_spec import flat_width
from foretell.numbers.targets.hl_gauss import HLGauss
from foretell.numbers.targets.mse import MSE
from foretell.numbers.targets.support import Support
from foretell.numbers.targets.two_hot import TwoHot
from foretell.numbers.unlearning.base import ForgetRequest
from foretell.numbers.unlearning.blindspot import Blindspot
from foretell.numbers.unlearning.fine_tune import FineTune
from foretell.numbers.unlearning.gaussian_amnesiac import GaussianAmnesiac
from foretell.numbers.unlearning.unlearn import unlearn

ROWS = np.random.RandomState(0).standard_normal((96, 3))
TRUTH = ROWS @ [1.0, -2.0, 0.5]
FORGET = np.quantile(TRUTH, 0.25) > TRUTH


@dataclass(eq=False, repr=False)
class Normed(Body):
    def build(self, inputs):
        return nn.Sequential(nn.Linear(flat_width(inputs, self), 8), nn.BatchNorm1d(8), nn.Tanh()), 8


@dataclass(eq=False, repr=False)
class Bare(Body):
    def build(self, inputs):
        return nn.Linear(flat_width(inputs, self), 4), 4


def fitted(body=None, **settings):
    settings = {"epochs": 3, "batch_size": 32, "validation_fraction": 0, "random_state": 0} | settings
    return HistogramRegressor(body=body or MLP((8, 6)), target=MSE(), **settings).fit(ROWS, TRUTH)


def weights(estimator):
    return torch.cat([parameter.detach().flatten() for parameter in estimator.network_.parameters()])


@pytest.mark.parametrize("beta", [0.0, 50.0])
def test_the_loss_of_blindspot_is_the_papers(beta):
    """u * [L1(f, b) + beta * sum of D] + (1 - u) * loss on retained rows, u the share of rows to forget, in one batch of all rows."""
    original = fitted(batch_size=96)
    method, request = Blindspot(beta=beta), ForgetRequest(ROWS, TRUTH, FORGET, seed=5)
    blind = method.blind_network(original, request)
    x = original._inputs(ROWS)
    y = original._encode(TRUTH)
    mask = torch.as_tensor(FORGET)

    def layers(network):
        body, head = network
        first = torch.relu(body[0](x[mask]))
        second = torch.relu(body[2](first))
        return head(second), first, second

    (ours, *hidden), (theirs, *blind_hidden) = layers(original.network_), layers(blind)
    normal = lambda h: h**2 / (h**2).norm(dim=1, keepdim=True)  # noqa: E731
    attention = sum(((normal(one) - normal(other)) ** 2).mean() for one, other in zip(hidden, blind_hidden, strict=True))
    retained = ((original.network_(x)[:, 0] - y)[~mask] ** 2).mean()
    share = mask.float().mean()
    expected = share * ((ours - theirs).abs().mean() + beta * attention) + (1 - share) * retained
    step = method.apply(fitted(batch_size=96), request)
    assert step.report_["step"] == 1
    assert step.report_["history"][0][1] == pytest.approx(expected.item(), rel=1e-5)


def test_the_blind_network_and_fine_tuning_never_read_what_is_to_be_forgotten():
    other_rows, other_truth = np.where(FORGET[:, None], 9.0, ROWS), np.where(FORGET, -9.0, TRUTH)
    requests = [ForgetRequest(X, y, FORGET, seed=5) for X, y in ((ROWS, TRUTH), (other_rows, other_truth))]
    tuned = [weights(FineTune().apply(fitted(), request)) for request in requests]
    assert torch.equal(*tuned)
    blind = [torch.cat([p.flatten() for p in Blindspot().blind_network(fitted(), request).parameters()]) for request in requests]
    assert torch.equal(*blind)


def test_the_blind_network_does_not_begin_where_the_estimator_did():
    original = fitted(epochs=1, learning_rate=1e-12)
    seen = {}

    class Spy(Blindspot):
        def apply(self, estimator, request):
            seen["start"] = estimator._fresh_network(request.seed)
            return estimator

    unlearn(original, ROWS, TRUTH, FORGET, Spy(), random_state=original.random_state)
    assert not torch.allclose(seen["start"][0][0].weight, original.network_[0][0].weight)


def test_batches_of_one_kind_only_are_no_trouble():
    with pytest.warns(UserWarning, match="batch_size=1 is small"):
        found = unlearn(fitted(batch_size=1), ROWS, TRUTH, FORGET, Blindspot())
    assert torch.isfinite(weights(found)).all()


def test_beta_without_layers_warns_and_matches_outputs():
    with pytest.warns(UserWarning, match="no layer to act on"):
        one = unlearn(fitted(Bare()), ROWS, TRUTH, FORGET, Blindspot(), random_state=0)
    other = unlearn(fitted(Bare()), ROWS, TRUTH, FORGET, Blindspot(beta=0), random_state=0)
    assert torch.equal(weights(one), weights(other))


def test_layers_by_name():
    named = unlearn(fitted(), ROWS, TRUTH, FORGET, Blindspot(layers=("0.1", "0.3")), random_state=0)
    every = unlearn(fitted(), ROWS, TRUTH, FORGET, Blindspot(), random_state=0)
    one = unlearn(fitted(), ROWS, TRUTH, FORGET, Blindspot(layers=("0.3",)), random_state=0)
    assert torch.equal(weights(named), weights(every))
    assert not torch.equal(weights(one), weights(every))


@pytest.mark.parametrize("target", [HLGauss(Support(bins=11)), TwoHot(Support(bins=11))])
def test_a_histogram_is_matched_by_cross_entropy_and_random_targets_pass_its_encoder(target):
    original = HistogramRegressor(body=MLP((8,)), target=target, epochs=3, batch_size=96, validation_fraction=0, random_state=0).fit(
        ROWS, TRUTH
    )
    request = ForgetRequest(ROWS, TRUTH, FORGET, seed=5)
    method = Blindspot(beta=0)
    x, mask = original._inputs(ROWS), torch.as_tensor(FORGET)
    ours, theirs = original.network_(x).log_softmax(1), method.blind_network(original, request)(x).softmax(1)
    truth = torch.as_tensor(target.masses(original.code_, TRUTH), dtype=torch.float32)
    expected = -(torch.where(mask[:, None], theirs, truth) * ours).sum(1).mean()
    assert method.apply(copy.deepcopy(original), request).report_["history"][0][1] == pytest.approx(expected.item(), rel=1e-5)
    drawn = torch.as_tensor(target.masses(original.code_, GaussianAmnesiac().targets(request)), dtype=torch.float32)
    expected = -(drawn * ours).sum(1).mean()
    assert GaussianAmnesiac().apply(original, request).report_["history"][0][1] == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("method", [FineTune, GaussianAmnesiac, Blindspot])
def test_norm_statistics_stay_where_asked(method):
    original = fitted(Normed())
    before = original.network_[0][1].running_mean.clone()
    frozen = unlearn(original, ROWS, TRUTH, FORGET, method(freeze_norm_stats=True)).network_[0][1]
    assert torch.equal(frozen.running_mean, before)
    assert not torch.equal(frozen.weight, original.network_[0][1].weight)
    assert not frozen._forward_pre_hooks
    assert not torch.equal(unlearn(original, ROWS, TRUTH, FORGET, method()).network_[0][1].running_mean, before)


def test_gaussian_targets_are_drawn_once_for_rows_to_forget_only():
    y = np.random.RandomState(0).normal(3.0, 2.0, size=20_000)
    forget = np.arange(20_000) < 10_000
    request = ForgetRequest(np.zeros((20_000, 1)), y, forget, seed=1)
    drawn = GaussianAmnesiac().targets(request)
    np.testing.assert_array_equal(drawn, GaussianAmnesiac().targets(request))
    np.testing.assert_array_equal(drawn[~forget], y[~forget])
    assert drawn[forget].mean() == pytest.approx(3.0, abs=0.1)
    assert drawn[forget].std() == pytest.approx(2.0, abs=0.1)
    assert np.corrcoef(drawn[forget], y[forget])[0, 1] == pytest.approx(0.0, abs=0.05)
    assert y.min() <= drawn.min()
    assert drawn.max() <= y.max()
