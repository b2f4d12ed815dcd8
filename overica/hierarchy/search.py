"""From sums to single features: the whole way, and whether it was worth going."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica.hierarchy.feature_sums import BATCH, Sums
from overica.hierarchy.kept import SUMS, Taken, learners, steps_of
from overica.hierarchy.narrowing import narrowed
from overica.hierarchy.parents import parents_of
from overica.hierarchy.start import Start
from overica.learning import Model
from overica.learning.fitting import Fit
from overica.presence import PresenceLearner, PresenceModel, chow_liu
from overica.schedules import Annealing

__all__ = ["HierarchySearch"]

_SEEN_PER_COLUMN, _FEWEST_SEEN = 300, 20_000
_NUMBERS = 2**28
"""Entries of samples that the sums of a first pass look at, at most."""
_LOW = 0.025
"""Where the annealing of a first pass ends at the latest: sums are clean, and weak ones count too."""
_LOOK = 0.12
"""Share of the steps after which a first pass shows whether it is too narrow."""
_ROOM = 0.75
"""Share of the columns that stand for a sum each, above which rare sums go without."""
_SUSPECT = 0.15
"""Shared features per sum from which on they are not what chance, or a run that has not settled, brings."""
_BLENDS = 0.02
"""Share of the mean square of samples beyond the span of the columns, above which these are too few."""
_MOST_PAIRED = 4096
"""Columns up to which a look holds all pairs of them: six arrays of 128 MB."""
_FEWEST_FEATURES = 8
"""In fewer dimensions strangers are as close as kin."""
_NARROWEST, _WIDEST = 4, 64
"""Columns of a first pass per feature."""
_STEP = 1024
"""Samples a step at most: columns are wanted to within a cosine of .9, not more."""
_NOISES = (*[0.03] * 4, *[0.02] * 4, *[0.01] * 4, *[0.005] * 8)
"""Of the steps of a joint model: variances per dimension of unit variance."""
_NOISY = 0.1
"""From above this noise the likelihood is higher for sums than for their parts."""
_GLANCE = _NOISES[::4]
"""Of a rival to begin with."""
_REACH = 0.2
"""Nats per feature that a rival may be short of at a glance: all steps brought it .05 at most."""
_ROUNDS = 8
"""In which the noise is learned."""
_RECENT = 0.5
"""Memory of steps in which the noise changes."""
_SPREAD = 0.2
"""Of slabs beside their mean, to begin with."""
_RACED = 128
"""Features that the starts of a race have together."""
_TRUST, _UNKNOWN = 2000.0, 0.03
"""Samples' worth of what the trees say about presences, to begin with; and a presence of which nothing is known."""


class HierarchyFit(NamedTuple):
    """What a search has found; evidence in nats per held-out sample, in units of X."""

    model: PresenceModel
    """With as many components as wanted."""
    parents: NDArray[np.int64]
    """The component that each one needs, -1 for none."""
    log_evidence: float
    """Of the joint model with all components."""
    sums: NDArray[np.float64]
    """The columns of its first pass."""


class _Attempt(NamedTuple):
    learner: PresenceLearner
    log_evidence: float
    columns: NDArray[np.float64]
    """Those of the first pass."""


class _FirstPass(NamedTuple):
    mixing: NDArray[np.float64]
    sums: Sums
    unexplained: float
    """Share of the mean square of samples, at its last step."""


