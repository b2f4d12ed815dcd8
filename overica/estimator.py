"""The estimator: overcomplete independent component analysis with scikit-learn's interface."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array
from overica.distributed import broadcast
from overica.distributed.ending import shared
from overica.hierarchy import HierarchyFit, HierarchySearch
from overica.inference import Solver
from overica.learning import LearningRule, Model
from overica.learning.ascent import State, extend_history
from overica.learning.choosing import choose_search
from overica.learning.fitting import Fit
from overica.learning.gaussian_samples import warn_if_gaussian, warn_if_too_few
from overica.learning.racing import race_units
from overica.learning.samples import Samples
from overica.learning.streaming import advance_stream
from overica.learning.survey import outlying
from overica.learning.whitening import candidates, white_units
from overica.parameters import fit_settings, resolve_device, template
from overica.persistence import Journal, journal_of, kept_fit, warn_of_checkpoint
from overica.priors import Prior
from overica.progress import StepProgress
from overica.random_state import generator
from overica.ranges import unit_columns
from overica.saving import PersistentModel
from overica.schedules import Schedule


class OvercompleteICA(PersistentModel):
    """Overcomplete independent component analysis (Lewicki and Sejnowski), from a random start.

    The model of a sample is

        x = mean + A s + e,    e ~ N(0, sigma^2 I),    p(s) = prod_j p_j(s_j),

    with any number of sources, more than features included, and a sparse prior such as Laplace. A, the noise
    sigma^2 and the sources' scales are learned by ascent of the evidence ``log p(x) = log integral p(x | s) p(s) ds``;
    codes are the exact maximum a posteriori sources, certified by a duality gap.

    Parameters
    ----------
    n_components : int, "auto" or None
        Number of sources, any number from 1. None: as many as dimensions in which samples vary, which is features, or
        less if some follow from others, as they do once an average has been subtracted; with ``whiten=False``, as many
        as features. "auto": found by fitting surplus columns and counting what is left once copies are merged (with two
        features: by the exact evidence); where that leaves fewer than a hundred samples for each, the least of several
        widths whose held-out evidence is within a standard error of the highest.
    prior : {"auto", "laplace", "exponential", "smooth_laplace"} or Prior
        Distribution of the sources. "auto" is Laplace with more components than features. With no more than that,
        sources may have any shape, see Notes: a log-concave density of each is learned, lighter or heavier in its tails
        than a Gaussian one or skewed, unless sparsity and noise explain held-out samples better. "exponential" is
        for sources that are never negative. Of an instance the scale is ignored, since scales are learned.
    rule : {"evidence", "natural", "inverse"} or LearningRule
        "evidence" works from a random start. "natural" is the published rule, "inverse" a variant; both
        collapse, and are here to be studied.
    solver : {"auto", "active_set", "working_set", "fista", "interior_point"} or Solver
        Finds the codes. "auto" is the compiled exact solver where it applies.
    init : {"orthogonal", "low_coherence", "data"} or array (n_features, n_components)
        Where learning starts. From an array it runs once and plainly, without surplus columns or restarts; the lengths
        of the array's columns do not matter. In units of X, whatever `whiten` is.
    noise_variance : float or None
        sigma^2 in squared units of X, of noise that is the same in all directions; None learns it.
    annealing : (float, float)
        Level of the penalty in the first step and from 70 % of the steps on, relative to the data: the penalty is the
        level times ``sqrt(n_features)`` for data of unit variance and sources of unit scale. Lower ends suit cleaner
        data with less sparse sources; starts that are too low go astray. A step whose samples would have more than
        ``sqrt(10 n_features)`` active sources on average is taken at a higher penalty, as `history_` tells.
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
    whiten : bool or "auto"
        Learn, and infer codes, from white samples, ``W (x - mean)`` of equal second moments in all directions: then
        neither the units of sensors nor any other invertible mixing of features matters. "auto" compares short runs on
        white samples, on plain ones, and where there are weak directions on samples that are white but for those, by
        the held-out evidence in units of X. It takes white ones unless others are clearly better, with fewer
        components than dimensions those that are white in as many directions, and spares the runs where variances
        differ by less than a factor of four. It keeps to plain ones for rules that collapse, with fewer than eight
        samples per feature, and in `partial_fit`, which has no samples to hold out. All results are in units of X.
    hierarchy : bool or "auto"
        Features that depend on each other: trees of them, where a child is present only if its parent is, and siblings
        exclude each other. Columns of a model of independent sources are then sums along paths of a tree. "auto"
        looks whether columns share something and, if so, takes the sums apart into single features
        (`overica.hierarchy`), which stand if their joint model explains held-out samples better. It takes several times
        as long, and does for non-negative priors alone, and up to 4096 components. True goes that way in any case,
        False in none.
    random_state : int, numpy RandomState, numpy Generator or None
        Source of every draw. Same seed, same machine, same answer.
    device : str
        Torch device of the learning steps, and of codes: batches go there, and the mixing matrix stays there, in single
        precision, between two looks at the held-out evidence, which the compiled kernels take on the CPU, like all that
        needs few samples. "auto" takes CUDA if there is one and 2048 components or more, or a prior without an l1 cost,
        which the kernels do not serve. "cpu:0" takes the steps of a GPU on the CPU, to compare them.
    checkpoint : path or None
        Folder in which `fit` keeps its state. Killed at any moment, the same call goes on from there, to the same bits
        on the same machine and device; once it has finished, it gives the result at once. What was begun with other
        parameters or samples, or by another version, is refused. None keeps nothing. See Notes.
    checkpoint_every : float
        Seconds between two times of writing, and the most that a kill costs.
    warm_start : bool
        Start from the columns of the fit before, if there was one, as from an array in `init`.
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
    offset_ : array (n_features,)
        What codes that are all zero stand for: `mean_`.
    scales_ : array (n_components,)
        theta, the scale of each source's prior, in units of X.
    presence_ : array (n_components,)
        Probability that a source is present at all in a sample; used by `score` alone.
    noise_variance_ : float
        sigma^2, in squared units of X; used by `score` alone. Zero where sources of any shape fill all
        dimensions. If samples were whitened, noise is equal in all directions of z; what is given is the
        variance of noise that is equal in all directions of x and as large in z on average.
    penalty_ : float
        lambda, in squared units of X: what weighs the l1 norm of ``codes / scales_``, so that source j has the
        penalty ``lambda / theta_j``, beside half the squared error ``|W (x - mean - A s)|^2``, W being
        `units_.whitener`, which leaves the mean variance of samples as it is, or the identity. Chosen by held-out
        evidence, and above sigma^2 where sources are mostly absent: at the penalty of a low noise a Laplace code has
        as many active sources as features, whatever the truth. Zero where samples determine their sources, see Notes:
        then codes are ``A^+ (x - mean)``.
    presences_ : overica.presence.PresenceModel or None
        The joint model of a hierarchy, of samples ``units_.forward(X)``: its slabs, and the forest over presences. None
        where sources are independent, and as soon as another attribute is set, which is of independent sources.
    parents_ : array of int (n_components,)
        The component that each one needs: the rarest of which it is true that it is hardly ever missing where this one
        is present. -1 for none, and everywhere where sources are independent.
    model_ : overica.learning.Model
        All of that in one, of samples ``units_.forward(X)`` and sources of scale one: its mixing matrix is
        ``units_.own(mixing_ * scales_)``, its penalty ``penalty_ / unit_ ** 2``.
    units_ : overica.learning.Units
        The map between samples and what `model_` is of, ``z = W (x - mean_) / unit_``, with its inverse and
        determinant.
    unit_ : float
        Size of an entry of X: root mean square about `mean_`.
    n_components_ : int
        Number of sources.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    n_iter_ : int
        Learning steps taken, over all runs but those by which ``whiten="auto"`` chooses.
    history_ : dict of str to list
        Figures of every step but those of the runs by which ``whiten="auto"`` chooses: penalty, learning rate, mean
        number of active sources, unexplained share of the variance, dead share, smallest and largest norm, median
        relative change, log evidence (nats per sample in the units of `model_`; NaN where not computed), restart.

    Raises
    ------
    ValueError
        For malformed data or parameters: says which, what was expected, and what came.
    LearningError
        If learning explodes or every component dies: says when, and what to change.

    Warns
    -----
    UserWarning
        With more components than features and a signed prior, if along some direction X has significantly lighter tails
        than a Gaussian variable: then not all sources are sparse, and those that are not are not found.

    Notes
    -----
    With no more components than features, ``prior="auto"`` and 500 samples or more, the likelihood of sources that
    samples determine, ``log p(x) = sum_j log p_j(s_j) - log |det A|`` with ``s = A^-1 x`` (in the dimensions of
    largest variance, if there are fewer components), is climbed along with the shape of every p_j, the nearest
    log-concave one. There is no noise but in what the columns do not reach, and codes are those of least squares, the
    limit of maximum a posteriori codes as the penalty goes to zero: `penalty_` is zero. Set to more, it brings codes
    of maximum posterior under the learned densities. If the held-out evidence of the sparse model is higher by .02 nats
    per source, as it is where sources are mostly absent, and no source has light tails, that is what is fitted.

    Memory beyond X grows with `batch_size` and n_components, not with the number of samples. X is read once for mean,
    size and rows that are too long (below), and then as it is drawn: rows with replacement of what can be read
    anywhere; the next rows, shuffled within blocks of several batches, of what can only be read in order. For sources
    of any shape some 16 million numbers of X are looked at, of what is not in memory a million, or 40 samples per
    component if that is more. Fitted sources come in no particular order, and with signed priors with either sign.

    Why multiplying a gradient by ``A A'`` helps: it is the relative or natural gradient, whose steps for samples ``T
    x`` are T times those for x. So ascent is equally fast in all units, where the plain gradient has as many rates as
    sensors have units. It cannot move the points where ascent ends, and these depend on T as well where the noise is
    equal in all directions; whitening makes the whole fit equivariant, n_components > n_features included, and a
    plain step on white samples is a natural one on x, since ``E[x x'] = A A'``. The derivation is in
    `overica.learning.whitening`.

    A few rows that are far longer than all others, with none in between, such as the first tokens of texts among a
    transformer's activations, hold nearly all the power. They are left out of learning, and of the choice of units
    and penalties, with a warning that says which; see `overica.learning.outlying`. `transform` codes every row.

    With a `checkpoint`, `device`, `verbose`, `callback` and `checkpoint_every` may change from one call to the next.
    What is computed on another device differs in its last digits, and `callback` is not called again for steps that
    were done before. With ``random_state=None`` the seed that was drawn first is kept. Ctrl-C and SIGTERM end a fit
    once the step under way is written. While a fit runs, no other can use its folder; delete that to begin anew.
    Samples are known again by their shape, dtype and 64 of their rows. On an accelerator bits are the same as far as
    its own arithmetic is, from run to run.

    Fitted attributes can be set, and `transform`, `score` and `partial_fit` go by what was set: a higher ``penalty_``
    gives sparser codes. Arrays are set as a whole; their entries are read-only.

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

    Killed, the same call would go on; done, it has nothing left to do:

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> first = OvercompleteICA(3, random_state=0, checkpoint=folder).fit(data.X)
    >>> again = OvercompleteICA(3, random_state=0, checkpoint=folder).fit(data.X)
    >>> bool((again.mixing_ == first.mixing_).all())
    True
    """

    def __init__(
        self,
        n_components: int | str | None = None,
        *,
        prior: str | Prior = "auto",
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
        whiten: bool | str = "auto",
        hierarchy: bool | str = "auto",
        random_state: Any = None,
        device: str = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = 60.0,
        warm_start: bool = False,
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
        self.whiten = whiten
        self.hierarchy = hierarchy
        self.random_state = random_state
        self.device = device
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.warm_start = warm_start
        self.verbose = verbose
        self.callback = callback

    @shared
    def fit(self, X: Array, y: Any = None) -> Self:
        """Learn mixing matrix, noise and scales.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            An array, memory map or tensor of any float type; a list of such shards; an `ActivationStore`; a torch
            `Dataset` or `DataLoader`, or other batches that come anew each time they are iterated. See
            `overica.rows.opened`.
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
        UserWarning
            If rows are so much longer than all others that they are left out of learning; if samples cannot be told
            from Gaussian noise; if with more components than dimensions they have sources that are not sparse.
        """
        start = self.mixing_ if self.warm_start and self.__sklearn_is_fitted__() else None
        X = self._validated(X, reset=True)
        rng = broadcast(generator(self.random_state))
        with journal_of(self, X, rng, start=start) as journal:
            kept_fit(journal, self, rng, lambda: self._learn(X, rng, journal, start))
        return self

    def partial_fit(self, X: Array, y: Any = None) -> Self:
        """One learning step on one batch, for data that never end; after `fit`, it goes on from there.

        The first batch sets mean and scale, and with ``whiten=True`` all second moments, so let it be a large one;
        ``whiten="auto"`` does not whiten here. The penalty anneals over the first `max_iter`
        calls; the learning rate stays at its peak. There are no surplus columns, no restarts, and scales and noise
        are those of the step: for the best answer on data at hand use `fit`.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes, as one batch: all of it but rows that are far longer than all others.
        y : ignored

        Returns
        -------
        self

        Warns
        -----
        UserWarning
            If such rows are left out, or if there is a `checkpoint`, which is of `fit` alone.
        """
        warn_of_checkpoint(self)
        if self.__sklearn_is_fitted__():
            X = self._validated(X, reset=False)
            settings, _ = fit_settings(self, X.shape[1], self.unit_)
            far = outlying(X)
            far.warn()
            # A copy: a batch that learning cannot go on from leaves everything as it was.
            state = replace(self._learning)
        else:
            X = self._validated(X, reset=True)
            fit, n_components = self._begin(X, generator(self.random_state))
            if n_components == "auto":
                raise ValueError('`n_components` must be a number for `partial_fit`, got "auto"')
            if self.whiten is True:
                n_components = self._choose_units(fit, n_components, X.dtype)
            settings, far = fit.settings, fit.samples.outlying
            state = State(replace(fit.template, mixing=fit.start(int(n_components))))
            self._measure_by(fit, X.dtype)
        batch = self.units_.forward(np.delete(np.asarray(X, np.float64), far.rows, axis=0))
        row = advance_stream(settings, state, batch)
        self._learning, self._presences = state, None
        extend_history(self.history_, row)
        if "restart" in self.history_:
            # After a fit: the steps belong to no new start.
            self.history_["restart"].append(self.history_["restart"][-1])
        if self.callback is not None:
            self.callback(row)
        return self

    def prune(self, X: Array) -> Self:
        """Drop the components that the evidence does not miss, one at a time, after a fit with too many.

        Again and again the component that is present least goes and the rest are refined, while the held-out evidence
        of X stays. Directions need not be close to each other to go, as they must to be merged.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes: its samples, or others like them.

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
        >>> X = make_exponential(5000, random_state=2).X
        >>> angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        >>> start = np.stack([np.cos(angles), np.sin(angles)])
        >>> ica = OvercompleteICA(
        ...     8, prior="exponential", init=start, max_iter=300, random_state=0
        ... ).fit(X)
        >>> ica.prune(X).n_components_
        3
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        fit, _ = self._begin(X, generator(self.random_state))
        fit.history = {name: list(values) for name, values in self.history_.items()}
        model, units = self.model_, self.units_
        if model.penalty == 0 and units.n_dimensions == X.shape[1]:
            # Samples determine their sources in any units; that some are noise shows in plain ones alone.
            plain = fit.samples.units
            noise = plain.own_variance(self.noise_variance_)
            columns = plain.own(units.columns(model.mixing))
            model = replace(model, mixing=columns, noise_variance=noise)
        else:
            fit.samples = fit.samples.measured_in(units)
        model = choose_search(fit).prune(model)
        self._publish(model, fit, X.dtype)
        return self

    def _learn(
        self,
        X: np.ndarray,
        rng: np.random.Generator,
        journal: Journal,
        start: np.ndarray | None,
    ) -> None:
        """`fit`, of validated samples, from given columns if any, its stages kept in a journal."""
        fit, n_components = self._begin(X, rng, start)
        fit.journal = journal
        n_components = self._choose_units(fit, n_components, X.dtype)
        progress = StepProgress(self.verbose, self.callback)
        fit.report = progress
        search = choose_search(fit)
        hierarchy = HierarchySearch(fit, white=self.whiten is True)
        model: Model | None = None
        found: HierarchyFit | None = None
        wanted = None if n_components == "auto" else int(n_components)
        try:
            n_components = search.count() if wanted is None else wanted
            progress.expect(search.n_steps)
            model = search.search(int(n_components))
            search.warn_if_unsettled()
            if wanted is None:
                warn_if_too_few(fit, model)
            n_steps = len(fit.history["penalty"])
            if self.hierarchy is True or (self.hierarchy and hierarchy.suspects(model)):
                progress.expect(hierarchy.n_steps)
                found = self._dependent(hierarchy, model, wanted)
            if found is None:
                warn_if_gaussian(fit, model)
                fit.forget(n_steps)
        except KeyboardInterrupt:
            # Nothing is lost: the best state so far is a fitted estimator.
            if model is None and fit.best is not None:
                model = search.salvage(wanted)
            if model is not None:
                self._publish(model, fit, X.dtype)
            raise
        finally:
            progress.close()
        self._publish(model, fit if found is None else hierarchy.fit, X.dtype, found)

    def _begin(
        self, X: np.ndarray, rng: np.random.Generator, start: np.ndarray | None = None
    ) -> tuple[Fit, int | str]:
        """A fit of validated samples, from columns if they are given, and how many components it is to have."""
        n_features = X.shape[1]
        device = resolve_device(self.device, self.prior, self.n_components)
        plain = template(self.prior, self.solver, device)
        center = not plain.prior.nonnegative if self.center == "auto" else self.center
        if center not in (True, False):
            raise ValueError(f'`center` must be True, False or "auto", got {self.center!r}')
        if self.whiten not in (True, False, "auto"):
            raise ValueError(f'`whiten` must be True, False or "auto", got {self.whiten!r}')
        if self.hierarchy not in (True, False, "auto"):
            raise ValueError(f'`hierarchy` must be True, False or "auto", got {self.hierarchy!r}')
        samples = Samples(X, center=bool(center), rng=rng)
        samples.outlying.warn()
        settings, n_components = fit_settings(self, n_features, samples.unit)
        if start is not None:
            if self.n_components not in (None, "auto", start.shape[1]):
                raise ValueError(
                    f"`warm_start` needs the n_components of the fit before, {start.shape[1]}, got {n_components}"
                )
            settings, n_components = replace(settings, init=unit_columns(start)), start.shape[1]
        fit = Fit(plain, samples, settings, rng)
        if self.hierarchy is True and not HierarchySearch(fit).applies:
            given = repr(self.init) if isinstance(settings.init, str) else "an array"
            raise ValueError(
                "`hierarchy=True` needs eight features or more, a non-negative prior with an l1 cost, solved on the "
                "CPU, a drawn start, and a rule that keeps columns alive; "
                f"got {n_features} features, prior={self.prior!r}, rule={self.rule!r}, solver={self.solver!r}, "
                f"init={given}"
            )
        return fit, n_components

    def _choose_units(self, fit: Fit, n_components: int | str, dtype: Any) -> int | str:
        """Decide what the model is to be of: samples as they are, or whitened ones, or the better of them.

        Returns
        -------
        n_components
            No more of them than dimensions, if their number is left to these.
        """
        wanted = 2 * fit.samples.n_features if n_components == "auto" else int(n_components)
        if self.whiten is True:
            found = [white_units(fit.samples, dtype, wanted)]
        elif self.whiten == "auto" and fit.settings.rule.surplus_columns:
            found = candidates(fit.samples, dtype, wanted)
        else:
            return n_components
        if self.n_components is None and isinstance(fit.settings.init, str):
            n_components = wanted = found[0].n_dimensions
        fit.samples = fit.samples.measured_in(race_units(fit, found, wanted))
        return n_components

    def _measure_by(self, fit: Fit, dtype: Any) -> None:
        """Units of the samples of a fit, and its history."""
        units = fit.samples.units
        self.units_ = units.measured_from(units.mean.astype(dtype))
        self.history_ = fit.history

    def _dependent(
        self, hierarchy: HierarchySearch, model: Model, wanted: int | None
    ) -> HierarchyFit | None:
        """The joint model of a hierarchy, if it explains samples better than the one of independent sources."""
        insist = self.hierarchy is True
        found = hierarchy.search(wanted, model, insist=insist)
        stands = insist or (found is not None and hierarchy.stands(found, model))
        return found if stands else None

    def _publish(
        self, model: Model, fit: Fit, dtype: Any, found: HierarchyFit | None = None
    ) -> None:
        """The fitted attributes; what is learned from here on is past the annealing."""
        self._measure_by(fit, dtype)
        if found is not None:
            joint = found.model
            # The penalty stays that of independent sources, for codes once other attributes are set.
            model = replace(
                model,
                mixing=joint.mixing * joint.slab_mean,
                noise_variance=joint.noise_variance,
                presence=joint.forest.marginals(),
            )
        self._learning = State(model, step=fit.settings.n_steps)
        self._presences = None if found is None else found.model
        self._parents = None if found is None else found.parents
