"""`SketchedLinearRegression` against exact least squares: error bars, refining, chunks, weights, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from scipy.stats import kstest
from scipy.stats import t as student_t
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV

from foretell.numbers.estimators.sketched_linear_regression import SketchedLinearRegression
from foretell.numbers.linear.residual_split import explain_residual
from foretell.numbers.linear.sketches.countsketch import CountSketch
from foretell.numbers.linear.sketches.gaussian import Gaussian
from foretell.numbers.linear.sketches.pooled import Pooled
from foretell.numbers.linear.sketches.srct import SRCT
from foretell.numbers.linear.sketches.srdct import SRDCT
from foretell.numbers.linear.sketches.srht import SRHT
from foretell.numbers.linear.solvers.qr import QR

DENSE = [SRHT(), SRDCT(workers=1), SRCT(workers=1), Gaussian(), Pooled()]


def table(rng, num_rows=1500, targets=(), condition=5.0):
    """Columns with means, that depend on each other; targets with noise."""
    X = rng.standard_normal((num_rows, 6)) * np.geomspace(1, condition, 6) @ np.linalg.qr(rng.standard_normal((6, 6)))[0]  # noqa: N806
    X += rng.uniform(-9, 9, 6)  # noqa: N806
    return X, np.tensordot(X, rng.standard_normal((6, *targets)), 1) + 3 + rng.standard_normal((num_rows, *targets))


def hard():
    """The first columns of I, and a target that is 0 there: exactly solved by 0, and wrong by one collision of rows."""
    b = np.zeros(1024)
    b[32:40] = 1 / np.sqrt(8)
    return np.eye(1024, 32), b


@pytest.mark.parametrize("sketch", DENSE, ids=str)
def test_errors_have_the_distribution_that_the_bars_say(sketch, rng):
    """(c - exact c) / bar is Student's t with m - D degrees: coefficients, intercept and a new prediction, over 100 draws."""
    X, y = table(rng, 400)  # noqa: N806
    exact, new = LinearRegression().fit(X, y), rng.standard_normal((1, 6))
    found = []
    for seed in range(100):
        model = SketchedLinearRegression(sketch, random_state=seed).fit(X, y)
        said, bar = model.predict(new, return_std=True)
        errors = [*(model.coef_ - exact.coef_), model.intercept_ - exact.intercept_, *(said - exact.predict(new))]
        found.append(np.array(errors) / [*model.coef_std_, model.intercept_std_, *bar])
    for name, errors in zip(["first", "last", "intercept", "prediction"], np.array(found)[:, [0, 5, 6, 7]].T, strict=True):
        assert kstest(errors, student_t(56 - 7).cdf).pvalue > 1e-3, name


@pytest.mark.parametrize("sketch", [SRHT(), SRDCT(workers=1), Gaussian()], ids=str)
def test_the_bound_holds_on_the_hard_instance(sketch):
    A, b = hard()  # noqa: N806
    bound = 2 * np.sqrt(np.log(64) / (256 - 32))  # |r| = 1, least singular value 1
    models = [SketchedLinearRegression(sketch, fit_intercept=False, random_state=seed).fit(A, b) for seed in range(40)]
    assert np.quantile([np.abs(model.coef_).max() for model in models], 0.95) <= bound
    np.testing.assert_allclose(np.median([model.coef_bound_ for model in models]), bound, rtol=0.8)
    assert all(model.coef_bound_ > np.abs(model.coef_).max() for model in models)


def test_countsketch_breaks_the_bound_and_loses_the_rank_on_the_hard_instance():
    A, b = hard()  # noqa: N806
    bound, errors = 2 * np.sqrt(np.log(64) / (256 - 32)), []
    for seed in range(40):
        drawn = CountSketch().draw(1024, 256, np.random.default_rng(seed))
        errors.append(np.abs(np.linalg.lstsq(drawn(A), drawn(b[:, None]), rcond=None)[0]).max())
    assert np.quantile(errors, 0.95) > 1.2 * bound
    with pytest.raises(ValueError, match=r"columns \[\d+.*\] are zero or combinations.* where the table itself has full rank, a larger m"):
        SketchedLinearRegression(CountSketch(), fit_intercept=False, random_state=1).fit(A, b)


