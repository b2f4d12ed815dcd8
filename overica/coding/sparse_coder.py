"""Codes on a given dictionary, in scikit-learn's style."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from overica._validation import Array, as_numpy, check_array, check_choice, check_flag, check_scalar
from overica.coding.coder import Coder
from overica.coding.debiased import Debiased
from overica.coding.dictionary import Dictionary
from overica.coding.maximum_posterior import MaximumPosterior, penalty_at
from overica.coding.oracle import Oracle
from overica.coding.parameter_checks import check_levels, check_supports, prior_in_units
from overica.coding.pursuit import MatchingPursuit
from overica.priors import Prior
from overica.transformer import DictionaryTransformer, like

CODERS: dict[str, type[Coder]] = {
    "map": MaximumPosterior,
    "omp": MatchingPursuit,
    "debiased": Debiased,
    "oracle": Oracle,
}
"""Ways to codes by name."""


class SparseCoder(DictionaryTransformer):
    """Codes of samples on a dictionary that is given: ``X ~ S @ components + offset``.

    ============  =============================================================  ============================
    method        codes                                                          goes by
    ============  =============================================================  ============================
    "map"         ``argmin_s |x - D's|^2 / 2 + penalty sum_j cost_j(s_j)``,      `prior`, and `penalty` or
                  certified by a duality gap                                     `n_active`
    "debiased"    least squares on the supports of "map", as far as no sign      the same; an l1 cost
                  changes
    "omp"         orthogonal matching pursuit                                    `n_active`, an integer
    "oracle"      least squares on the true supports                             ``transform(X, supports)``
    ============  =============================================================  ============================

    Parameters
    ----------
    components : array (n_components, n_features)
        D, the atoms as rows, of any length. With a penalty longer atoms are cheaper; rows of zero have codes of zero.
    prior : str or Prior, optional
        Of the codes, a name in `overica.priors.PRIORS` or an instance. By default Laplace, whose cost is ``|s|``, or,
        if `nonnegative`, exponential.
    n_active : float, optional
        Atoms per sample: just so many, or fewer where nothing is left of a sample, of "omp"; else the mean number, for
        which the penalty is sought, see `penalty_at`, on the samples of `fit`. Without `fit`, `transform` seeks it on
        its own samples.
    penalty : float, optional
        Positive, in squared units of X: what weighs the cost, sigma^2 of the noise.
    method : str
        A name in `CODERS`.
    nonnegative : bool
        Codes may not be negative.
    offset : array (n_features,), optional
        What codes of zero stand for; zero by default.

    Attributes
    ----------
    penalty_ : float
        After `fit`, of the methods that have one: as given, or found.

    Notes
    -----
    `fit` learns nothing but the penalty, and checks the parameters. float32 comes back as float32; least squares are
    computed in double precision whatever the samples are. Torch tensors come back as tensors on their device.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import SparseCoder
    >>> D = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> X = np.array([[1.2, 1.6], [3.0, 0.0]])
    >>> SparseCoder(D, penalty=0.1).fit_transform(X).round(3)
    array([[0. , 1.9, 0. ],
           [2.9, 0. , 0. ]])
    >>> SparseCoder(D, n_active=1, method="omp").fit_transform(X).round(3)
    array([[0., 2., 0.],
           [3., 0., 0.]])
    >>> coder = SparseCoder(D, n_active=1, method="debiased", nonnegative=True).fit(X)
    >>> coder.inverse_transform(coder.transform(X)).round(3)
    array([[1.2, 1.6],
           [3. , 0. ]])
    >>> supports = np.array([[True, False, True], [True, False, False]])
    >>> SparseCoder(D, method="oracle").transform(X, supports=supports).round(3)
    array([[1.2, 0. , 1.6],
           [3. , 0. , 0. ]])
    """

    penalty_: float
    _fewest_samples = 1

    def __init__(
        self,
        components: Array,
        *,
        prior: str | Prior | None = None,
        n_active: float | None = None,
        penalty: float | None = None,
        method: str = "map",
        nonnegative: bool = False,
        offset: Array | None = None,
    ) -> None:
        self.components = components
        self.prior = prior
        self.n_active = n_active
        self.penalty = penalty
        self.method = method
        self.nonnegative = nonnegative
        self.offset = offset

    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the parameters and, where `n_active` stands for a penalty, find it.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            An array, memory map or tensor of any float type; a list of such shards; an `ActivationStore`; a torch
            `Dataset` or `DataLoader`, or other batches that come anew each time they are iterated. See
            `overica.rows.opened`. Taken into memory.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or a parameter is malformed, or parameters contradict each other or the method.
        """
        X = np.asarray(self._validated(X, reset=True))
        dictionary = self._dictionary(X)
        told = self._told(dictionary, X, None)
        if "penalty" in told:
            self.penalty_ = told["penalty"]
        return self

    def transform(self, X: Array, supports: Array | None = None) -> Array:
        """Codes of samples.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.
        supports : array (n_samples, n_components) of bool, optional
            Codes that may differ from zero, for the method "oracle".

        Returns
        -------
        array (n_samples, n_components)
            Multiples of the rows of `components`, in dtype and library of X.

        Raises
        ------
        ValueError
            As `fit`; or if `supports` are missing, or given to another method.
        """
        original, X = X, np.asarray(self._validated(X, reset=False))
        dictionary = self._dictionary(X)
        told = self._told(dictionary, X, getattr(self, "penalty_", None))
        kind = CODERS[self.method]
        if "supports" in kind.takes():
            told["supports"] = check_supports(supports, (len(X), self.n_components_))
        elif supports is not None:
            raise ValueError(f"`supports` mean nothing to the method {self.method!r}")
        codes = kind(**told).codes(dictionary, X)
        norms = np.where(dictionary.norms > 0, dictionary.norms, 1.0)
        return like((codes / norms).astype(X.dtype, copy=False), original)

    @property
    def components_(self) -> np.ndarray:  # type: ignore[override]
        """The atoms as rows, as they were given, (n_components, n_features)."""
        shape = {"n_components": None, "n_features": None}
        return as_numpy(check_array(self.components, "components", shape))

    @property
    def offset_(self) -> np.ndarray:  # type: ignore[override]
        """What codes that are all zero stand for: `offset`, or zeros, (n_features,)."""
        n_features = self.components_.shape[1]
        if self.offset is None:
            return np.zeros(n_features)
        return as_numpy(check_array(self.offset, "offset", {"n_features": n_features}))

    def _dictionary(self, X: np.ndarray) -> Dictionary:
        dictionary = Dictionary.of_rows(self.components, self.offset)
        n_features = dictionary.components.shape[1]
        if X.shape[1] != n_features:
            raise ValueError(
                f"`X` must have shape (n_samples, n_features={n_features}), got {X.shape}"
            )
        return dictionary

    def _told(self, dictionary: Dictionary, X: np.ndarray, penalty: float | None) -> dict[str, Any]:
        """What the coder goes by, but for the supports; `penalty` is one that was found before."""
        takes = CODERS[check_choice(self.method, "method", CODERS)].takes()
        check_levels(self.method, takes, self.n_active, self.penalty)
        told: dict[str, Any] = {"nonnegative": check_flag(self.nonnegative, "nonnegative")}
        if "n_active" in takes:
            told["n_active"] = check_scalar(self.n_active, "n_active", minimum=1, integer=True)
        if "prior" in takes:
            told["prior"] = prior_in_units(self.prior, told["nonnegative"], dictionary.norms)
        elif self.prior is not None:
            raise ValueError(
                f"`prior` means nothing to the method {self.method!r}, got {self.prior!r}"
            )
        if "penalty" in takes:
            if self.penalty is not None:
                penalty = check_scalar(self.penalty, "penalty", strict=True)
            elif penalty is None:
                n_active = check_scalar(self.n_active, "n_active", strict=True)
                most = min(dictionary.components.shape)
                if n_active > most:
                    raise ValueError(
                        f"`n_active` must be at most {most}, the largest support of l1 codes on `components` of shape "
                        f"{dictionary.components.shape}, got {n_active}"
                    )
                penalty = penalty_at(dictionary, X, n_active, told["prior"])
            else:
                penalty = check_scalar(penalty, "penalty_", strict=True)
            told["penalty"] = penalty
        return {name: value for name, value in told.items() if name in takes}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags
