"""A fitted model in the units of the samples: its attributes, its codes, and how probable it finds samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array, check_array, check_scalar
from overica.learning import Model, log_evidence
from overica.learning.ascent import State
from overica.learning.posterior import codes_of
from overica.learning.units import Units
from overica.presence import PresenceModel
from overica.ranges import unit_columns, unit_rows
from overica.rows import Rows, Stream
from overica.rows.parts import part_by_part
from overica.transformer import DictionaryTransformer, like

_CHUNK = 8192


class FittedModel(DictionaryTransformer):
    """Base of `OvercompleteICA`: what `model_` and `units_` say, in units of X.

    These two are all that is kept. The other attributes are read off them, and setting one sets them. Arrays
    that are read off are read-only, since a change of their entries would reach nobody.
    """

    units_: Units
    """The map from samples to what `model_` is of."""
    history_: dict[str, list[float]]
    n_features_in_: int
    _learning: State
    """`model_`, and where learning stands."""
    _presences: PresenceModel | None = None
    _parents: np.ndarray | None = None

    @property
    def model_(self) -> Model:
        """What was learned, of ``units_.forward(X)`` and with every source of scale one."""
        return self._learning.model

    @model_.setter
    def model_(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise ValueError(f"`model_` must be a Model, got {type(model).__name__}")
        shape = {"n_dimensions": self.units_.n_dimensions, "n_components": None}
        mixing = np.asarray(check_array(model.mixing, "model_.mixing", shape), np.float64)
        before, learning = self.model_, self._learning
        self._learning = replace(
            learning,
            model=replace(model, mixing=mixing),
            activity=learning.activity if mixing.shape == before.mixing.shape else None,
            scheduled=learning.scheduled if model.penalty == before.penalty else None,
        )
        self._presences = None

    @property
    def presences_(self) -> PresenceModel | None:
        """The model of ``units_.forward(X)`` in which presences depend on each other, by which codes and evidence go.

        None where sources are independent, and as soon as `model_`, or what is read off it, is set.
        """
        return self._presences

    @property
    def parents_(self) -> np.ndarray:
        """The component that each one needs, -1 for those that need none, (n_components,)."""
        if self._presences is None or self._parents is None:
            return np.full(self.n_components_, -1)
        return self._parents.copy()

    @property
    def mixing_(self) -> np.ndarray:
        """A, columns of unit norm, (n_features, n_components); of one that is set, directions count alone."""
        return self._shown(self._columns / self._lengths)

    @mixing_.setter
    def mixing_(self, value: Array) -> None:
        A = unit_columns(np.asarray(check_array(value, "mixing_", self._shape), np.float64))
        zero = ~A.any(axis=0)
        if zero.any():
            raise ValueError(f"`mixing_` must have no zero column, got {int(zero.sum())}")
        self.model_ = replace(self.model_, mixing=self.units_.own(A * self._lengths))

    @property
    def components_(self) -> np.ndarray:
        """Atoms as rows, ``mixing_.T``, (n_components, n_features)."""
        return self.mixing_.T

    @components_.setter
    def components_(self, value: Array) -> None:
        shape = dict(reversed(self._shape.items()))
        self.mixing_ = np.asarray(check_array(value, "components_", shape)).T

    @property
    def scales_(self) -> np.ndarray:
        """theta, the scale of each source's prior, in units of X, (n_components,)."""
        return self._shown(self._lengths)

    @scales_.setter
    def scales_(self, value: Array) -> None:
        theta = self._of_components(value, "scales_")
        if not (theta > 0).all():
            raise ValueError(f"`scales_` must be positive, got {theta.min()}")
        model = self.model_
        self.model_ = replace(model, mixing=model.mixing * (theta / self._lengths))

    @property
    def presence_(self) -> np.ndarray:
        """Probability that a source is present at all in a sample, (n_components,); used by `score` alone."""
        return self._shown(np.broadcast_to(self.model_.presence, (self.n_components_,)))

    @presence_.setter
    def presence_(self, value: Array) -> None:
        rho = self._of_components(value, "presence_")
        if not ((rho >= 0) & (rho <= 1)).all():
            raise ValueError(f"`presence_` must lie in [0, 1], got {rho.min()} to {rho.max()}")
        self.model_ = replace(self.model_, presence=rho)

    @property
    def noise_variance_(self) -> float:
        """sigma^2, in squared units of X; used by `score` alone. See `OvercompleteICA` on whitened samples."""
        return self.units_.variance(self.model_.noise_variance)

    @noise_variance_.setter
    def noise_variance_(self, value: float) -> None:
        value = check_scalar(value, "noise_variance_", strict=True)
        self.model_ = replace(self.model_, noise_variance=self.units_.own_variance(value))

    @property
    def penalty_(self) -> float:
        """lambda, what weighs the cost of ``codes / scales_``, in squared units of X; see the estimator on zero."""
        return float(self.model_.penalty * self.unit_ * self.unit_)

    @penalty_.setter
    def penalty_(self, value: float) -> None:
        determined = self.n_components_ <= self.units_.n_dimensions
        value = check_scalar(value, "penalty_", strict=not determined) / self.unit_ / self.unit_
        self.model_ = replace(self.model_, penalty=value)

    @property
    def mean_(self) -> np.ndarray:
        """Subtracted from X; zeros if not centred."""
        return self._shown(self.units_.mean)

    @mean_.setter
    def mean_(self, value: Array) -> None:
        mean = check_array(value, "mean_", {"n_features": self.n_features_in_})
        self.units_ = replace(self.units_, mean=np.array(mean, self.units_.mean.dtype))

    @property
    def unit_(self) -> float:
        """Size of an entry of X: root mean square about `mean_`."""
        return self.units_.unit

    @property
    def offset_(self) -> np.ndarray:
        """What codes that are all zero stand for: `mean_`."""
        return self.mean_

    @offset_.setter
    def offset_(self, value: Array) -> None:
        self.mean_ = value

    @property
    def n_components_(self) -> int:
        """Number of sources."""
        return int(self.model_.mixing.shape[1])

    @property
    def n_iter_(self) -> int:
        """Learning steps taken, over all runs."""
        return len(self.history_["penalty"])

    def transform(self, X: Array) -> Array:
        """Certified maximum a posteriori sources of samples.

        ``argmin_s |W (x - mean - A s)|^2 / (2 lambda) + sum_j cost_j(s_j)``, at `penalty_` and `scales_`, where W is
        that of `units_`, the identity if nothing was whitened. Where `penalty_` is zero (sources of any shape, no more
        than there are features) that is its limit, ``A^+ (x - mean)``, whatever the cost.

        Where presences depend on each other (`presences_`), codes are the posterior means given one support: exact for
        that support, which is the best that additions, removals and exchanges of single sources lead to, but not
        certified to be the best of all; `overica.presence.certify` bounds what another could gain.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.

        Returns
        -------
        array (n_samples, n_components)
            In units of X, dtype and library of X.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If the duality gap of a sample missed its tolerance.
        """
        check_is_fitted(self)
        original, X = X, self._validated(X, reset=False)
        if self._presences is not None:
            return like(self._dependent_codes(self._presences, X), original)
        # In units of X: what is solved is what is handed back, and plainly nothing is copied on the way.
        units, theta = self.units_, self._lengths
        model = replace(
            self.model_,
            mixing=self.model_.mixing * (units.unit / theta),
            prior=self.model_.prior.with_scale(theta),
            penalty=self.penalty_,
        )
        codes = part_by_part(lambda part: codes_of(model, units.coordinates(part)), X, _CHUNK)
        return like(codes, original)

    def score_samples(self, X: Array) -> np.ndarray:
        """Log evidence of every sample, ``log p(x)``, in nats; higher is better.

        Each source is present with the learned probability `presence_`, and then has the learned prior. The integral
        over the sources is Gaussian over those active at the mode, times, per source, a line integral for what a
        Gaussian misses at the kink of the prior; see `overica.learning.log_evidence`. Where `penalty_` is zero there is
        no integral, and the density is exact. With `presences_` it is ``log p(x, b)`` of the support found, codes
        integrated out: a lower bound on ``log p(x)``.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.

        Returns
        -------
        array (n_samples,)
            Of a density in units of X, whitened or not: ``log p(z) + log |det dz/dx|``. Where samples were whitened
            that fill fewer dimensions than there are features, there is no density in all of them: it is that of the
            sample's projection, per volume within the space that the samples of the fit spanned, and what lies across
            it does not count.

        Notes
        -----
        Against exact quadrature, in the model itself with two or three sources, the mean absolute error is between
        .002 and .35 nats per sample, the bias between -.35 and +.07; `overica.learning.log_evidence` has the table.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        joint = self._presences

        def evidence(part: np.ndarray) -> np.ndarray:
            Z = self.units_.forward(part.astype(np.float64))
            return log_evidence(self.model_, Z) if joint is None else joint.log_evidence(Z)

        return part_by_part(evidence, X, _CHUNK) + self.units_.log_det

    def score(self, X: Array, y: Any = None) -> float:
        """Mean log evidence of samples in nats per sample, that of `score_samples`; higher is better.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.
        y : ignored

        Returns
        -------
        float
            In the units of X: scaling X by c lowers it by ``log(c)`` per dimension.
        """
        return float(self.score_samples(X).mean())

    def coding_cost(self, X: Array, precision: float) -> float:
        """Bits to code a sample to a precision, ``-log2 p(x) - n_features log2(precision)``.

        The cost of Lewicki and Sejnowski (2000), section 5: the probability of a cell of side `precision`. Of samples
        that were whitened in fewer dimensions those count.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.
        precision : float
            Side of a quantisation cell, in units of X; positive.

        Returns
        -------
        float
            Mean bits per sample.
        """
        precision = check_scalar(precision, "precision", strict=True)
        n_dimensions = self.units_.n_dimensions
        return -self.score(X) / np.log(2) - n_dimensions * float(np.log2(precision))

    def _dependent_codes(self, model: PresenceModel, X: np.ndarray | Rows | Stream) -> np.ndarray:
        """Posterior means on the supports found, in units of X."""
        # A source is one in `model_` where it is at the mean of its slab.
        scale = self._lengths / model.slab_mean

        def codes(part: np.ndarray) -> np.ndarray:
            Z = self.units_.forward(part.astype(np.float64))
            return np.asarray((model.codes(Z) * scale).astype(part.dtype))

        return part_by_part(codes, X, _CHUNK)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learning")

    @property
    def _columns(self) -> np.ndarray:
        """A diag(theta), in units of X."""
        return self.units_.columns(self.model_.mixing)

    @property
    def _lengths(self) -> np.ndarray:
        """theta in units of X; `unit_` where a column is zero and has no direction either."""
        norms = unit_rows(self._columns.T)[1]
        return np.where(norms > 0, norms, self.unit_)

    @property
    def _shape(self) -> dict[str, int | None]:
        return {"n_features": self.n_features_in_, "n_components": self.n_components_}

    def _shown(self, array: np.ndarray) -> np.ndarray:
        """In the dtype of the samples, read-only."""
        shown = np.array(array, self.units_.mean.dtype)
        shown.flags.writeable = False
        return shown

    def _of_components(self, value: Array, name: str) -> np.ndarray:
        values = check_array(value, name, {"n_components": self.n_components_})
        return np.array(values, np.float64)
