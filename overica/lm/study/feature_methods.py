"""What the study of activations compares: ways to features, and the codes they give at a level of sparsity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.estimator import OvercompleteICA
from overica.lm.study.isotropic_units import Whitening
from overica.sae import SAES, fine_tune_scale

_TUNED = 8192


class Learner(Protocol):
    """A fitted method, as the study uses it."""

    dictionary: Dictionary
    """The features in the space of the activations: rows of unit norm, and an offset."""

    def at(self, n_active: float, X: np.ndarray) -> Featuriser:
        """Codes with a mean number of active features, chosen on samples; it encodes and decodes activations."""
        ...

    def evidence(self, X: np.ndarray) -> float:
        """Mean log evidence of samples in nats; NaN where the method is no density."""
        ...

    def facts(self) -> dict[str, float]:
        """Figures of the fit itself."""
        ...


@dataclass(frozen=True)
class Assignment:
    """What a method is told."""

    n_components: int
    n_active: float
    """A method that sweeps is fitted for this level."""
    seed: int
    n_steps: int
    """Of an autoencoder."""
    ica_steps: int
    """Of independent components."""
    batch_size: int = 1024


def exact_coder(
    dictionary: Dictionary, X: np.ndarray, n_active: float, *, nonnegative: bool
) -> SparseCoder:
    """Basis pursuit denoising on a dictionary, freed of shrinkage, with a mean number of active features on samples.

    Every feature costs the same, as in the encoders that this stands beside. (The scales that a model of ICA has
    learned make rare large sources cheap, and a penalty that is raised to a smaller number of active features than the
    model's own then silences nearly all the others.)

    References
    ----------
    Chen, Donoho and Saunders 1998, "Atomic decomposition by basis pursuit", SIAM Journal on Scientific Computing 20.
    """
    coder = SparseCoder(
        dictionary.components,
        n_active=n_active,
        method="debiased",
        nonnegative=nonnegative,
        offset=dictionary.offset,
    )
    return coder.fit(X)


class ICALearner:
    """Overcomplete ICA of activations, perhaps whitened ones."""

    def __init__(self, ica: OvercompleteICA, whitening: Whitening) -> None:
        self._ica, self._whitening = ica, whitening
        rows = whitening.back(np.asarray(ica.components_, np.float64))
        offset = whitening.back(np.asarray(ica.offset_, np.float64)[None])[0]
        self.dictionary = Dictionary.of_rows(rows, offset).unit()
        self._nonnegative = ica.model_.prior.nonnegative
        self.parents = None if ica.presences_ is None else ica.parents_

    def at(self, n_active: float, X: np.ndarray) -> Featuriser:
        """See `Learner.at`: exact codes."""
        return exact_coder(self.dictionary, X, n_active, nonnegative=self._nonnegative)

    def evidence(self, X: np.ndarray) -> float:
        """See `Learner.evidence`; in the units of the activations, whatever the space of the fit."""
        return self._ica.score(self._whitening.there(X)) + self._whitening.log_volume

    def facts(self) -> dict[str, float]:
        """See `Learner.facts`: penalty and noise in units of the variance, median presence."""
        return {
            "penalty": float(self._ica.model_.penalty),
            "noise_variance": float(self._ica.model_.noise_variance),
            "median_presence": float(np.median(self._ica.presence_)),
            "n_active_learning": float(self._ica.history_["n_active"][-1]),
        }


class SAELearner:
    """A trained sparse autoencoder: its codes are those it was trained to give."""

    def __init__(self, sae: Any) -> None:
        self._sae = sae
        self.dictionary = Dictionary.of(sae)

    def at(self, n_active: float, X: np.ndarray) -> Featuriser:
        """See `Learner.at`: the encoder as it is, since it was trained for this level."""
        sae: Featuriser = self._sae
        return sae

    def evidence(self, X: np.ndarray) -> float:
        """NaN: an autoencoder is no density."""
        return float("nan")

    def facts(self) -> dict[str, float]:
        """See `Learner.facts`: how far training went."""
        explained = np.array(self._sae.history_["explained_variance"])
        last = max(1, len(explained) // 10)
        return {
            "explained_in_training": float(explained[-last:].mean()),
            "rise_over_last_tenth": float(
                explained[-last:].mean() - explained[-2 * last : -last].mean()
            ),
        }


@dataclass(frozen=True)
class FeatureMethod:
    """One way to features; a method of your own is one line in `FEATURE_METHODS`."""

    name: str
    label: str
    family: str
    """"ica" or "sae"."""
    nonnegative: bool
    """Whether codes cannot be negative; if they can, a feature and its opposite are one."""
    sweeps: bool
    """Whether it is fitted anew for each level of sparsity; the others are fitted once and encode at each."""
    fit: Callable[[Assignment, np.ndarray], Learner]


def _ica(prior: str, ridge: float | None = None) -> Callable[[Assignment, np.ndarray], Learner]:
    def fit(assignment: Assignment, X: np.ndarray) -> Learner:
        whitening = Whitening.none(X.shape[1]) if ridge is None else Whitening.of(X, ridge)
        ica = OvercompleteICA(
            assignment.n_components,
            prior=prior,
            # Activations are centred for both priors: their mean is no feature, and the autoencoders have a bias too.
            center=True,
            # The study whitens, or does not, itself.
            whiten=False,
            overprovision=1.0,
            max_iter=assignment.ica_steps,
            batch_size=max(assignment.batch_size, assignment.n_components),
            random_state=assignment.seed,
        )
        return ICALearner(ica.fit(whitening.there(X)), whitening)

    return fit


def _sae(name: str) -> Callable[[Assignment, np.ndarray], Learner]:
    def fit(assignment: Assignment, X: np.ndarray) -> Learner:
        sae = SAES[name](
            assignment.n_components,
            n_active=assignment.n_active,
            n_steps=assignment.n_steps,
            batch_size=assignment.batch_size,
            random_state=assignment.seed,
        )
        sae.fit(X)
        # What the penalty takes from the sizes of codes is given back, to an autoencoder as to ICA.
        return SAELearner(fine_tune_scale(sae, X[:_TUNED]) if name == "relu" else sae)

    return fit


FEATURE_METHODS: Mapping[str, FeatureMethod] = {
    method.name: method
    for method in (
        FeatureMethod("ica", "ICA (Laplace)", "ica", False, False, _ica("laplace")),
        FeatureMethod(
            "ica_nonnegative", "ICA (exponential)", "ica", True, False, _ica("exponential")
        ),
        FeatureMethod(
            "ica_whitened", "ICA (Laplace, whitened)", "ica", False, False, _ica("laplace", 0.01)
        ),
        FeatureMethod("relu", "L1 autoencoder", "sae", True, True, _sae("relu")),
        FeatureMethod("batchtopk", "BatchTopK", "sae", True, True, _sae("batchtopk")),
        FeatureMethod("matryoshka", "Matryoshka", "sae", True, True, _sae("matryoshka")),
        FeatureMethod("topk", "TopK", "sae", True, True, _sae("topk")),
        FeatureMethod("jumprelu", "JumpReLU", "sae", True, True, _sae("jumprelu")),
    )
}
"""Methods of the study by name."""

DEFAULT_METHODS = ("ica", "ica_nonnegative", "relu", "batchtopk", "matryoshka")