@pytest.mark.parametrize("targets", [(), (3,)])
@pytest.mark.parametrize("sketch", [SRDCT(workers=1), CountSketch()], ids=str)
def test_refining_gives_the_exact_fit(sketch, targets, rng):
    X, y = table(rng, targets=targets, condition=1e6)  # noqa: N806
    weight = rng.uniform(0, 5, len(y))
    exact = QR().solve(np.hstack([X, np.ones((len(X), 1))]), y, weight)  # scikit-learn's tol would cut a direction
    model = SketchedLinearRegression(sketch, refine=20, random_state=0).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, exact[:-1].T, rtol=1e-8)
    np.testing.assert_allclose(model.intercept_, exact[-1], rtol=1e-8)
    said, bars = model.predict(X, return_std=True)
    assert np.all(np.abs(said - X @ exact[:-1] - exact[-1]) <= 20 * bars + 1e-9 * np.abs(said))


def test_the_bars_after_a_few_passes_hold(rng):
    X, y = table(rng)  # noqa: N806
    exact = LinearRegression().fit(X, y)
    sizes = []
    for passes in (1, 2, 4):
        model = SketchedLinearRegression(refine=passes, random_state=0).fit(X, y)
        assert np.all(np.abs(model.coef_ - exact.coef_) <= model.coef_std_)
        assert np.all(np.abs(model.coef_ - exact.coef_) <= model.coef_bound_)
        sizes.append(model.coef_bound_)
    assert sizes[0] > 2 * sizes[1] > 4 * sizes[2]


def test_repeats_lower_the_error_and_measure_it(rng):
    X, y = table(rng, targets=(2,))  # noqa: N806
    exact = LinearRegression().fit(X, y)
    one, nine = (SketchedLinearRegression(n_repeats=num, random_state=0).fit(X, y) for num in (1, 9))
    assert one.coef_spread_ is None
    np.testing.assert_allclose(nine.coef_std_, one.coef_std_ / 3, rtol=0.5)
    np.testing.assert_allclose(nine.coef_bound_, one.coef_bound_ / 3, rtol=0.5)
    assert 0.6 < np.sqrt(np.mean(nine.coef_spread_**2 / nine.coef_std_**2)) < 1.5
    assert np.sqrt(np.mean(((nine.coef_ - exact.coef_) / nine.coef_std_) ** 2)) < 2


def test_residual_and_its_ratio(rng):
    """The sketched residual says the true one; and the split finds the extra error that theory expects, d / (m - d) of the floor."""
    X, y = table(rng, 2000)  # noqa: N806
    shares, residuals = [], []
    for seed in range(40):
        model = SketchedLinearRegression(random_state=seed).fit(X, y)
        split = explain_residual(X, y, model)
        shares.append(split.fixable / split.floor)
        residuals.append(model.report_["residual"][0] / np.sqrt(split.floor))
    assert np.sqrt(1 + np.mean(shares)) == pytest.approx(np.sqrt(1 + 7 / (56 - 7)), rel=0.02)
    assert model.report_["residual_ratio"] == pytest.approx(np.sqrt(1 + 7 / 49))
    assert np.sqrt(np.mean(np.square(residuals))) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("sketch", [*DENSE, CountSketch()], ids=str)
def test_chunks(sketch, rng):
    """The same answer within the bars, however rows are cut; the last chunk may be short."""
    X, y = table(rng)  # noqa: N806
    weight = rng.uniform(0, 2, len(y))
    exact = LinearRegression().fit(X, y, weight)
    ratios = []
    for seed in range(20):
        chunks = ((X[i : i + 110], y[i : i + 110], weight[i : i + 110]) for i in range(0, len(X), 110))
        model = SketchedLinearRegression(sketch, random_state=seed).fit_chunks(chunks)
        ratios.append((model.coef_ - exact.coef_) / model.coef_std_)
    assert 0.7 < np.sqrt(np.mean(np.square(ratios))) < 1.4
    assert (model.report_["chunks"], model.report_["rows"]) == (14, np.sum(weight > 0))
    np.testing.assert_allclose(model.mean_, np.average(X, axis=0, weights=weight))


def test_chunks_are_read_one_at_a_time(rng):
    """Nothing keeps a chunk: of 40 no more than a few are alive at once."""
    import weakref

    alive, most = [], []

    def chunks():
        for _ in range(40):
            X, y = table(rng, 100)  # noqa: N806
            alive.append(weakref.ref(X))
            most.append(sum(reference() is not None for reference in alive))
            yield X, y
            del X

    SketchedLinearRegression(random_state=0).fit_chunks(chunks())
    assert max(most) <= 4


