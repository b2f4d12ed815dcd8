"""An encoder for a dictionary whose codes are found by optimisation: what one look at a sample can say of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.metrics import f1_score
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array, check_array, check_scalar
from overica.coding import Dictionary, Featuriser
from overica.formats.encoder_fit import EncoderFit
from overica.formats.layout import assemble
from overica.metrics.fit import explained_variance
from overica.random_state import generator
from overica.rows import Rows
from overica.rows.parts import chunks
from overica.sae import GatedSAE, JumpReLUSAE

_CHUNK = 4096
_MOST = 50_000
"""Samples that are looked at."""
_HELD_OUT, _MOST_HELD_OUT = 0.1, 2000
_FEWEST = 20


@dataclass(frozen=True)
class Imitation:
    """What an encoder loses against exact codes, on samples that it was not fitted to.

    Examples
    --------
    >>> print(Imitation(0.97, 0.99, 4.2, 4.0, 0.9, 300, two_sided=False))
    the encoder explains 0.970 of the variance of 300 held-out samples with 4.2 active codes, ... 0.900
    """

    explained_variance: float
    """By the encoder's codes."""
    explained_variance_exact: float
    """By exact codes."""
    l0: float
    """Active codes per sample."""
    l0_exact: float
    """Of the exact ones; both signs of a component are one."""
    f1: float
    """Of firings: ``2 both / (encoder's + exact)``, over all samples and features."""
    n_samples: int
    """That were held out."""
    two_sided: bool
    """Whether components have become two features each, one for either sign."""

    def __str__(self) -> str:
        text = (
            f"the encoder explains {self.explained_variance:.3f} of the variance of {self.n_samples} held-out "
            f"samples with {self.l0:.1f} active codes, exact codes {self.explained_variance_exact:.3f} with "
            f"{self.l0_exact:.1f}; F1 of what is active {self.f1:.3f}"
        )
        if self.two_sided:
            text += "; codes were signed, so that features come twice, the opposite ones after all others"
        return text


