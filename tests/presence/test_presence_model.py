"""Supports, codes and evidence against enumeration, dense algebra and quadrature."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from overica._kernels import _core, get_num_threads, set_num_threads
from overica.presence import Forest, PresenceModel
from tests.presence.cases import best_support, draw, given, random_model


@pytest.fixture(params=_core.instruction_sets())
def instruction_set(request):
    chosen = _core.instruction_set()
    _core.use_instruction_set(request.param)
    yield
    _core.use_instruction_set(chosen)


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


def dense(posterior):
    return posterior.sparse(np.ones(len(posterior.indices))).toarray().astype(int)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("nonnegative", [True, False])
def test_posterior_and_evidence_of_the_support_found(nonnegative):
    rng = np.random.default_rng(1)
    for _ in range(5):
        model = random_model(rng, 6, 21, nonnegative)
        X = 2.0 * rng.standard_normal((40, 6))
        posterior = model.infer(X, sums=True)
        second = np.zeros((21, 21))
        for i, x in enumerate(X):
            entries = slice(posterior.starts[i], posterior.starts[i + 1])
            indices = posterior.indices[entries]
            support = np.zeros(21, int)
            support[indices] = 1
            evidence, mean, covariance = given(model, x, support)
            place = np.searchsorted(np.flatnonzero(support), indices)
            assert posterior.log_evidence[i] == pytest.approx(evidence, rel=1e-9, abs=1e-9)
            np.testing.assert_allclose(posterior.means[entries], mean[place], atol=1e-9)
            np.testing.assert_allclose(
                posterior.variances[entries], np.diag(covariance)[place], atol=1e-9
            )
            second[np.ix_(np.flatnonzero(support), np.flatnonzero(support))] += (
                np.outer(mean, mean) + covariance
            )
            assert not nonnegative or (mean >= 0).all()
        np.testing.assert_allclose(posterior.second, second, atol=1e-8)
        present = dense(posterior)
        np.testing.assert_array_equal(posterior.together, present.T @ present)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("nonnegative", [True, False])
def test_no_single_move_improves(nonnegative):
    rng = np.random.default_rng(2)
    model = random_model(rng, 5, 9, nonnegative, swap_below=np.inf)
    X = 3.0 * rng.standard_normal((60, 5))
    posterior = model.infer(X)
    for x, support, found in zip(X, dense(posterior), posterior.log_evidence, strict=True):
        on, off = np.flatnonzero(support), np.flatnonzero(support == 0)
        moves = [[j] for j in range(9)] + [[a, b] for a in on for b in off]
        for move in moves:
            other = support.copy()
            other[move] ^= 1
            value, mean, _ = given(model, x, other)
            if not (nonnegative and (mean < 0).any()):
                assert value <= found + 1e-6


@pytest.mark.parametrize("nonnegative", [True, False])
def test_best_support_of_all(nonnegative):
    """Greedy search is no enumeration: at 9 sources in 6 dimensions it finds the best of 512 for most samples."""
    rng = np.random.default_rng(3)
    right = total = 0
    for _ in range(6):
        model = random_model(rng, 6, 9, nonnegative)
        _, _, X = draw(model, rng, 15)
        for x, evidence in zip(X, model.log_evidence(X), strict=True):
            best, _ = best_support(model, x)
            assert evidence <= best + 1e-8 * abs(best)
            right += evidence > best - 1e-6
            total += 1
    assert right >= 0.9 * total


def test_evidence_is_the_integral_over_codes():
    forest = Forest.conditional([-1, 0], [0, 0.7], [0.4, 0.1])
    model = PresenceModel(np.array([[1.0, 0.6], [0.0, 0.8]]), [1.0, 2.0], [0.3, 0.5], 0.2, forest)
    x = np.array([2.2, 1.7])
    posterior = model.infer([x])
    assert posterior.sizes[0] == 2

    def density(s1, s0):
        noise = stats.norm.pdf(x, model.mixing @ [s0, s1], np.sqrt(0.2)).prod()
        return (
            noise * stats.norm.pdf([s0, s1], model.slab_mean, np.sqrt(model.slab_variance)).prod()
        )

    integral = integrate.dblquad(density, -3, 5, -3, 7, epsabs=1e-12, epsrel=1e-9)[0]
    assert posterior.log_evidence[0] == pytest.approx(np.log(integral * 0.4 * 0.7), rel=1e-7)


def test_evidence_of_one_source_by_quadrature():
    model = PresenceModel([[1.0]], [1.5], [0.3], 0.2, Forest.independent([0.2]))
    for x in (2.5, 1.2):
        posterior = model.infer([[x]])
        assert posterior.sizes[0] == 1

        def density(s, x=x):
            return stats.norm.pdf(x, s, np.sqrt(0.2)) * stats.norm.pdf(s, 1.5, np.sqrt(0.3))

        integral = integrate.quad(density, -5, 8, epsabs=1e-13)[0]
        assert posterior.log_evidence[0] == pytest.approx(np.log(0.2 * integral), rel=1e-9)
    nothing = model.infer([[-1.0]])
    assert nothing.sizes[0] == 0
    assert nothing.log_evidence[0] == pytest.approx(
        np.log(0.8) + stats.norm.logpdf(-1.0, 0, np.sqrt(0.2))
    )


@pytest.mark.usefixtures("instruction_set")
def test_results_do_not_depend_on_threads(threads):
    rng = np.random.default_rng(4)
    model = random_model(rng, 16, 40)
    X = 2.0 * rng.standard_normal((3000, 16))
    threads(1)
    one = model.infer(X, sums=True)
    threads(3)
    three = model.infer(X, sums=True)
    for name in ("starts", "indices", "means", "variances", "log_evidence", "second", "together"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))


def test_samples_alone_and_together():
    rng = np.random.default_rng(5)
    model = random_model(rng, 16, 40)
    X = 2.0 * rng.standard_normal((1100, 16))  # more than one batch
    posterior = model.infer(X)
    codes = posterior.codes()
    for i in (0, 1023, 1024, 1099):
        alone = model.infer(X[i : i + 1])
        np.testing.assert_allclose(alone.codes()[0], codes[i], atol=1e-10)
        assert alone.log_evidence[0] == pytest.approx(posterior.log_evidence[i], rel=1e-12)


def test_kinds_of_arrays():
    rng = np.random.default_rng(6)
    model = random_model(rng, 8, 15)
    X = rng.standard_normal((50, 8)).astype(np.float32)
    expected = model.codes(X.astype(np.float64))
    np.testing.assert_allclose(model.codes(X), expected, atol=1e-10)
    np.testing.assert_array_equal(model.codes(np.asfortranarray(X)), model.codes(X))
    wide = np.repeat(X.astype(np.float64), 2, axis=1)
    np.testing.assert_array_equal(model.codes(wide[:, ::2]), expected)


def test_samples_far_away_are_finite():
    rng = np.random.default_rng(7)
    model = random_model(rng, 8, 15)
    posterior = model.infer(1e6 * rng.standard_normal((20, 8)))
    assert np.isfinite(posterior.means).all()
    assert np.isfinite(posterior.log_evidence).all()


def test_samples_fitted_badly_are_searched_again():
    """Sums of many columns that cancel: what greedy search alone misses, against enumeration."""
    rng = np.random.default_rng(14)
    A = rng.standard_normal((5, 8))
    A /= np.linalg.norm(A, axis=0)
    forest = Forest.independent(np.full(8, 0.35))
    model = PresenceModel(A, np.full(8, 4.0), np.full(8, 0.3), 0.02, forest, True)
    X = draw(model, rng, 120)[2]
    best = np.array([best_support(model, x)[0] for x in X])
    once = PresenceModel(A, np.full(8, 4.0), np.full(8, 0.3), 0.02, forest, True, retry_above=None)
    wrong = [(m.log_evidence(X) < best - 1e-6).mean() for m in (once, model)]
    assert wrong[0] > 0.1
    assert wrong[1] < 0.25 * wrong[0]
    assert (model.log_evidence(X) >= once.log_evidence(X) - 1e-9 * np.abs(best)).all()


@pytest.mark.parametrize("start", [False, True])
def test_pairs_that_cancel_enter_together(start):
    """Each of the two alone makes it worse."""
    A = np.array([[1.0, -0.95, 0.0], [0.0, np.sqrt(1 - 0.95**2), 0.0], [0.0, 0.0, 1.0]])
    model = PresenceModel(
        A, np.full(3, 4.0), np.full(3, 0.2), 0.01, Forest.independent(np.full(3, 0.2)), True
    )
    x = A @ [4.0, 4.0, 4.0]
    known = model.infer(A[:, [2]].T * 4.0) if start else None
    assert set(model.infer([x], start=known).indices) == {0, 1, 2}


@pytest.mark.parametrize("swap_below", [None, np.inf])
def test_capacity_is_kept(swap_below):
    rng = np.random.default_rng(8)
    model = random_model(rng, 8, 20, capacity=2, swap_below=swap_below)
    sizes = model.infer(4.0 * rng.standard_normal((100, 8))).sizes
    assert sizes.max() == 2


def test_start_from_the_supports_found_changes_nothing():
    rng = np.random.default_rng(9)
    model = random_model(rng, 6, 20, swap_below=np.inf)
    X = 2.0 * rng.standard_normal((200, 6))
    found = model.infer(X)
    again = model.infer(X, start=found)
    np.testing.assert_array_equal(dense(found), dense(again))
    np.testing.assert_allclose(again.log_evidence, found.log_evidence, rtol=1e-9, atol=1e-9)
    other = random_model(rng, 6, 20).infer(X)
    better = model.infer(X, start=other)
    for x, support, evidence in zip(X[:20], dense(better), better.log_evidence, strict=False):
        value, mean, _ = given(model, x, support)
        assert value == pytest.approx(evidence, rel=1e-8)
        assert (mean >= 0).all()


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("retry_above", [None, 0.0])
def test_a_barred_source_is_an_impossible_one(retry_above):
    rng = np.random.default_rng(21)
    model = random_model(rng, 6, 12, retry_above=retry_above)
    X = draw(model, rng, 60)[2]
    found = dense(model.infer(X))
    barred = found.argmax(axis=1)
    assert found[np.arange(60), barred].sum() > 40
    posterior = model.infer(X, barred=barred)
    assert not dense(posterior)[np.arange(60), barred].any()
    for j in np.unique(barred):
        log_odds = model.forest.log_odds.copy()
        log_odds[j] = -1e6
        without = replace(model, forest=replace(model.forest, log_odds=log_odds))
        np.testing.assert_allclose(
            posterior.log_evidence[barred == j], without.log_evidence(X[barred == j]), rtol=1e-9
        )


@pytest.mark.parametrize("barred", [[0, 1], [0, 1, 12], [0, -1, 3]])
def test_barred_are_positions_one_a_sample(barred):
    model = random_model(np.random.default_rng(22), 6, 12)
    with pytest.raises(ValueError, match="`barred` must hold a position below 12 for each of 3"):
        model.infer(np.zeros((3, 6)), barred=barred)


def test_nothing_at_all():
    """A support is empty where presence is unlikely and nothing pulls."""
    model = random_model(np.random.default_rng(10), 5, 7)
    posterior = model.infer(np.zeros((3, 5)))
    assert posterior.codes().shape == (3, 7)
    assert len(posterior.indices) == posterior.sizes.sum()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite(value):
    model = random_model(np.random.default_rng(11), 3, 4)
    X = np.zeros((2, 3))
    X[1, 1] = value
    with pytest.raises(ValueError, match="`X` must be finite"):
        model.infer(X)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixing": 2 * np.eye(2)}, "length 1"),
        ({"slab_variance": [0.0, 1.0]}, "`slab_variance` must be positive"),
        ({"slab_mean": [1.0]}, "`slab_mean` must have shape"),
        ({"noise_variance": 0.0}, "`noise_variance`"),
        ({"forest": Forest.independent([0.5])}, "`forest` must have n_components=2"),
        ({"capacity": 0}, "`capacity`"),
    ],
)
def test_models_that_are_none(changes, message):
    arguments = {
        "mixing": np.eye(2), "slab_mean": np.ones(2), "slab_variance": np.ones(2), "noise_variance": 1.0,
        "forest": Forest.independent([0.1, 0.1]),
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        PresenceModel(**{**arguments, **changes})


def test_starts_of_other_samples():
    model = random_model(np.random.default_rng(12), 3, 4)
    with pytest.raises(ValueError, match="`start` must be of 3 samples"):
        model.infer(np.zeros((3, 3)), start=model.infer(np.zeros((2, 3))))


@pytest.mark.parametrize("options", [{}, {"capacity": 3, "swap_below": None}])
def test_arrays_make_an_equal_model(options, tmp_path):
    rng = np.random.default_rng(13)
    model = random_model(rng, 5, 9, **options)
    np.savez(tmp_path / "model.npz", **model.to_arrays())
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        read = PresenceModel.from_arrays(arrays)
    X = rng.standard_normal((30, 5))
    np.testing.assert_array_equal(read.log_evidence(X), model.log_evidence(X))
    assert (read.capacity, read.swap_below, read.nonnegative) == (
        model.capacity,
        model.swap_below,
        True,
    )


def test_interrupt_ends_long_work():
    """Between batches; the whole would take far longer."""
    script = """
