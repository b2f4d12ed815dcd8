"""From data with a hierarchy to its single features, through the estimator; and nothing lost where there is none."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from overica import OvercompleteICA
from overica.datasets import make_hierarchy, make_mixture
from overica.hierarchy import HierarchySearch
from overica.hierarchy.parents import parents_of
from overica.presence import certify


@pytest.fixture(scope="module")
def data():
    return make_hierarchy(20_000, 32, 60, n_trees=4, branching=3, depth=2, random_state=0)


@pytest.fixture(scope="module")
def ica(data):
    return OvercompleteICA(60, prior="exponential", max_iter=150, random_state=0).fit(data.X)


def above(A, truth, least=0.9):
    return int(((truth.T @ A).max(axis=1) > least).sum())


def test_single_features_not_sums(data, ica):
    sums = OvercompleteICA(
        60, prior="exponential", max_iter=150, hierarchy=False, random_state=0
    ).fit(data.X)
    assert above(sums.mixing_, data.mixing) < 30
    assert above(ica.mixing_, data.mixing) > 48
    assert ica.score(data.X) > sums.score(data.X)
    assert sums.presences_ is None
    assert (sums.parents_ == -1).all()


def test_parents(data, ica):
    truth = data.mixing.T @ ica.mixing_
    at, cosine = truth.argmax(axis=0), truth.max(axis=0)
    present = data.codes > 0
    found = [(j, p) for j, p in enumerate(ica.parents_) if p >= 0]
    right = [
        present[present[:, at[j]], at[p]].mean() > 0.99
        for j, p in found
        if min(cosine[j], cosine[p]) > 0.9
    ]
    assert len(right) > 15
    assert np.mean(right) > 0.9


def test_codes(data, ica):
    codes = ica.transform(data.X[:2000])
    assert (codes >= 0).all()
    assert codes.dtype == np.float64
    rest = data.X[:2000] - ica.inverse_transform(codes)
    assert (rest**2).sum() < 0.02 * (data.X[:2000] ** 2).sum()
    n_active = (codes > 0).sum(axis=1).mean()
    assert n_active == pytest.approx((data.codes > 0).sum(axis=1).mean(), rel=0.25)
    # A batch of one, and float32, are the same samples.
    one = np.concatenate([ica.transform(row[None]) for row in data.X[:20]])
    assert one == pytest.approx(codes[:20], rel=1e-9, abs=1e-9)
    single = ica.transform(data.X[:200].astype(np.float32))
    assert single.dtype == np.float32
    same = (single > 0) == (codes[:200] > 0)
    assert same.mean() > 0.999


def test_attributes_are_those_of_the_joint_model(data, ica):
    joint = ica.presences_
    assert ica.mixing_ == pytest.approx(joint.mixing, abs=1e-9)
    assert ica.scales_ == pytest.approx(joint.slab_mean * ica.unit_, rel=1e-9)
    assert ica.presence_ == pytest.approx(joint.forest.marginals())
    assert ica.noise_variance_ == pytest.approx(joint.noise_variance * ica.unit_**2)
    gap = certify(joint, ica.units_.forward(data.X[:50])).gap
    assert (gap > -1e-6).all()


def test_history_has_every_step(ica):
    lengths = {name: len(values) for name, values in ica.history_.items()}
    assert set(lengths.values()) == {ica.n_iter_}


def test_saved_and_loaded(tmp_path, data, ica):
    ica.save(tmp_path / "model")
    again = OvercompleteICA.load(tmp_path / "model")
    assert (again.transform(data.X[:100]) == ica.transform(data.X[:100])).all()
    assert (again.parents_ == ica.parents_).all()
    assert again.score(data.X[:100]) == ica.score(data.X[:100])


def test_what_is_set_is_of_independent_sources(tmp_path, data, ica):
    ica.save(tmp_path / "model")
    other = OvercompleteICA.load(tmp_path / "model")
    other.penalty_ = 2 * other.penalty_
    assert other.presences_ is None
    assert (other.parents_ == -1).all()
    assert other.transform(data.X[:10]).shape == (10, 60)
    stream = OvercompleteICA.load(tmp_path / "model")
    stream.partial_fit(data.X[:2000])
    assert stream.presences_ is None


def test_independent_sources_lose_nothing():
    data = make_mixture(6000, 12, 24, "sparse_exponential", n_active=3, random_state=0)
    settings = {"prior": "exponential", "max_iter": 200, "random_state": 0}
    auto = OvercompleteICA(24, **settings).fit(data.X)
    plain = OvercompleteICA(24, hierarchy=False, **settings).fit(data.X)
    assert auto.presences_ is None
    assert (auto.mixing_ == plain.mixing_).all()


def test_beyond_the_noise_at_which_sums_win_nothing_is_taken_apart(data):
    rng = np.random.default_rng(0)
    X = data.X + 0.5 * data.X.std() * rng.standard_normal(data.X.shape)
    settings = {"prior": "exponential", "max_iter": 60, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        noisy = OvercompleteICA(60, **settings).fit(X)
        plain = OvercompleteICA(60, hierarchy=False, **settings).fit(X)
    assert (noisy.parents_ < 0).all()
    assert noisy.score(X[:500]) == plain.score(X[:500])


def test_fewer_components_are_the_ones_worth_most(data):
    ica = OvercompleteICA(12, prior="exponential", max_iter=150, random_state=0).fit(data.X)
    assert ica.mixing_.shape == (32, 12)
    assert ica.presences_ is not None
    best = (data.mixing.T @ ica.mixing_).max(axis=0)
    assert (best > 0.85).sum() >= 9


def test_more_components_than_are_found(data):
    ica = OvercompleteICA(80, prior="exponential", max_iter=60, hierarchy=True, random_state=0).fit(
        data.X
    )
    assert ica.mixing_.shape == (32, 80)
    assert np.isfinite(ica.mixing_).all()


def test_number_found_too(data):
    ica = OvercompleteICA("auto", prior="exponential", max_iter=150, random_state=0).fit(data.X)
    assert 50 <= ica.n_components_ <= 75


@pytest.mark.parametrize(
    "parameters",
    [{"prior": "laplace"}, {"prior": "exponential", "init": np.eye(4)[:, :3]}, {"rule": "natural"}],
)
def test_true_needs_what_it_needs(parameters):
    X = np.random.default_rng(0).exponential(size=(600, 4))
    with pytest.raises(ValueError, match="hierarchy=True"):
        OvercompleteICA(3, hierarchy=True, **parameters).fit(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_hardly_any_samples():
    X = np.random.default_rng(0).exponential(size=(120, 10))
    ica = OvercompleteICA(12, prior="exponential", hierarchy=True, max_iter=60, random_state=0).fit(
        X
    )
    assert np.isfinite(ica.transform(X)).all()


def test_only_three_values():
    with pytest.raises(ValueError, match="`hierarchy` must be True, False"):
        OvercompleteICA(3, hierarchy="yes").fit(np.eye(4))


def test_interrupted_fits_are_fits(data):
    steps = []

    def stop(figures):
        steps.append(figures)
        if len(steps) == 250:
            raise KeyboardInterrupt

    ica = OvercompleteICA(60, prior="exponential", max_iter=150, random_state=0, callback=stop)
    with pytest.raises(KeyboardInterrupt):
        ica.fit(data.X)
    assert ica.mixing_.shape == (32, 60)
    assert ica.presences_ is None


def test_signed_priors_have_no_hierarchy(data):
    ica = OvercompleteICA(8, max_iter=60, random_state=0)
    fit, _ = ica._begin(data.X, np.random.default_rng(0))
    assert not HierarchySearch(fit).applies


def test_parents_need_more_than_chance():
    together = np.array([[900.0, 90, 45], [90, 100, 10], [45, 10, 50]])
    assert parents_of(together, 1000).tolist() == [-1, -1, -1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_most_of_a_hierarchy(seed):
    data = make_hierarchy(random_state=seed)
    ica = OvercompleteICA(96, prior="exponential", random_state=0).fit(data.X)
    assert above(ica.mixing_, data.mixing) >= 80
