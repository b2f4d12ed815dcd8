"""Figures of separated sources: against the libraries themselves, and where those return NaN or infinity."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica._extras import import_extra
from overica.separation.bss_eval import LIMIT_DB
from overica.separation.extras import import_museval_metrics
from overica.separation.separation_scores import evaluate_blocks, evaluate_separation

FIGURES = ("sdr", "isr", "sir", "sar")
LEAK = np.array([[1.0, 0.1, 0.2], [0.1, 1.0, 0.1], [0.0, 0.1, 1.0]])
ORDER = [2, 0, 1]


def signals(n_frames=3000, seed=0):
    rng = np.random.default_rng(seed)
    S = rng.laplace(size=(n_frames, 3))
    return S, (S @ LEAK + 0.1 * rng.laplace(size=S.shape))[:, ORDER]


def images(S, A):
    return np.einsum("tj,cj->jtc", S, A)


A = np.array([[1.0, 0.7, 0.2], [0.1, 0.7, 0.9]])


@pytest.mark.parametrize("filter_length", [1, 8])
def test_sources_have_the_library_s_figures(filter_length):
    S, estimates = signals()
    scores = evaluate_separation(S, estimates, filter_length=filter_length)
    library = import_extra("fast_bss_eval")
    sdr, sir, sar, pairing = library.bss_eval_sources(S.T, estimates.T, filter_length=filter_length)
    np.testing.assert_array_equal(scores.pairing, pairing)
    for ours, theirs in ((scores.sdr, sdr), (scores.sir, sir), (scores.sar, sar)):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert scores.pairing.tolist() == np.argsort(ORDER).tolist()
    assert scores.kind == "sources"


@pytest.mark.parametrize("filter_length", [1, 4])
def test_images_have_the_library_s_figures(filter_length):
    rng = np.random.default_rng(3)
    truth = rng.laplace(size=(3, 2000, 2))
    guess = 0.9 * truth + 0.1 * truth[[1, 2, 0]] + 0.1 * rng.laplace(size=truth.shape)
    scores = evaluate_separation(truth, guess[ORDER], filter_length=filter_length)
    found = import_museval_metrics().bss_eval(
        truth, guess, window=np.inf, hop=np.inf, filters_len=filter_length
    )
    for name, theirs in zip(FIGURES, found, strict=False):
        np.testing.assert_allclose(getattr(scores, name), theirs[:, 0], atol=1e-3, err_msg=name)
    assert scores.kind == "images"


def test_figures_of_a_known_decomposition():
    S = np.eye(4)[:, :2]
    estimates = np.array([[1.0, 0.1, 0.01, 0.0], [0.0, 2.0, 0.0, 0.2]]).T
    scores = evaluate_separation(S, estimates)
    np.testing.assert_allclose(scores.sdr, [10 * np.log10(1 / 0.0101), 20.0], atol=1e-4)
    np.testing.assert_allclose(scores.sir, [20.0, LIMIT_DB], atol=1e-4)
    np.testing.assert_allclose(scores.sar, [10 * np.log10(1.01 / 1e-4), 20.0], atol=1e-4)
    # The first estimate has its reference's gain, the second twice that.
    np.testing.assert_allclose(scores.isr, [LIMIT_DB, 0.0], atol=1e-4)


@given(
    seed=st.integers(0, 1000),
    gain=st.floats(1e-6, 1e6),
    sign=st.sampled_from([-1, 1]),
    loudness=st.floats(1e-6, 1e6),
)
def test_gain_sign_and_order_of_sources_do_not_matter(seed, gain, sign, loudness):
    S, estimates = signals(200, seed)
    expected = evaluate_separation(S, estimates)
    gains = np.array([gain, sign, 1.0]) * loudness
    order = np.random.default_rng(seed).permutation(3)
    found = evaluate_separation(loudness * S, (estimates * gains)[:, order])
    np.testing.assert_array_equal(order[found.pairing], expected.pairing)
    for name in ("sdr", "sir", "sar"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-3)


@pytest.mark.parametrize("filter_length", [1, 4])
@pytest.mark.parametrize("mixing", [None, A], ids=["sources", "images"])
def test_perfect_estimates_have_the_largest_figures(mixing, filter_length):
    S, _ = signals(500)
    truth = S if mixing is None else images(S, mixing)
    guess = S[:, ORDER] if mixing is None else truth[ORDER]
    scores = evaluate_separation(truth, guess, filter_length=filter_length)
    assert scores.pairing.tolist() == np.argsort(ORDER).tolist()
    for name in FIGURES:
        np.testing.assert_allclose(getattr(scores, name), LIMIT_DB, atol=0.01, err_msg=name)


@pytest.mark.parametrize("filter_length", [1, 4])
@pytest.mark.parametrize("mixing", [None, A], ids=["sources", "images"])
@pytest.mark.parametrize("silent", [[0], [1, 2], [0, 1, 2]])
def test_silent_estimates_have_the_lowest_figures_and_disturb_no_other(
    silent, mixing, filter_length
):
    S, estimates = signals(500)
    estimates = estimates[:, np.argsort(ORDER)]
    expected = evaluate_separation(S, estimates)
    estimates[:, silent] = 0
    pair = (S, estimates) if mixing is None else (images(S, mixing), images(estimates, mixing))
    scores = evaluate_separation(*pair, filter_length=filter_length)
    loud = np.setdiff1d(range(3), silent)
    assert sorted(scores.pairing) == [0, 1, 2]
    assert scores.pairing[loud].tolist() == loud.tolist()
    for name in FIGURES:
        assert (getattr(scores, name)[silent] == -LIMIT_DB).all()
    np.testing.assert_allclose(scores.sir[loud], expected.sir[loud], atol=0.5)


def test_an_estimate_with_nothing_of_any_reference_has_the_lowest_figures():
    S, _ = signals(600)
    S[300:] = 0
    estimates = S.copy()
    estimates[:, 0] = 0
    estimates[300:, 0] = 1
    scores = evaluate_separation(S, estimates)
    for name in ("sdr", "isr", "sir", "sar"):
        np.testing.assert_allclose(
            getattr(scores, name), [-LIMIT_DB, LIMIT_DB, LIMIT_DB], atol=0.01
        )


def test_images_whose_channels_cancel_or_are_empty():
    S, estimates = signals(500)
    directions = np.array([[1.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])
    estimates = estimates[:, np.argsort(ORDER)]
    scores = evaluate_separation(images(S, directions), images(estimates, directions)[ORDER])
    assert scores.pairing.tolist() == np.argsort(ORDER).tolist()
    # One direction only: what an image of rank one has is what its source has.
    sources = evaluate_separation(S, estimates)
    np.testing.assert_allclose(scores.sir, sources.sir, atol=1e-3)
    np.testing.assert_allclose(scores.isr, sources.isr, atol=0.1)


def test_blocks_give_what_the_whole_gives():
    S, estimates = signals(1001)
    truth, guess = S.T[:, :, None], estimates.T[:, :, None]
    whole = evaluate_separation(S, estimates)
    parts = evaluate_blocks(
        (truth[:, start : start + 2], guess[:, start : start + 2]) for start in range(0, 1001, 2)
    )
    for name in FIGURES:
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-6)


def test_long_filters_forgive_a_delay_that_short_ones_punish():
    S, _ = signals()
    delayed = np.roll(S, 2, axis=0)
    delayed[:2] = 0
    assert evaluate_separation(S, delayed).sdr.max() < -10
    assert evaluate_separation(S, delayed, filter_length=3).sdr.min() > 25


def test_one_source_and_short_signals():
    S, estimates = signals(5)
    assert np.isfinite(evaluate_separation(S, estimates).table()[list(FIGURES)].to_numpy()).all()
    assert evaluate_separation(S[:, :1], estimates[:, :1]).sir == pytest.approx([LIMIT_DB])


def test_table_and_mean():
    S, estimates = signals()
    scores = evaluate_separation(S, estimates)
    table = scores.table(["a", "b", "c"], ["x", "y", "z"])
    assert table["estimate"].tolist() == ["y", "z", "x"]
    assert scores.mean()["sdr"] == pytest.approx(table["sdr"].mean())
    assert scores.table()["estimate"].tolist() == ["2", "3", "1"]


def test_refusals():
    S, estimates = signals(100)
    with pytest.raises(ValueError, match="same shape"):
        evaluate_separation(S, estimates[:, :2])
    with pytest.raises(ValueError, match="all references are silent"):
        evaluate_separation(0 * S, estimates)
    with pytest.raises(ValueError, match="reference 1 and reference 3"):
        evaluate_separation(S[:, [0, 1, 0]] * [1, 1, -2], estimates)
    with pytest.raises(ValueError, match="copies or sums"):
        evaluate_separation(np.c_[S[:, :2], S[:, :2].sum(1)], estimates)
    with pytest.raises(ValueError, match="finite"):
        evaluate_separation(S, np.full_like(S, np.nan))
    with pytest.raises(ValueError, match="filter_length"):
        evaluate_separation(S, estimates, filter_length=0)
    with pytest.raises(ValueError, match="n_sources"):
        evaluate_separation(S[:, 0], estimates[:, 0])
    with pytest.raises(ValueError, match="same shape"):
        evaluate_separation(S[:50], estimates)


@pytest.mark.parametrize("shape", [(3, 10**7), (3, 2, 10**7)])
def test_the_other_layout_is_refused_at_once(shape):
    """Broadcast, so that whoever copies it, or worse its square, is found out."""
    signals = np.broadcast_to(np.float32(1.0), shape)
    with pytest.raises(ValueError, match=r"`references` must have shape \(n_.*transposed\?"):
        evaluate_separation(signals, signals)


@pytest.mark.parametrize("filter_length", [1, 4])
@pytest.mark.parametrize("mixing", [None, A], ids=["sources", "images"])
@pytest.mark.parametrize("quiet", [False, True])
def test_surplus_estimates_are_named_and_change_nothing(mixing, filter_length, quiet):
    S, estimates = signals(500)
    more = np.c_[0 * S[:, 0] if quiet else np.roll(S[:, 0], 7), estimates]
    columns = A[:, [0, *ORDER]]
    truth, guess, right = S, more, estimates
    if mixing is not None:
        truth, guess, right = images(S, A), images(more, columns), images(estimates, columns[:, 1:])
    expected = evaluate_separation(truth, right, filter_length=filter_length)
    scores = evaluate_separation(truth, guess, filter_length=filter_length)
    assert scores.surplus == (0,)
    assert scores.pairing.tolist() == (expected.pairing + 1).tolist()
    for name in FIGURES:
        np.testing.assert_allclose(getattr(scores, name), getattr(expected, name), atol=1e-3)


@pytest.mark.parametrize("n_estimates", [2, 3])
def test_a_silent_reference_has_no_figures_and_disturbs_no_other(n_estimates):
    S, estimates = signals(500)
    if n_estimates == 3:
        truth = S * [1, 0, 1]
        scores = evaluate_separation(truth, estimates)
        expected = evaluate_separation(S[:, [0, 2]], estimates[:, [1, 0]])
        assert scores.pairing.tolist() == [1, -1, 0]
        assert scores.surplus == (2,)
    else:
        scores = evaluate_separation(S[:, :2] * [0, 1], estimates[:, [1, 2]])
        expected = evaluate_separation(S[:, 1:2], estimates[:, 2:])
        assert scores.pairing.tolist() == [-1, 1]
        assert scores.surplus == (0,)
    heard = scores.pairing >= 0
    for name in FIGURES:
        values = getattr(scores, name)
        assert np.isnan(values[~heard]).all()
        np.testing.assert_allclose(values[heard], getattr(expected, name), atol=1e-3)
        assert scores.mean()[name] == pytest.approx(values[heard].mean())
    assert scores.table()["estimate"].tolist().count("") == 1


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match=r"pip install 'overica\[audio\]'"):
        import_extra("soundfile")