def as_jumprelu(
    model: Featuriser, X: Array | None = None, *, n_steps: int = 1000, random_state: Any = 0
) -> JumpReLUSAE:
    """A JumpReLU autoencoder with the dictionary of a model, and an encoder fitted to its codes.

    Exact codes look at a sample again and again; an encoder looks once, ``z = (x - offset) W_enc + b_enc`` and
    ``codes = z 1[z > threshold]``. It starts from ridge regression of the codes on the samples, with the threshold of
    each feature where its firings agree best with the exact ones, and is then fine-tuned by gradients of

        |codes - exact|^2 + h^2 sum_j log(1 + exp(-y_j 4 (z_j - threshold_j) / h)),

    where y is 1 for features that are active in exact codes and -1 for others, and h half the mean active code. The
    dictionary stays.

    Of a gated autoencoder the codes are the same, and no samples are needed. With
    ``z = exp(r_mag) * (x - b_dec) W_enc + b_mag`` a gate is open where ``(x - b_dec) W_enc > -b_gate``, which is
    ``z > b_mag - exp(r_mag) b_gate``. So the codes ``1[gate > 0] ReLU(z)`` are ``z 1[z > threshold]`` with

        W_enc' = W_enc exp(r_mag),    b_enc' = b_mag,    threshold = max(b_mag - exp(r_mag) b_gate, 0).

    Parameters
    ----------
    model : Featuriser
        Fitted: `OvercompleteICA`, `SparseCoder`, any other.
    X : array (n_samples, n_features), optional
        Samples like those it is for, unless the model is a `GatedSAE`; at most 50,000 are looked at, a tenth of them,
        at most 2,000, to say what was lost.
    n_steps : int
        Of the fine-tuning at most, which ends where other samples no longer gain by it; each on 1,024 samples, fewer
        where there are more than 8,192 features.
    random_state : int, numpy RandomState, numpy Generator or None
        Chooses samples and batches.

    Returns
    -------
    JumpReLUSAE
        Fitted, float32. Where codes are signed, feature j stands for the positive and feature ``n_components + j`` for
        the negative values of component j. `imitation_` is an `Imitation`: what is lost against exact codes. Of a
        gated autoencoder there is none, and codes are equal up to rounding; of samples within rounding of a threshold
        also up to which side they fall on.

    Raises
    ------
    ValueError
        If X is missing, malformed or has fewer than 20 samples.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Warns
    -----
    UserWarning
        In one sentence, of what is lost, unless nothing is.

    References
    ----------
    Rajamanoharan et al. (2024), "Improving dictionary learning with gated sparse autoencoders", appendix E.

    Examples
    --------
    >>> import warnings
    >>> from overica.coding import SparseCoder
    >>> from overica.datasets import make_mixture
    >>> from overica.formats import as_jumprelu
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> coder = SparseCoder(data.mixing.T, n_active=2, method="debiased", nonnegative=True).fit(
    ...     data.X
    ... )
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     sae = as_jumprelu(coder, data.X, n_steps=200)
    >>> bool(sae.imitation_.f1 > 0.7)
    True
    """
    check_is_fitted(model)
    if isinstance(model, GatedSAE):
        return _ungated(model)
    n_steps = check_scalar(n_steps, "n_steps", integer=True)
    if X is None:
        raise ValueError(
            f"`X` must hold samples, to which an encoder for a {type(model).__name__} is fitted, got None"
        )
    dictionary = Dictionary.of(model)
    shape = {"n_samples": None, "n_features": dictionary.components.shape[1]}
    rng = generator(random_state)
    rows = Rows(X if hasattr(X, "shape") else np.asarray(X))
    X = check_array(rows[rng.permutation(len(rows))[:_MOST]], "X", shape).astype(np.float32)
    if len(X) < _FEWEST:
        raise ValueError(f"`X` must have at least {_FEWEST} samples, got {len(X)}")
    S = dictionary.encode_parts(model, chunks(X, _CHUNK))
    two_sided = bool((S.data < 0).any())
    D = dictionary.components
    if two_sided:
        S = scipy.sparse.hstack([S.maximum(0), (-S).maximum(0)]).tocsr()
        S.eliminate_zeros()
        D = np.concatenate([D, -D])
    n_held = min(max(_FEWEST // 2, round(_HELD_OUT * len(X))), _MOST_HELD_OUT)
    offset = dictionary.offset.astype(np.float32)
    fit = EncoderFit(X[n_held:] - offset, S[n_held:])
    encoder, losses = fit.run(n_steps, rng)
    import torch

    sae = assemble(
        "jumprelu",
        encoder,
        torch.from_numpy(D.astype(np.float32)),
        torch.from_numpy(offset),
        source=getattr(model, "source_", None),
    )
    assert isinstance(sae, JumpReLUSAE)
    sae.history_, sae.n_iter_ = {"loss": losses}, len(losses)
    sae.imitation_ = _compared(sae, X[:n_held], S[:n_held], D, offset, two_sided)
    warnings.warn(
        f"{type(model).__name__} as JumpReLU: {sae.imitation_}", UserWarning, stacklevel=2
    )
    return sae


def _ungated(gated: GatedSAE) -> JumpReLUSAE:
    arrays, facts = gated._stored()
    gain, b_gate, b_mag = np.exp(arrays.pop("r_mag")), arrays.pop("b_gate"), arrays.pop("b_mag")
    threshold = np.maximum(b_mag - gain * b_gate, 0)
    arrays |= {"W_enc": arrays["W_enc"] * gain, "b_enc": b_mag, "threshold": threshold}
    jump = JumpReLUSAE(**gated.get_params(deep=False))
    jump._restore(arrays, facts)
    return jump


def _compared(
    sae: JumpReLUSAE,
    X: np.ndarray,
    S: scipy.sparse.csr_matrix,
    D: np.ndarray,
    offset: np.ndarray,
    two_sided: bool,
) -> Imitation:
    """The encoder beside exact codes."""
    codes = np.asarray(sae.transform(X))
    exact = S.toarray()
    ours, theirs = codes > 0, exact > 0
    return Imitation(
        explained_variance=explained_variance(X, sae.inverse_transform(codes)),
        explained_variance_exact=explained_variance(X, exact @ D + offset),
        l0=float(ours.sum() / len(X)),
        l0_exact=float(theirs.sum() / len(X)),
        f1=float(f1_score(theirs, ours, average="micro", zero_division=1.0)),
        n_samples=len(X),
        two_sided=two_sided,
    )
