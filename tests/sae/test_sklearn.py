"""All of scikit-learn's checks of an estimator, none excused."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from overica.sae import SAES


@parametrize_with_checks([kind(3, n_active=1, n_steps=5) for kind in SAES.values()])
def test_scikit_learn_compatibility(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", SAES.values())
def test_every_parameter_is_one_of_scikit_learn(kind):
    sae = kind()
    assert {"n_components", "n_active", "random_state"} <= set(sae.get_params())
    assert all(hasattr(sae, name) for name in sae.get_params())