import signal, threading, time, os
import numpy as np
from overica.presence import Forest, PresenceModel
rng = np.random.default_rng(0)
A = rng.standard_normal((32, 512)); A /= np.linalg.norm(A, axis=0)
model = PresenceModel(A, np.ones(512), np.ones(512), 0.01, Forest.independent(np.full(512, 0.3)))
X = np.broadcast_to(5 * rng.standard_normal(32), (10**6, 32))
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
began = time.perf_counter()
try:
    model.infer(X)
except KeyboardInterrupt:
    print("interrupted", time.perf_counter() - began < 15)
"""
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )
    assert out.stdout.split() == ["interrupted", "True"], out.stderr


def test_misfit_is_chi_squared_at_the_true_supports():
    """Which is what makes a wrong support show."""
    rng = np.random.default_rng(15)
    model = random_model(rng, 6, 9, False)
    B, _, X = draw(model, rng, 4000)
    misfits = []
    for x, support in zip(X[:800], B, strict=False):
        S = np.flatnonzero(support)
        _, mean, _ = given(model, x, support)
        residual = x - model.mixing[:, S] @ mean
        slabs = ((mean - model.slab_mean[S]) ** 2 / model.slab_variance[S]).sum()
        misfits.append(residual @ residual / model.noise_variance + slabs)
    assert stats.kstest(misfits, stats.chi2(6).cdf).pvalue > 0.01
