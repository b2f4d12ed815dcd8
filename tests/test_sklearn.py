"""All of scikit-learn's checks of an estimator, none excused."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from overica import OvercompleteICA


@parametrize_with_checks(
    [OvercompleteICA(), OvercompleteICA(n_components=3, prior="exponential", n_restarts=1)]
)
def test_scikit_learn_compatibility(estimator, check):
    check(estimator)
