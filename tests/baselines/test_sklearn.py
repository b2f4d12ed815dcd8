"""All of scikit-learn's checks of an estimator, none excused."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from overica.baselines import BASELINES

FEW = {"dictionary_learning": {"n_active": 1.0, "n_rounds": 1, "n_steps": 2}}


@pytest.mark.filterwarnings("ignore:.*has at most")
@parametrize_with_checks([kind(2, **FEW.get(name, {})) for name, kind in BASELINES.items()])
def test_scikit_learn_compatibility(estimator, check):
    check(estimator)