class HierarchySearch:
    """Learns features of a hierarchy from a fit that has found their sums.

    Where features depend on each other, an independent prior is wrong about them in a way that moves the columns: it
    pays for one presence where a parent, a child and its child come as one sum, and for three if it takes them apart.
    So a first pass finds sums along paths of a tree, however many columns it has; under a prior in which presences
    follow a forest the parts cost one presence too, and then the magnitudes decide, which vary independently. What
    that model needs is a start within a cosine of about .8, and sums know the trees:

    1. a first pass, wide enough that every sum has a column (widths are doubled until columns are left over);
    2. `Sums`: who is present, what it contributes on average; copies and corrections dropped;
    3. `Start`: families of sums that exclude each other, each taken apart into a tree;
    4. steps of expectation and maximisation of the joint model, its noise annealed;
    5. as many components as wanted, those that explain most; the rest is noise, whose variance is learned.

    Fails where sums share too little to be told from strangers (few dimensions, features of very unequal
    length), where features of a tree do not exclude each other so that its sums are many, where a parent is never
    without its children and its magnitude does not vary (then ``{p + v, c_i - v}`` fit alike for every v), and with
    fewer than some 25 firings of a path.

    Parameters
    ----------
    fit : Fit
        Its samples are looked at in plain units, unless `white`: whitening shortens what many samples share, and with
        it the cosines by which sums know each other.
    """

    def __init__(self, fit: Fit, *, white: bool = False) -> None:
        self._given = fit.samples
        samples = fit.samples if white else fit.samples.measured_in(fit.samples.plain_units)
        self.fit = replace(fit, samples=samples)

    @property
    def applies(self) -> bool:
        """Whether presences make sense of codes: non-negative ones with an l1 cost, from a drawn start."""
        template, settings = self.fit.template, self.fit.settings
        return (
            self.fit.samples.n_features >= _FEWEST_FEATURES
            and template.prior.nonnegative
            and template.compiled
            and settings.rule.surplus_columns
            and isinstance(settings.init, str)
        )

    def suspects(self, model: Model) -> bool:
        """Whether columns share features with others: a cheap look, before the long way.

        At the columns of a fit, unless they are so few that samples do not lie in their span: then they blend what has
        nothing in common. Families are told by all pairs of columns, so that it does not look at more than some
        thousand of them.
        """
        if not self.applies or model.mixing.shape[1] > _MOST_PAIRED:
            return False
        mixing = self._plain_columns(model)
        if _left_out(mixing, self.fit.samples.held_out) > _BLENDS:
            mixing = self._ascend(_NARROWEST * self.fit.samples.n_features, _LOOK)
        sums = self._sums(mixing)
        return len(sums) > 0 and Start.of(sums).n_shared > _SUSPECT * len(sums)

    @property
    def n_steps(self) -> int:
        """Learning steps of `search`, about: how wide first passes must be is not known."""
        look, first = (self.fit.settings.ascent(share).n_steps for share in (_LOOK, 1.0))
        return self.n_starts * (look + first + len(_NOISES)) + _ROUNDS

    @property
    def n_starts(self) -> int:
        """First passes to race: in few dimensions what is shared is hard to tell from chance, and passes are short."""
        return int(np.clip(_RACED // self.fit.samples.n_features, 1, 4))

    def search(
        self, n_components: int | None, model: Model, *, insist: bool = False
    ) -> HierarchyFit | None:
        """The joint model with so many components; with as many as it finds, if None.

        More than are found are filled up with columns of a first pass, and of the model of independent sources that is
        at hand.

        Where a first pass leaves more unexplained than the noise at which sums are preferred to their parts, there is
        nothing to be found: None, unless one insists.
        """
        first = self._first_pass(n_components or 1)
        if not insist and first.unexplained > _NOISY:
            return None
        independent = self._plain_columns(model)
        starts = [self._attempt(first, independent, n_components or 1)]
        for _ in range(self.n_starts - 1):
            another = self._first_pass(n_components or 1)
            starts.append(self._attempt(another, independent, n_components or 1))
        learner, evidence, columns = max(starts, key=lambda one: one.log_evidence)
        if n_components is not None and n_components < learner.model.n_components:
            learner = self._narrowed(learner, n_components)
        # Of the steps so far, which are remembered longer than those in which the noise is learned.
        parents = parents_of(learner.sums.together, learner.sums.n_samples)
        learner = self._settled(learner)
        self.fit.mark(self.fit.history["restart"][-1])
        return HierarchyFit(_careful(learner.model), parents, evidence, columns)

    def stands(self, found: HierarchyFit, model: Model) -> bool:
        """Whether held-out samples prefer single features to sums, and to the columns of a model without dependences.

        Slabs and dependences explain samples better whatever the columns, which must not count for the columns: so all
        are judged in joint models, at one noise variance. With all components: fewer than there are features explain
        more as sums.
        """
        rivals = (found.sums, self._plain_columns(model))
        return not any(self._overtakes(columns, found.log_evidence) for columns in rivals)

    def _attempt(self, first: _FirstPass, independent: NDArray, at_least: int) -> _Attempt:
        mixing, sums = first.mixing, first.sums
        start = Start.of(sums) if len(sums) else _untold(_used(mixing))
        learner = self._joint(
            self._filled(start.vectors, np.hstack([mixing, independent]), at_least), start
        )
        return _Attempt(learner, self._evidence(learner.model), mixing)

    def _plain_columns(self, model: Model) -> NDArray:
        """Those of a fit, in the units that samples are looked at in."""
        return self.fit.samples.units.own(self._given.units.columns(model.mixing))

    def _evidence(self, model: PresenceModel) -> float:
        """Nats per held-out sample, the supports searched with care; comparable at the same noise variance."""
        judges = self.fit.samples.held_out
        found = self.fit.stage("judge", lambda: float(_careful(model).log_evidence(judges).mean()))
        return found + self.fit.samples.units.log_det

    def _overtakes(self, columns: NDArray, log_evidence: float) -> bool:
        """Whether columns as they are explain held-out samples better, at first sight within reach of it."""
        reach = _REACH * self.fit.samples.n_features
        if self._as_they_are(columns, _GLANCE) < log_evidence - reach:
            return False
        return self._as_they_are(columns, _NOISES) >= log_evidence

    def _as_they_are(self, columns: NDArray, noises: Sequence[float]) -> float:
        """Log evidence of a joint model whose slabs and presences alone are learned."""
        start, n_steps = _untold(_used(columns)), len(self.fit.history["penalty"])
        learner = self._joint(start.vectors, start, noises, learn_mixing=False)
        found = self._evidence(learner.model)
        self.fit.forget(n_steps)
        return found

    def _draw(self, size: int) -> NDArray:
        return self.fit.samples.draw(size, self.fit.rng)

    def _sums(self, mixing: NDArray, per_column: int = _SEEN_PER_COLUMN) -> Sums:
        n_samples = max(_FEWEST_SEEN, per_column * mixing.shape[1])
        samples = self.fit.samples
        n_samples = min(n_samples, samples.n_rows, _NUMBERS // samples.n_features)
        return self.fit.stage("sums", lambda: self._looked_for(mixing, n_samples), SUMS)

    def _looked_for(self, mixing: NDArray, n_samples: int) -> Sums:
        found = Sums.of(_used(mixing), self._draw, n_samples)
        return found.without_copies().without_corrections()

    def _first_pass(self, at_least: int) -> _FirstPass:
        """Columns of a fit with room for every sum, and the sums."""
        fit = self.fit
        m, most = fit.samples.n_features, max(fit.samples.n_rows // 40, 8)
        width = min(_NARROWEST * m, most)
        # A surplus as everywhere: what is rare finds its column last.
        while width < fit.settings.overprovision * at_least and 2 * width <= most:
            width *= 2
        while width < at_least:
            width *= 2
        widest = max(width, min(_WIDEST * m, most))
        while 2 * width <= widest:
            # A short look is enough to see that there is no room at all.
            if len(self._sums(self._ascend(width, _LOOK), per_column=0)) <= _ROOM * width:
                break
            width *= 2
        while True:
            mixing = self._ascend(width, 1.0)
            sums = self._sums(mixing)
            if len(sums) <= _ROOM * width or 2 * width > widest:
                return _FirstPass(mixing, sums, float(fit.history["unexplained"][-1]))
            width *= 2

    def _ascend(self, width: int, share: float) -> NDArray:
        fit = self.fit
        annealing = Annealing(fit.settings.annealing.start, min(fit.settings.annealing.end, _LOW))
        size = min(fit.settings.batch_size, _STEP)
        ascent = replace(fit.settings.ascent(share), annealing=annealing, batch_size=size)
        found = fit.run(ascent, replace(fit.template, mixing=fit.start(width))).mixing
        fit.mark(fit.history["restart"][-1] + 1 if fit.history.get("restart") else 0.0)
        return found

    def _filled(self, vectors: NDArray, mixing: NDArray, n_components: int) -> NDArray:
        """With columns that are least like those there are, if there are fewer than wanted."""
        U = mixing / np.maximum(np.linalg.norm(mixing, axis=0), np.finfo(float).tiny)
        lengths = np.linalg.norm(vectors, axis=0)
        likest = (U.T @ (vectors / lengths)).max(axis=1)
        more: list[NDArray[np.float64]] = []
        while vectors.shape[1] + len(more) < n_components:
            more.append(U[:, likest.argmin()])
            likest = np.maximum(likest, U.T @ more[-1])
        return np.column_stack([vectors, *(float(np.median(lengths)) * one for one in more)])

    def _joint(
        self,
        vectors: NDArray,
        start: Start,
        noises: Sequence[float] = _NOISES,
        *,
        learn_mixing: bool = True,
    ) -> PresenceLearner:
        n, known = vectors.shape[1], start.together.shape[0]
        rare = _rarest(start.n_samples)
        together = np.full((n, n), rare * rare * start.n_samples)
        np.fill_diagonal(together, rare * start.n_samples)
        together[:known, :known] = np.maximum(start.together, together[:known, :known])
        lengths = np.linalg.norm(vectors, axis=0)
        model = PresenceModel(
            vectors / lengths, lengths, (_SPREAD * np.median(lengths)) ** 2 * np.ones(n), _NOISES[0],
            chow_liu(together, start.n_samples), nonnegative=True, swap_below=None, retry_above=None,
        )  # fmt: skip
        learner = PresenceLearner(model, learn_mixing=learn_mixing)
        share = min(1.0, _TRUST / start.n_samples)
        learner.sums = replace(
            learner.sums, together=share * together, n_samples=share * start.n_samples
        )
        return self._stepped("joint", learner, noises)

    def _stepped(
        self, name: str, learner: PresenceLearner, noises: Sequence[float | None]
    ) -> PresenceLearner:
        """A learner after a step at each noise, None for its own."""

        def steps(taken: Taken) -> Iterator[None]:
            for noise in noises[taken.n_steps :]:
                self._step(taken.learner, noise)
                taken.n_steps += 1
                yield

        return self.fit.steps(name, lambda: Taken(learner), steps, steps_of(learner)).learner

    def _step(self, learner: PresenceLearner, noise: float | None = None) -> None:
        """One step of expectation and maximisation, told to whoever watches the fit."""
        before = learner.model
        posterior = learner.step(self._draw(BATCH), noise_variance=noise)
        change = np.linalg.norm(learner.model.mixing - before.mixing, axis=0)
        figures = dict.fromkeys(self.fit.history, float("nan"))
        del figures["restart"]
        figures |= {
            "penalty": learner.model.noise_variance,
            "learning_rate": learner.damping if learner.learn_mixing else 0.0,
            "n_active": float(posterior.sizes.mean()),
            "dead": float((posterior.counts() == 0).mean()),
            "smallest_norm": float(learner.model.slab_mean.min()),
            "largest_norm": float(learner.model.slab_mean.max()),
            "relative_change": float(np.median(change)),
            "log_evidence": float(posterior.log_evidence.mean()),
        }
        self.fit.record(figures)

    def _narrowed(self, learner: PresenceLearner, n_components: int) -> PresenceLearner:
        def compute() -> PresenceLearner:
            return narrowed(learner, n_components, self._draw)

        # The columns of what is narrowed do not learn any more.
        still = replace(learner, learn_mixing=False)
        return self.fit.stage("narrow", compute, learners(still))

    def _settled(self, learner: PresenceLearner) -> PresenceLearner:
        """The learner with its noise learned."""
        given = self.fit.noise_variance
        learner.learn_noise = given is None
        learner.memory = _RECENT
        if given is not None:
            learner.model = replace(learner.model, noise_variance=given)
        return self._stepped("settle", learner, [None] * _ROUNDS)


def _left_out(columns: NDArray, X: NDArray) -> float:
    """Share of the mean square of samples that is not in the span of columns."""
    if columns.shape[1] >= X.shape[1]:
        return 0.0
    Q, _ = np.linalg.qr(columns)
    return float(((X - X @ Q @ Q.T) ** 2).sum() / (X**2).sum())


def _used(columns: NDArray) -> NDArray:
    """Those that are not zero."""
    return columns[:, np.linalg.norm(columns, axis=0) > 0]


def _untold(vectors: NDArray) -> Start:
    """Vectors as they are, of whose presences nothing is known."""
    presence = np.full(vectors.shape[1], _UNKNOWN)
    together = _TRUST * np.outer(presence, presence)
    np.fill_diagonal(together, _TRUST * presence)
    return Start(vectors, together, int(_TRUST), 0)


def _careful(model: PresenceModel) -> PresenceModel:
    """As a model is to be judged and used; while it is wrong anyway, supports are searched quickly."""
    return replace(model, swap_below=12.0, retry_above=4.0)


def _rarest(n_samples: int) -> float:
    """Presence of a component of which nothing is known."""
    return min(0.01, 1 / math.sqrt(n_samples))