def test_weights_are_repeated_rows(rng):
    X, y = table(rng)  # noqa: N806
    times = rng.randint(0, 4, len(y))
    weighted = SketchedLinearRegression(refine=20, random_state=0).fit(X, y, times)
    repeated = SketchedLinearRegression(refine=20, random_state=0).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-9)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, rtol=1e-9)


def test_few_rows_are_solved_exactly_and_it_is_said(rng):
    X, y = table(rng, 100)  # noqa: N806
    with pytest.warns(UserWarning, match="100 rows are fewer than 2 m = 112, so they were solved exactly"):
        model = SketchedLinearRegression(random_state=0).fit(X, y)
    assert model.report_["exact"]
    np.testing.assert_allclose(model.coef_, LinearRegression().fit(X, y).coef_, rtol=1e-10)
    assert model.coef_bound_ == 0
    assert not model.predict(X, return_std=True)[1].any()


def test_sparse_tables(rng):
    X, y = table(rng)  # noqa: N806
    X = X * (rng.uniform(size=X.shape) < 0.3)  # noqa: N806
    weight = rng.uniform(0.5, 2, len(y))
    exact = LinearRegression().fit(X, y, weight)
    for refine in (0, 20):
        dense = SketchedLinearRegression(CountSketch(), refine=refine, random_state=0).fit(X, y, weight)
        model = SketchedLinearRegression(CountSketch(), refine=refine, random_state=0).fit(csr_array(X), y, weight)
        np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-9)
        np.testing.assert_allclose(
            model.predict(csr_array(X), return_std=True)[1], dense.predict(X, return_std=True)[1], rtol=1e-9, atol=1e-12
        )
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-9)
    with pytest.raises(TypeError, match=r"X is sparse, and sketch=SRDCT\(\) would make it dense; take sketch=CountSketch"):
        SketchedLinearRegression().fit(csr_array(X), y)


def test_tables_of_pandas_and_polars(rng):
    X, y = table(rng)  # noqa: N806
    plain = SketchedLinearRegression(random_state=0).fit(X, y)
    for frame in (pd.DataFrame(X, columns=list("abcdef")), pl.DataFrame(X, schema=list("abcdef"))):
        model = SketchedLinearRegression(random_state=0).fit(frame, y)
        assert list(model.feature_names_in_) == list("abcdef")
        np.testing.assert_allclose(model.predict(frame), plain.predict(X), rtol=1e-11)
        twin = frame.assign(g=2 * X[:, 1]) if isinstance(frame, pd.DataFrame) else frame.with_columns(pl.Series("g", 2 * X[:, 1]))
        with pytest.raises(ValueError, match=r"columns \['[bg]'\] are zero or combinations"):
            SketchedLinearRegression(collinear="error").fit(twin, y)


def test_the_same_seed_gives_the_same_bits(rng):
    X, y = table(rng, targets=(2,))  # noqa: N806
    one, two, other = (SketchedLinearRegression(random_state=seed).fit(X, y) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.coef_, two.coef_)
    np.testing.assert_array_equal(one.predict(X), pickle.loads(pickle.dumps(one)).predict(X))
    assert np.abs(one.coef_ - other.coef_).max() > 1e-4


def test_in_a_grid_search(rng):
    X, y = table(rng)  # noqa: N806
    grid = {"sketch": [SRHT(), SRDCT()], "refine": [0, 5]}
    search = GridSearchCV(SketchedLinearRegression(random_state=0), grid, cv=3).fit(X, y)
    assert search.best_params_["refine"] == 5
    workers = GridSearchCV(SketchedLinearRegression(SRDCT(), random_state=0), {"sketch__workers": [1, 2]}, cv=3).fit(X, y)
    assert np.ptp(workers.cv_results_["mean_test_score"]) == 0


