"""Features learned in stages: each stage adds some to those that are there and stay as they are.

Wide dictionaries spend features on common combinations of others. In stages, few features come first and take the
data as coarsely as their number demands; later ones find what is left. There are two ways to hand on what is left:
`FrozenStages` grows one autoencoder, in which old and new features code a sample together; `ResidualStages` stacks
autoencoders, each of which sees only what the former ones do not explain.

References
----------
D. Till, "Do sparse autoencoders find true features?" (2024), and L. Riggs Smith in the comments there.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array, namespace
from overica.persistence import Journal
from overica.rows import opened
from overica.sae.base import SparseAutoencoder
from overica.sae.freezing import begin_with
from overica.sae.module import Autoencoder
from overica.sae.orthogonality import OrthogonalityPenalty
from overica.sae.staging import Stages


class FrozenStages(Stages):
    """One autoencoder that grows: the features of earlier stages are frozen, all code a sample together.

    Stage i trains a network of ``n_1 + ... + n_i`` features, of which the first ``n_1 + ... + n_(i-1)`` keep the
    encoder and the decoder that they ended the stage before with; their pre-activations stay the same, see
    `overica.sae.freezing.Frozen`. The number of active codes grows with the width. An `OrthogonalityPenalty` acts
    among the new directions and between new and frozen ones, which costs O(m n d) for m new ones of n.

    Parameters, attributes and errors are those of `Stages`.

    References
    ----------
    D. Till, "Do sparse autoencoders find true features?" (2024).

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import FrozenStages, TopKSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = FrozenStages(TopKSAE(12, n_active=2, n_steps=100, random_state=0)).fit(data.X)
    >>> first, last = sae.estimators_
    >>> first.components_.shape, last.components_.shape
    ((6, 8), (12, 8))
    >>> bool(abs(sae.components_[:6] - first.components_).max() < 1e-6)
    True
    """

    cumulative = True

    def _train(self, estimator: SparseAutoencoder, X: Array, journal: Journal) -> None:
        if not self.estimators_:
            estimator._fit(X, journal)
            return
        former = self.estimators_[-1]
        penalty = estimator.orthogonality
        if isinstance(penalty, OrthogonalityPenalty):
            frozen = clone(penalty).set_params(n_frozen=former.n_components_)
            estimator.set_params(orthogonality=frozen)
        estimator._fit(X, journal, partial(_grown, estimator, former), told=True)

    def _publish(self) -> None:
        last = self.estimators_[-1]
        self.components_, self.offset_ = last.components_, last.offset_

    def transform(self, X: Array) -> Array:
        """Codes of samples, by the last stage's encoder, which holds all features.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.

        Returns
        -------
        array (n_samples, n_components)
            Not negative; in units of X, dtype and library of X.
        """
        check_is_fitted(self)
        return self.estimators_[-1].transform(X)


class ResidualStages(Stages):
    """A sum of autoencoders, each trained on what the former ones leave unexplained.

    With ``r_1 = x`` and ``r_(i+1) = r_i - x_hat_i``, stage i codes and reconstructs r_i; codes are concatenated,
    reconstructions and offsets are summed. Every stage meets its own number of active codes. An orthogonality penalty
    acts within a stage. Training holds one copy of X in memory from the second stage on.

    Parameters, attributes and errors are those of `Stages`.

    References
    ----------
    L. Riggs Smith, in the comments of D. Till, "Do sparse autoencoders find true features?" (2024).

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import ResidualStages, TopKSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = ResidualStages(TopKSAE(12, n_active=2, n_steps=100, random_state=0)).fit(data.X)
    >>> [estimator.components_.shape for estimator in sae.estimators_]
    [(6, 8), (6, 8)]
    >>> int((sae.transform(data.X) > 0).sum(axis=1).max())
    2
    """

    cumulative = False

    def _train(self, estimator: SparseAutoencoder, X: Array, journal: Journal) -> None:
        told = bool(self.estimators_)
        estimator._fit(self._coded(X)[1] if told else X, journal, told=told)

    def _publish(self) -> None:
        self.components_ = np.vstack([stage.components_ for stage in self.estimators_])
        self.offset_ = np.sum([stage.offset_ for stage in self.estimators_], axis=0)

    def transform(self, X: Array) -> Array:
        """Codes of samples, stage after stage on what is left of them.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.

        Returns
        -------
        array (n_samples, n_components)
            Not negative; in units of X, dtype and library of X.
        """
        check_is_fitted(self)
        codes, _ = self._coded(X)
        return namespace(*codes).concat(codes, axis=1)

    def _coded(self, X: Array) -> tuple[list[Array], Array]:
        """Codes of every stage that there is, and what they leave unexplained."""
        codes: list[Array] = []
        X = residual = X if namespace(X) is not namespace(0.0) else opened(X)
        for stage in self.estimators_:
            codes.append(stage.transform(residual))
            if len(codes) == 1:
                residual = namespace(codes[0]).asarray(X, dtype=codes[0].dtype)
            residual = residual - stage.inverse_transform(codes[-1])
        return codes, residual


def _grown(
    estimator: SparseAutoencoder,
    former: SparseAutoencoder,
    n_features: int,
    n_components: int,
    n_active: float | None,
    rng: np.random.Generator,
) -> Autoencoder:
    """The estimator's untrained network with the former one's features in it, frozen."""
    network = estimator._network(n_features, n_components, n_active, rng)
    return begin_with(network, former.module_, former.unit_, former.centre_)
