"""What all sparse autoencoders are to their users: estimators with scikit-learn's interface."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array
from overica.backend import torch_device
from overica.distributed import broadcast
from overica.distributed.ending import shared
from overica.persistence import Journal, journal_of, kept_fit, warn_of_checkpoint
from overica.progress import TRAINING, StepProgress
from overica.random_state import generator
from overica.ranges import check_reach
from overica.rows import Rows, Stream
from overica.rows.parts import part_by_part
from overica.sae import settings
from overica.sae.batches import Batches, OneBatch
from overica.sae.coefficients import Coefficient
from overica.sae.endless import published, take_step
from overica.sae.module import Autoencoder
from overica.sae.saelens_files import PersistentAutoencoder
from overica.sae.trainer import Orthogonality, Run
from overica.transformer import DictionaryTransformer, like

_CHUNK = 8192
_KEPT = (
    "kept, with the weight of any other, so that the unit and what is learned may be of such rows above all. Drop from "
    "`X` what is no sample of the same kind, such as attention sinks."
)
"""What becomes of rows that are far longer than all others."""


class SparseAutoencoder(PersistentAutoencoder, DictionaryTransformer):
    """Base of the sparse autoencoders: everything but the network.

    An autoencoder learns an encoder and a dictionary D of unit rows,

        codes = encoder(x),    x_hat = codes D + offset,

    by stochastic gradients of ``mean |x - x_hat|^2 + sparsity``. Codes are sparse and, where the kind is `one_sided`,
    never negative. Training sees
    samples without `centre_`, which is where the offset starts, and divided by `unit_`, so that their mean length is
    sqrt(n_features); everything public is in units of X, apart from `sparsity_coefficient` and the figures of
    `history_`.

    Parameters
    ----------
    n_components : int or None
        Width of the dictionary; None takes twice the number of features.
    n_active : float or None
        Mean number of active codes per sample. The TopK family keeps so many; elsewhere the coefficient is steered
        until there are so many. None, where there is no `sparsity_coefficient` either: half the square root of
        n_components, which is a guess.
    sparsity_coefficient : float or None
        What weighs the sparsity in the loss, instead, for samples of mean length sqrt(n_features). It rises to that
        value over the first third of the steps. The TopK family has none.
    n_steps : int
        Steps of the optimiser, each on one batch.
    batch_size : int
        Samples per step, drawn with replacement; all of them, if there are no more. Of what can only be read in order
        they are the next ones, shuffled within blocks of several batches.
    learning_rate : float or None
        Of Adam, at its peak. None takes ``0.03 / sqrt(n_features)``: entries of unit directions are of the size
        ``1 / sqrt(n_features)``, and Adam moves each by about the rate in a step. The 3e-4 usual for language models
        is half of that at 2,048 features, for runs that are a hundred times longer.
    betas : (float, float)
        Memory of Adam's moments.
    warm_up, cool_down : float
        Shares of the steps in which the learning rate rises from, and falls to, zero.
    clip : float or None
        Gradients longer than this are shortened.
    revive : bool
        Treat features that have not fired for a twentieth of the run: in the TopK family they reconstruct the
        residual, elsewhere they start anew, pointed at samples that are badly explained.
    orthogonality : callable or None
        ``orthogonality(W_dec, codes, step)`` times ``orthogonality.coefficient`` is added to the loss.
    random_state : int, numpy RandomState, numpy Generator or None
        Source of every draw. Same seed, same machine, same answer.
    device : str
        Torch device; "auto" takes CUDA if there is one.
    precision : {"float32", "bfloat16"}
        Of the products in training. In bfloat16 (autocast) weights, gradients, errors and the optimiser stay float32.
        On CUDA, float32 products are of TF32 in training, which has eleven bits.
    compile : bool
        Train by torch's compiler: some seconds before the first step, and shorter steps after it. Needs a C++
        compiler on the CPU, Triton on CUDA.
    checkpoint : path or None
        Folder in which `fit` keeps its state. Killed at any moment, the same call goes on from there, to the same bits
        on the same machine and device; once it has finished, it gives the result at once. What was begun with other
        parameters or samples, or by another version, is refused. None keeps nothing. See Notes.
    checkpoint_every : float
        Seconds between two times of writing, and the most that a kill costs.
    warm_start : bool
        `fit` goes on from the network of the fit before, if there was one, with a new run of Adam and its rates.
    verbose : int
        1 shows a progress bar.
    callback : callable or None
        Called after every step with a dict of that step's figures, those of `history_`; on an accelerator, for
        ten steps at a time.

    Attributes
    ----------
    components_ : array (n_components, n_features)
        The dictionary, rows of unit norm.
    mixing_ : array (n_features, n_components)
        Its transpose.
    offset_ : array (n_features,)
        What no code stands for: the reconstruction of codes that are all zero.
    module_ : Autoencoder
        The network, in units of X.
    centre_ : array (n_features,)
        Where the offset started: zero, but near the middle of data that lie farther from zero than they spread, see
        `overica.sae.centre.starting_offset`.
    unit_ : float
        Size of an entry of ``X - centre_``: mean length of a sample over sqrt(n_features).
    n_components_ : int
        Width of the dictionary.
    n_active_ : float or None
        Number of active codes that was aimed at.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    n_iter_ : int
        Steps taken.
    history_ : dict of str to list
        Figures of every step: loss; its parts reconstruction (squared error, summed over features), sparsity
        (before its coefficient), auxiliary and orthogonality (with theirs); explained_variance; l0;
        dead_share, of the features that had not fired when last looked at; sparsity_coefficient; learning_rate.

    Notes
    -----
    With a `checkpoint`, `device`, `verbose`, `callback` and `checkpoint_every` may change from one call to the next.
    What is computed on another device differs in its last digits, and `callback` is not called again for steps that
    were done before. With ``random_state=None`` the seed that was drawn first is kept. Ctrl-C and SIGTERM end a fit
    once the step under way is written. While a fit runs, no other can use its folder; delete that to begin anew.
    Samples are known again by their shape, dtype and 64 of their rows. On an accelerator bits are the same as far as
    its own arithmetic is, from run to run.

    Examples
    --------
    >>> from overica.sae import SAES
    >>> all(issubclass(kind, SparseAutoencoder) for kind in SAES.values())
    True
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> sae = SAES["topk"](4, n_active=2, n_steps=2, random_state=0).fit(X)
    >>> sae.transform(X).shape, sae.components_.shape
    ((100, 4), (4, 3))
    """

    module_: Autoencoder
    centre_: np.ndarray
    unit_: float
    n_active_: float | None
    n_features_in_: int
    n_iter_: int
    history_: dict[str, list[float]]
    _run: Run | None = None
    """The training that `partial_fit` goes on with, and the network that it has made of it."""
    _trained: Autoencoder | None = None

    name: ClassVar[str]
    """Its name in `SAES`."""
    label: ClassVar[str]
    """For tables and pictures."""
    one_sided: ClassVar[bool] = True
    """Whether its codes are never negative, whatever the sources."""
    shrinks: ClassVar[bool] = False
    """Whether its penalty makes codes too small, which `overica.sae.fine_tune_scale` undoes."""

    def __init__(
        self,
        n_components: int | None = None,
        *,
        n_active: float | None = None,
        sparsity_coefficient: float | None = None,
        n_steps: int = 2000,
        batch_size: int = 1024,
        learning_rate: float | None = None,
        betas: tuple[float, float] = (0.9, 0.999),
        warm_up: float = 0.1,
        cool_down: float = 0.2,
        clip: float | None = 1.0,
        revive: bool = True,
        orthogonality: Orthogonality | None = None,
        random_state: Any = None,
        device: str = "auto",
        precision: str = "float32",
        compile: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = 60.0,
        warm_start: bool = False,
        verbose: int = 0,
        callback: Callable[[dict[str, float]], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.n_active = n_active
        self.sparsity_coefficient = sparsity_coefficient
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.warm_up = warm_up
        self.cool_down = cool_down
        self.clip = clip
        self.revive = revive
        self.orthogonality = orthogonality
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.compile = compile
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.warm_start = warm_start
        self.verbose = verbose
        self.callback = callback

    @abstractmethod
    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        """An untrained network."""

    def _coefficient(self, n_active: float | None, n_steps: int) -> Coefficient:
        return settings.coefficient(self.sparsity_coefficient, n_active, n_steps)

    @shared
    def fit(self, X: Array, y: Any = None) -> Self:
        """Train the autoencoder.

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
            If X or a parameter is malformed, before any training.
        TrainingError
            If the loss is no longer finite: says at which step, and why.

        Warns
        -----
        UserWarning
            If rows are far longer than all others, such as attention sinks: what is learned may be of these above all.
        """
        self._fit(X)
        return self

    def partial_fit(self, X: Array, y: Any = None) -> Self:
        """One step of Adam on one batch, for data that never end; after `fit` or `load`, it goes on from there.

        The first batch sets `centre_` and `unit_`, so let it be a large one. `n_steps` is how long the beginning takes:
        the learning rate rises, and sparsity is pressed for, as in a fit of so many steps, and then both stay as they
        are; features that do not fire are looked for as there, and no longer start anew in its last third. What has
        been learned by `fit`, or was saved, is gone on from without what Adam remembers and without knowing what has
        not fired: a lower `learning_rate` may suit it.

        Parameters
        ----------
        X : array (n_samples, n_features)
            The batch, all of it, whatever `batch_size`.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or a parameter is malformed.
        TrainingError
            If the loss is not finite. What was learned before stays.

        Warns
        -----
        UserWarning
            If there is a `checkpoint`, which is of `fit` alone.
        """
        known = hasattr(self, "module_")
        warn_of_checkpoint(self)
        X = np.asarray(self._validated(X, reset=not known))
        # A network that others have put in is gone on from too.
        run = self._run if known and self._trained is self.module_ else None
        self._run = None
        run, batch = take_step(self, run, X)
        n_active = settings.n_active(
            self.n_active, self.sparsity_coefficient, len(run.module.W_dec)
        )
        dtype = self.components_.dtype if known else X.dtype
        self._publish(published(run), batch, n_active, run.history, dtype)
        self._run, self._trained = run, self.module_
        return self

    def _fit(
        self,
        X: Array,
        journal: Journal | None = None,
        network: Callable[..., Autoencoder] | None = None,
        told: bool = False,
    ) -> None:
        """`fit`, perhaps as a stage of another's, whose untrained network may have an earlier one in it.

        Of rows that are far longer than all others an earlier stage may have `told`.
        """
        before = self.module_ if self.warm_start and hasattr(self, "module_") else None
        start = None if before is None else before.values()
        X = self._validated(X, reset=True)
        rng = broadcast(generator(self.random_state))
        network = network or self._network
        with nullcontext(journal) if journal else journal_of(self, X, rng, start=start) as kept:
            kept_fit(kept, self, rng, lambda: self._learn(X, rng, kept, network, before, told))

    def _learn(
        self,
        X: np.ndarray | Rows | Stream,
        rng: np.random.Generator,
        journal: Journal,
        network: Callable[..., Autoencoder],
        before: Autoencoder | None,
        told: bool,
    ) -> None:
        n_features = X.shape[1]
        training = settings.training(self, n_features)
        n_components = settings.n_components(self.n_components, n_features)
        n_active = settings.n_active(self.n_active, self.sparsity_coefficient, n_components)
        orthogonality = settings.orthogonality(self.orthogonality)
        device = torch_device(self.device)
        batch_size = settings.batch_size(self.batch_size)
        module = network(n_features, n_components, n_active, rng).to(device)
        batches = Batches(X, batch_size, rng, device)
        if not told:
            batches.outlying.warn(_KEPT)
        if before is not None:
            module.begin_at(before, batches.unit, batches.centre)
        coefficient = self._coefficient(n_active, training.n_steps)
        history: dict[str, list[float]] = {}
        progress = StepProgress(self.verbose, self.callback, TRAINING)
        progress.expect(training.n_steps)
        try:
            training.run(
                module, batches, coefficient, rng, history, progress, orthogonality, journal
            )
        except KeyboardInterrupt:
            # Nothing is lost: what was learned so far is a fitted estimator.
            if history:
                self._publish(module, batches, n_active, history, X.dtype)
            raise
        finally:
            progress.close()
        self._publish(module, batches, n_active, history, X.dtype)

    def transform(self, X: Array) -> Array:
        """Codes of samples, by the encoder.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            Whatever `fit` takes.

        Returns
        -------
        array (n_samples, n_components)
            Not negative where the kind is `one_sided`; in units of X, dtype and library of X.
        """
        check_is_fitted(self)
        original, X = X, self._validated(X, reset=False)
        weight = self.module_.W_dec

        def codes(part: np.ndarray) -> np.ndarray:
            check_reach(part, self.unit_, self.components_.dtype)
            # A copy: torch takes no array that is read-only, such as one of a file.
            x = torch.from_numpy(np.array(part)).to(weight.device, weight.dtype)
            return np.asarray(self.module_.encode(x).cpu().numpy().astype(part.dtype, copy=False))

        with torch.no_grad():
            return like(part_by_part(codes, X, _CHUNK), original)

    def flops(self, X: Array) -> float:
        """Floating-point operations of the fit to X, of highest order: 6 per weight and sample seen.

        A weight takes a multiplication and an addition forward, and twice that backward (the gradients of weights and
        of activations). Encoder and decoder together have 2dF weights, whether tied or not, so a fit of T steps of B
        samples is ``12 d F B T``. That is an upper bound for sparse activations, which dense products do not use.
        """
        n_components, n_features = self.components_.shape
        batch = min(int(self.batch_size), len(X))
        return 12.0 * n_components * n_features * batch * self.n_iter_

    @property
    def mixing_(self) -> np.ndarray:
        """The dictionary's directions as columns, (n_features, n_components)."""
        return self.components_.T

    def _publish(
        self,
        module: Autoencoder,
        batches: Batches | OneBatch,
        n_active: float | None,
        history: dict[str, list[float]],
        dtype: Any,
    ) -> None:
        """Fitted attributes from a trained network."""
        module.to(torch.float64 if dtype == np.float64 else torch.float32)
        module.fold(batches.unit, torch.from_numpy(batches.centre).to(module.b_dec))
        self._adopt(module.requires_grad_(False).eval())
        self.centre_, self.unit_ = batches.centre, batches.unit
        self.n_active_ = n_active
        self.history_ = history
        self.n_iter_ = len(history["loss"])