@pytest.mark.parametrize("intercept", [True, False])
def test_columns_that_do_not_determine_the_fit_are_refused_by_number(intercept, rng):
    """Also of the sketched system, where the shortest solution could look right by luck."""
    X, y = table(rng)  # noqa: N806
    bad = {"twin": np.hstack([X, X[:, :1] + X[:, 1:2]]), "zero": np.hstack([X, 0 * X[:, :1]])}
    if intercept:
        bad["constant"] = np.hstack([X, 7 + 0 * X[:, :1]])
    for X_bad in bad.values():  # noqa: N806
        for rows in (slice(None), slice(60)):  # sketched, exact
            with pytest.raises(ValueError, match=r"SketchedLinearRegression: columns \[\d\] are zero or combinations of other columns"):
                SketchedLinearRegression(collinear="error", fit_intercept=intercept, random_state=0).fit(X_bad[rows], y[rows])
    SketchedLinearRegression(fit_intercept=False, random_state=0).fit(np.hstack([X, 7 + 0 * X[:, :1]]), y)


def test_columns_far_from_zero_are_fitted(rng):
    """As time stamps are; nor are units a reason to refuse."""
    X, y = table(rng)  # noqa: N806
    exact = LinearRegression().fit(X, y)
    far = SketchedLinearRegression(refine=30, random_state=0).fit(X * 1e12 + 1e16, y)
    np.testing.assert_allclose(far.coef_ * 1e12, exact.coef_, rtol=1e-6)


def test_bad_input(rng):
    X, y = table(rng)  # noqa: N806
    model = SketchedLinearRegression(random_state=0)
    with pytest.raises(ValueError, match="3 rows do not determine 7 coefficients"), pytest.warns(UserWarning, match="exactly"):
        model.fit(X[:3], y[:3])
    with pytest.raises(ValueError, match="1 sample"):
        model.fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(np.where(X > 9, np.nan, X), y)
    with pytest.raises(ValueError, match="y contains infinity"):
        model.fit(X, np.where(y > 9, np.inf, y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])
    with pytest.raises(ValueError, match="0 feature"):
        model.fit(X[:, :0], y)
    with pytest.raises(ValueError, match="could not convert"):
        model.fit(np.array([["a", "b"]] * 200), np.ones(200))
    with pytest.raises(ValueError, match="expecting 6 features"):
        model.fit(X, y).predict(X[:, :5])
    with pytest.raises(ValueError, match="at least one"):
        model.fit(X, y, np.zeros(len(y)))
    with pytest.raises(ValueError, match="Negative"):
        model.fit(X, y, -np.ones(len(y)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"m": 7}, r"m=7 must be a whole number above the 7 columns \(the intercept is one\), better 56"),
        ({"m": 56.0}, r"m=56.0 must be a whole number"),
        ({"refine": -1}, r"refine=-1 must be a whole number, at least 0"),
        ({"n_repeats": 0}, r"n_repeats=0 must be a whole number, at least 1"),
        ({"sketch": "srht"}, r"sketch='srht' must be a sketch, such as SRDCT\(\)"),
    ],
)
def test_bad_settings(settings, message, rng):
    with pytest.raises(ValueError, match=message):
        SketchedLinearRegression(**settings).fit(*table(rng))


def test_bad_chunks(rng):
    X, y = table(rng)  # noqa: N806
    model = SketchedLinearRegression(random_state=0)
    with pytest.raises(ValueError, match=r"chunks is empty; give at least one \(X, y\)"):
        model.fit_chunks([])
    with pytest.raises(ValueError, match="refine=2 needs several passes"):
        SketchedLinearRegression(refine=2).fit_chunks([(X, y)])
    with pytest.raises(ValueError, match=r"100 rows in all are fewer than 2 m = 112; take fit"):
        model.fit_chunks([(X[:50], y[:50]), (X[50:100], y[50:100])])
    with pytest.raises(ValueError, match="expecting 6 features"):
        model.fit_chunks([(X[:500], y[:500]), (X[500:, :5], y[500:])])
    with pytest.raises(ValueError, match=r"a chunk has y for 2 targets, the first had 1"):
        model.fit_chunks([(X[:500], y[:500]), (X[500:1000], np.stack([y[500:1000]] * 2, axis=1))])


def test_a_constant_target_is_fitted(rng):
    X, _ = table(rng)  # noqa: N806
    model = SketchedLinearRegression(random_state=0).fit(X, np.full(len(X), 4.0))
    np.testing.assert_allclose(model.coef_, 0, atol=1e-12)
    assert model.intercept_ == pytest.approx(4)
