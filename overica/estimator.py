"""The estimator: overcomplete independent component analysis with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array, check_scalar
from overica.checkpoint import Persistent
from overica.inference import Solver
from overica.learning import (
    Fit,
    LearningRule,
    Model,
    Samples,
    State,
    choose_search,
    codes_of,
    log_evidence,
)
from overica.parameters import fit_settings, resolve_device, template
from overica.priors import Prior, prior_from_config, prior_to_config
from overica.progress import StepProgress
from overica.random_state import generator
from overica.ranges import normalised
from overica.schedules import Schedule
from overica.transformer import DictionaryTransformer, like

_CHUNK = 8192
_ARRAYS = ("mixing_", "mean_", "scales_", "presence_")


class OvercompleteICA(Persistent, DictionaryTransformer):
    """Overcomplete independent component analysis (Lewicki and Sejnowski), from a random start.

    The model of a sample is

        x = mean + A s + e,    e ~ N(0, sigma^2 I),    p(s) = prod_j p_j(s_j),

    with any number of sources, more than features included, and a sparse prior such as Laplace. A, the noise
    sigma^2 and the sources' scales are learned by ascent of the evidence ``log p(x) = log integral p(x | s) p(s) ds``;
    codes are the exact maximum a posteriori sources, certified by a duality gap.

    Parameters
    ----------
    n_components : int, "auto" or None
        Number of sources, any number from 1. None: as many as features. "auto": found by fitting surplus columns and
        counting what is left once copies are merged (with two features: by the exact evidence).
    prior : {"laplace", "exponential", "smooth_laplace"} or Prior
        Distribution of the sources. "exponential" is for sources that are never negative. Of an instance the
        scale is ignored, since scales are learned.
    rule : {"evidence", "natural", "inverse"} or LearningRule
        "evidence" works from a random start. "natural" is the published rule, "inverse" a variant; both
        collapse, and are here to be studied.
    solver : {"auto", "active_set", "fista", "interior_point"} or Solver
        Finds the codes. "auto" is the compiled exact solver where it applies.
    init : {"orthogonal", "low_coherence", "data"} or array (n_features, n_components)
        Where learning starts. From an array it runs once and plainly, without surplus columns or restarts; the lengths
        of the array's columns do not matter.
    noise_variance : float or None
        sigma^2 in squared units of X; None learns it.
    annealing : (float, float)
        Noise level in the first step and from 70 % of the steps on, relative to the data: sigma^2 is the level times
        ``sqrt(n_features)`` for data of unit variance and sources of unit scale. Lower ends suit cleaner data with
        less sparse sources; starts that are too low go astray.
    learning_rate : float
        Peak share of a Newton-like step that a learning step takes.
    schedule : {"cosine", "constant"} or Schedule
        Course of the learning rate: warm-up and cosine decay, or constant.
    max_iter : int
        Steps of a run. A fit is a few such runs, see `n_restarts`; it has no other end.
    batch_size : int or None
        Samples per step; None takes 1500, or four per component if that is more. Memory of a fit grows with this, not
        with n_samples.
    overprovision : float
        Columns fitted per column wanted, at least 1; the surplus is merged away at the end.
    n_restarts : int or None
        Starts to race by held-out evidence. None: 1 from eight features on, 4 below, 8 with two.
    center : bool or "auto"
        Subtract the mean. "auto" does so for signed priors; the mean of non-negative sources is part of the signal.
    random_state : int, numpy RandomState, numpy Generator or None
        Source of every draw. Same seed, same machine, same answer.
    device : str
        Torch device for codes that the compiled solver does not serve; "auto" takes CUDA for those if there is one.
    verbose : int
        1 shows a progress bar.
    callback : callable or None
        Called after every step with a dict of that step's figures, those of `history_`.

    Attributes
    ----------
    mixing_ : array (n_features, n_components)
        A, columns of unit norm.
    components_ : array (n_components, n_features)
        ``mixing_.T``, the atoms as rows.
    mean_ : array (n_features,)
        Subtracted from X; zeros if not centred.
    scales_ : array (n_components,)
        theta, the scale of each source's prior, in units of X.
    presence_ : array (n_components,)
        Probability that a source is present at all in a sample; used by `score` alone.
    noise_variance_ : float
        sigma^2, in squared units of X; used by `score` alone.
    penalty_ : float
        lambda, in squared units of X: the noise level at which codes are inferred, with penalty ``lambda / theta_j`` of
        source j. Chosen by held-out evidence, and above sigma^2 where sources are mostly absent: at the penalty
        of a low noise a Laplace code has as many active sources as features, whatever the truth.
    n_components_ : int
        Number of sources.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    n_iter_ : int
        Learning steps taken, over all runs.
    history_ : dict of str to list
        Figures of every step: noise variance, learning rate, mean number of active sources, unexplained share of
        the variance, dead share, smallest and largest norm, median relative change, log evidence (nats per sample in
        normalised units; NaN where not computed), restart.

    Raises
    ------
    ValueError
        For malformed data or parameters: says which, what was expected, and what came.
    LearningError
        If learning explodes or every component dies: says when, and what to change.

    Notes
    -----
    Memory beyond X grows with `batch_size` and n_components, and X may be memory-mapped. Fitted sources come in no
    particular order, and with signed priors with either sign.

    References
    ----------
    Lewicki and Sejnowski (2000), "Learning overcomplete representations", Neural Computation 12.

    Examples
    --------
    Three sources in two mixtures:

    >>> import numpy as np
    >>> from overica import OvercompleteICA
    >>> from overica.datasets import make_mixture
    >>> from overica.metrics import share_recovered
    >>> data = make_mixture(5000, 2, 3, "laplace", random_state=0)
    >>> ica = OvercompleteICA(n_components=3, random_state=0).fit(data.X)
    >>> share_recovered(ica.mixing_, data.mixing)
    1.0
    >>> ica.transform(data.X).shape
    (5000, 3)
    """

    mixing_: np.ndarray
    mean_: np.ndarray
    scales_: np.ndarray
    presence_: np.ndarray
    noise_variance_: float
    penalty_: float
    n_components_: int
    n_features_in_: int
    n_iter_: int
    history_: dict[str, list[float]]

    def __init__(
        self,
        n_components: int | str | None = None,
        *,
        prior: str | Prior = "laplace",
        rule: str | LearningRule = "evidence",
        solver: str | Solver = "auto",
        init: str | np.ndarray = "orthogonal",
        noise_variance: float | None = None,
        annealing: tuple[float, float] = (0.5, 0.05),
        learning_rate: float = 1.0,
        schedule: str | Schedule = "cosine",
        max_iter: int = 300,
        batch_size: int | None = None,
        overprovision: float = 1.3,
        n_restarts: int | None = None,
        center: bool | str = "auto",
        random_state: Any = None,
        device: str = "auto",
        verbose: int = 0,
        callback: Callable[[dict[str, float]], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.prior = prior
        self.rule = rule
        self.solver = solver
        self.init = init
        self.noise_variance = noise_variance
        self.annealing = annealing
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.overprovision = overprovision
        self.n_restarts = n_restarts
        self.center = center
        self.random_state = random_state
        self.device = device
        self.verbose = verbose
        self.callback = callback

    def fit(self, X: Array, y: Any = None) -> Self:
        """Learn mixing matrix, noise and scales.

        Parameters
        ----------
        X : array (n_samples, n_features)
            NumPy array, memory map or torch tensor.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or a parameter is malformed.
        LearningError
            If learning cannot go on.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If the evidence was still rising when the steps ran out.
        """
        X = self._validated(X, reset=True)
        fit, n_components = self._begin(X)
        search = choose_search(fit)
        progress = StepProgress(self.verbose, self.callback)
        fit.report = progress
        try:
            if n_components == "auto":
                n_components = search.count()
            progress.expect(search.n_steps)
            model = search.search(int(n_components))
        except KeyboardInterrupt:
            # Nothing is lost: the best state so far is a fitted estimator.
            if fit.best is not None:
                wanted = None if n_components == "auto" else int(n_components)
                model = search.salvage(wanted)
                self._publish(model, fit, X.dtype)
                self._keep(fit, State(model, step=fit.settings.n_steps))
            raise
        finally:
            progress.close()
        self._publish(model, fit, X.dtype)
        self._keep(fit, State(model, step=fit.settings.n_steps))
        search.warn_if_unsettled()
        return self

    def partial_fit(self, X: Array, y: Any = None) -> Self:
        """One learning step on one batch, for data that never end; after `fit`, it goes on from there.

        The first batch sets mean and scale, so let it be a large one. The noise anneals over the first `max_iter`
        calls; the learning rate stays at its peak. There are no surplus columns, no restarts, and scales and noise
        are those of the step: for the best answer on data at hand use `fit`.

        Parameters
        ----------
        X : array (n_samples, n_features)
            The batch, all of it.
        y : ignored

        Returns
        -------
        self
        """
        first = not hasattr(self, "mixing_")
        X = self._validated(X, reset=first)
        if first:
            begun, n_components = self._begin(X)
            if n_components == "auto":
                raise ValueError('`n_components` must be a number for `partial_fit`, got "auto"')
            start = begun.start(int(n_components))
            self._keep(begun, State(replace(begun.template, mixing=start)))
        fit, state = self._fit, self._state
        ascent = fit.settings.ascent()
        if state.step < fit.settings.n_steps:
            penalty = fit.settings.annealing.penalty(state.step / fit.settings.n_steps, X.shape[1])
            state.model = replace(state.model, penalty=penalty, noise_variance=penalty)
        row = ascent.advance(state, fit.samples.normalise(X), fit.settings.learning_rate)
        for name, value in row.items():
            fit.history.setdefault(name, []).append(value)
        if "restart" in fit.history:
            # After a fit: the steps belong to no new start.
            fit.history["restart"].append(fit.history["restart"][-1])
        if self.callback is not None:
            self.callback(row)
        assert state.activity is not None
        presence = np.clip(state.activity, 1e-6, 1 - 1e-6)
        self._publish(replace(state.model, presence=presence), fit, X.dtype)
        return self

    def prune(self, X: Array) -> Self:
        """Drop the components that the evidence does not miss, one at a time, after a fit with too many.

        Again and again the component that is present least goes and the rest are refined, while the held-out evidence
        of X stays. Directions need not be close to each other to go, as they must to be merged.

        Parameters
        ----------
        X : array (n_samples, n_features)
            The samples of the fit, or others like them.

        Returns
        -------
        self
            With as many components as are left; `n_components` keeps what the fit was asked for.

        Examples
        --------
        Eight columns for three sources:

        >>> import numpy as np
        >>> from overica import OvercompleteICA
        >>> from overica.datasets import make_exponential
        >>> X = make_exponential(5000, random_state=1).X
        >>> angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        >>> start = np.stack([np.cos(angles), np.sin(angles)])
        >>> ica = OvercompleteICA(
        ...     8, prior="exponential", init=start, max_iter=150, random_state=0
        ... ).fit(X)
        >>> ica.prune(X).n_components_
        3
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        fit, _ = self._begin(X)
        fit.history = self.history_
        model = self._model()
        scaled = replace(model, mixing=model.mixing * (self._unit / fit.samples.unit))
        model = choose_search(fit).prune(scaled)
        self._publish(model, fit, X.dtype)
        self._keep(fit, State(model, step=fit.settings.n_steps))
        return self

    def transform(self, X: Array) -> Array:
        """Certified maximum a posteriori sources of samples.

        argmin_s  |x - mean - A s|^2 / (2 lambda) + sum_j cost_j(s_j), at the learned `penalty_` and `scales_`.

        Parameters
        ----------
        X : array (n_samples, n_features)
            NumPy array or torch tensor.

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
        model = self._model()
        S = np.empty((len(X), self.n_components_), X.dtype)
        unit_codes = (self.scales_.astype(np.float64)).astype(X.dtype)
        for start in range(0, len(X), _CHUNK):
            rows = slice(start, start + _CHUNK)
            S[rows] = codes_of(model, self._normalised(X[rows])) * unit_codes
        return like(S, original)

    def score(self, X: Array, y: Any = None) -> float:
        """Mean log evidence of samples, ``log p(x)``, in nats per sample; higher is better.

        Each source is present with the learned probability `presence_`, and then has the learned prior. The integral
        over the sources is Gaussian over those active at the mode, times, per source, a line integral for what a
        Gaussian misses at the kink of the prior; see `overica.learning.log_evidence`.

        Parameters
        ----------
        X : array (n_samples, n_features)
        y : ignored

        Returns
        -------
        float
            In the units of X: scaling X by c lowers it by ``n_features * log(c)``.

        Notes
        -----
        Against exact quadrature, in the model itself with two or three sources, the mean absolute error is between
        .002 and .35 nats per sample, the bias between -.35 and +.07; `overica.learning.log_evidence` has the table.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        model, total = self._model(), 0.0
        for start in range(0, len(X), _CHUNK):
            batch = self._normalised(X[start : start + _CHUNK].astype(np.float64))
            total += float(log_evidence(model, batch).sum())
        return total / len(X) - X.shape[1] * float(np.log(self._unit))

    def coding_cost(self, X: Array, precision: float) -> float:
        """Bits to code a sample to a precision, ``-log2 p(x) - n_features log2(precision)``.

        The cost of Lewicki and Sejnowski (2000), section 5: the probability of a cell of side `precision`.

        Parameters
        ----------
        X : array (n_samples, n_features)
        precision : float
            Side of a quantisation cell, in units of X; positive.

        Returns
        -------
        float
            Mean bits per sample.
        """
        precision = check_scalar(precision, "precision", strict=True)
        n_features = self.n_features_in_
        return -self.score(X) / np.log(2) - n_features * float(np.log2(precision))

    @property
    def components_(self) -> np.ndarray:
        """Atoms as rows, ``mixing_.T``, (n_components, n_features)."""
        return self.mixing_.T

    @property
    def _offset(self) -> np.ndarray:
        return self.mean_

    def _begin(self, X: np.ndarray) -> tuple[Fit, int | str]:
        """A fit of validated samples, and how many components it is to have."""
        n_features = X.shape[1]
        rng = generator(self.random_state)
        start = template(self.prior, self.solver, resolve_device(self.device, self.prior))
        center = not start.prior.nonnegative if self.center == "auto" else self.center
        if center not in (True, False):
            raise ValueError(f'`center` must be True, False or "auto", got {self.center!r}')
        samples = Samples(X, center=bool(center), rng=rng)
        settings, n_components = fit_settings(self, n_features, samples.unit)
        return Fit(start, samples, settings, rng), n_components

    def _keep(self, fit: Fit, state: State) -> None:
        """What `partial_fit` goes on from."""
        fit.settle()
        self._fit, self._state = fit, state

    def _stored(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        check_is_fitted(self)
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self._state.activity is not None:
            arrays["activity"] = self._state.activity
        for name, values in self.history_.items():
            arrays[f"history.{name}"] = np.array(values)
        facts = {
            "prior": prior_to_config(self._prior),
            "unit": self._unit,
            "penalty": self._penalty,
            "noise_variance": self._noise_variance,
            "step": self._state.step,
            "feature_names": getattr(self, "feature_names_in_", np.array([])).tolist(),
        }
        return arrays, facts

    def _restore(self, arrays: dict[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        for name in _ARRAYS:
            setattr(self, name, arrays[name])
        self.n_features_in_, self.n_components_ = self.mixing_.shape
        if facts["feature_names"]:
            self.feature_names_in_ = np.array(facts["feature_names"], dtype=object)
        self._unit, self._penalty = facts["unit"], facts["penalty"]
        self._noise_variance = facts["noise_variance"]
        self.penalty_ = self._penalty * self._unit**2
        self.noise_variance_ = self._noise_variance * self._unit**2
        self._prior = prior_from_config(facts["prior"])
        self._device = resolve_device(self.device, self._prior)
        self._solver = self.solver
        model = self._model()
        history = {
            name.removeprefix("history."): values.tolist()
            for name, values in arrays.items()
            if name.startswith("history.")
        }
        samples = Samples.known(self.mean_, self._unit)
        settings, _ = fit_settings(self, self.n_features_in_, self._unit)
        self._fit = Fit(model, samples, settings, generator(self.random_state), history=history)
        self._state = State(model, arrays.get("activity"), step=facts["step"])
        self.history_, self.n_iter_ = history, len(history["penalty"])

    def _publish(self, model: Model, fit: Fit, dtype: Any) -> None:
        """Fitted attributes from a model in normalised units."""
        norms = np.linalg.norm(model.mixing, axis=0)
        safe = np.where(norms > 0, norms, 1.0)
        self._unit = fit.samples.unit
        self._prior = model.prior
        self._solver, self._device = model.solver, model.device
        self.mixing_ = (model.mixing / safe).astype(dtype)
        self.scales_ = (safe * self._unit).astype(dtype)
        self.mean_ = fit.samples.mean.astype(dtype)
        self.noise_variance_ = float(model.noise_variance * self._unit**2)
        self.presence_ = np.broadcast_to(model.presence, norms.shape).copy()
        self.penalty_ = float(model.penalty * self._unit**2)
        self._penalty, self._noise_variance = model.penalty, model.noise_variance
        self.n_components_ = norms.size
        self.history_ = fit.history
        self.n_iter_ = len(fit.history["penalty"])

    def _model(self) -> Model:
        """The model in normalised units, from the fitted attributes."""
        mixing = self.mixing_.astype(np.float64) * (self.scales_.astype(np.float64) / self._unit)
        return Model(
            mixing, self._prior, self._penalty, self._noise_variance, self.presence_, self._solver, self._device
        )  # fmt: skip

    def _normalised(self, X: np.ndarray) -> np.ndarray:
        return normalised(X, self.mean_, self._unit)
