"""How good separated sources are, when the true ones are known: SDR, ISR, SIR and SAR of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from overica._validation import check_array, check_scalar
from overica.separation.bss_eval import LIMIT_DB, Figures, bss_eval

FIGURES = ("sdr", "isr", "sir", "sar")
# Frames at a time, where a recording is reduced to what its figures depend on.
_BLOCK = 1 << 16
# Smallest singular value of the references (each of unit norm) at which interference of one is told from another.
_DEPENDENT = 1e-5


@dataclass(frozen=True)
class SeparationScores:
    """Figures in dB of one separation, source by source in the order of the references.

    Attributes
    ----------
    sdr, isr, sir, sar : ndarray of shape (n_sources,)
        Source to distortion, image to spatial distortion, source to interference and source to artefacts ratio; see
        `evaluate_separation`. Never beyond plus or minus `limit`; NaN for a reference that is silent, and for no other.
    pairing : ndarray of int, shape (n_sources,)
        Which estimate belongs to each reference; -1 for one that is silent.
    surplus : tuple of int
        Estimates that belong to none.
    filter_length : int
        Number of delays over which an estimate may differ from its reference without loss.
    kind : str
        ``"sources"`` for one channel, ``"images"`` for more.
    limit : float
        Largest magnitude of a figure, dB.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> S = rng.laplace(size=(2000, 2))
    >>> scores = evaluate_separation(S, S[:, ::-1])
    >>> scores.pairing.tolist(), scores.kind, scores.sdr.round().tolist()
    ([1, 0], 'sources', [100.0, 100.0])
    """

    sdr: np.ndarray
    isr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray
    pairing: np.ndarray
    surplus: tuple[int, ...]
    filter_length: int
    kind: str
    limit: float = LIMIT_DB

    def table(
        self, references: Sequence[str] | None = None, estimates: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """One row per reference: its name, its estimate's, and the four figures.

        Parameters
        ----------
        references, estimates : sequence of str, optional
            Their names; numbers from 1 by default.

        Returns
        -------
        pandas.DataFrame
            Columns reference, estimate (empty for a silent reference), sdr, isr, sir, sar.
        """
        n_references = len(self.sdr)
        numbers = [str(j + 1) for j in range(n_references + len(self.surplus))]
        references, estimates = references or numbers[:n_references], estimates or numbers
        return pd.DataFrame(
            {
                "reference": list(references),
                "estimate": [estimates[k] if k >= 0 else "" for k in self.pairing],
                "sdr": self.sdr,
                "isr": self.isr,
                "sir": self.sir,
                "sar": self.sar,
            }
        )

    def mean(self) -> dict[str, float]:
        """Mean of each figure over the references that sound, dB."""
        return {name: float(np.nanmean(getattr(self, name))) for name in FIGURES}


def evaluate_separation(
    references: ArrayLike, estimates: ArrayLike, *, filter_length: int = 1
) -> SeparationScores:
    r"""Compare separated sources with the true ones: SDR, ISR, SIR, SAR under the best pairing.

    With projections :math:`P_j` onto the delays of reference j and :math:`P` onto those of all, an estimate splits into
    target :math:`P_j \hat s`, interference :math:`P \hat s - P_j \hat s` and artefacts :math:`\hat s - P \hat s`, and

    .. math:: \mathrm{SDR} = 10 \log_{10} \frac{\|P_j \hat s\|^2}{\|\hat s - P_j \hat s\|^2}, \quad
              \mathrm{SIR} = 10 \log_{10} \frac{\|P_j \hat s\|^2}{\|P \hat s - P_j \hat s\|^2}, \quad
              \mathrm{SAR} = 10 \log_{10} \frac{\|P \hat s\|^2}{\|\hat s - P \hat s\|^2}.

    These ignore the gain of an estimate, and with ``filter_length`` above one any short filter. For signals of several
    channels (the sources as the microphones hear them) the spatial error :math:`P_j \hat s - s_j` is distortion too:
    :math:`\mathrm{SDR} = 10 \log_{10} \|s_j\|^2 / \|\hat s - s_j\|^2`. The image to spatial distortion ratio is
    :math:`\mathrm{ISR} = 10 \log_{10} \|s_j\|^2 / \|P_j \hat s - s_j\|^2`; with one channel and filter length one all
    that it measures is gain and sign, which no separation of a mixture can know.

    The estimates are paired with the references such that the mean SIR is largest; of more estimates than references
    those are taken with which the mean SDR can be largest.

    Parameters
    ----------
    references : array-like of shape (n_frames, n_sources) or (n_sources, n_frames, n_channels)
        True sources, or their images at the microphones.
    estimates : array-like of the same shape
        Separated ones, in any order; or more of them than references, of which some then belong to none (`surplus`).
    filter_length : int, default=1
        Number of delays. 1 judges the waveform (the SDR is then the scale-invariant one); the field's evaluation
        campaigns allow 512, which forgives a change of timbre and gives higher figures.

    Returns
    -------
    SeparationScores
        All figures lie within plus and minus 100 dB: a perfect estimate has 100, a silent one -100 in each.

    Raises
    ------
    ValueError
        If frames or channels differ, there are fewer estimates than references or more sources than frames (as in
        arrays of shape (n_sources, n_frames)), values are not finite, a reference is a combination of the others, or
        all are silent.
    ImportError
        If the extra ``audio`` is not installed.

    References
    ----------
    E. Vincent, R. Gribonval, C. Févotte, "Performance measurement in blind audio source separation", IEEE
    Transactions on Audio, Speech and Language Processing 14(4), 2006. E. Vincent et al., "The Signal Separation
    Evaluation Campaign (2007-2010)", Signal Processing 92, 2012 (images, ISR). Computed by the packages
    fast-bss-eval (sources, pairing) and museval (images, ISR).

    Examples
    --------
    >>> import numpy as np
    >>> from overica.separation import evaluate_separation
    >>> rng = np.random.default_rng(0)
    >>> S = rng.laplace(size=(4000, 2))
    >>> estimates = S[:, ::-1] + 0.1 * rng.laplace(size=(4000, 2))
    >>> scores = evaluate_separation(S, estimates)
    >>> scores.pairing.tolist(), scores.sdr.round().tolist()
    ([1, 0], [20.0, 20.0])
    """
    truth, guess = _signals(references, "references"), _signals(estimates, "estimates")
    if truth.shape[1:] != guess.shape[1:] or len(guess) < len(truth):
        raise ValueError(
            "`references` and `estimates` must have the same shape, or more estimates, "
            f"got {np.shape(references)} and {np.shape(estimates)}"
        )

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, truth.shape[1], _BLOCK):
            yield truth[:, start : start + _BLOCK], guess[:, start : start + _BLOCK]

    return evaluate_blocks(blocks(), filter_length=filter_length)


def _signals(value: ArrayLike, name: str) -> np.ndarray:
    """Of shape (n_sources, n_frames, n_channels); what holds fewer frames than sources is turned the wrong way.

    No separation of so few frames could be judged: the references would be combinations of each other.
    """
    images = np.ndim(value) == 3
    words = "n_sources, n_frames, n_channels" if images else "n_frames, n_sources"
    array = np.asarray(check_array(value, name, dict.fromkeys(words.split(", "))))
    signals = array if images else array.T[:, :, None]
    if signals.shape[1] < max(len(signals), signals.shape[2]):
        raise ValueError(f"`{name}` must have shape ({words}), got {array.shape}: transposed?")
    return signals


def evaluate_blocks(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    filter_length: int = 1,
    names: Sequence[str] | None = None,
) -> SeparationScores:
    """`evaluate_separation` of recordings that come block by block.

    With filter length 1 memory does not grow with the recordings: the figures depend on inner products of the
    signals alone, and those are the same for the columns of R in the QR decomposition of all signals, which is found
    block by block. Longer filters need the whole signals.

    Parameters
    ----------
    blocks : iterable of (ndarray, ndarray), each of shape (n_sources, n_frames, n_channels)
        References and estimates, as many or more, of successive stretches.
    filter_length : int
    names : sequence of str, optional
        Of the references, for messages.

    Returns
    -------
    SeparationScores

    Raises
    ------
    ValueError
        If a reference is a combination of the others, or all are silent.
    """
    filter_length = check_scalar(filter_length, "filter_length", minimum=1, integer=True)
    truth, guess = (_compressed if filter_length == 1 else _joined)(blocks)
    heard = np.flatnonzero(truth.any(axis=(1, 2)))
    if not heard.size:
        raise ValueError("all references are silent: nothing can be compared with them")
    names = names or [f"reference {j + 1}" for j in range(len(truth))]
    _check_references(truth[heard], [names[int(j)] for j in heard])
    figures: Figures = bss_eval(truth[heard], guess, filter_length)
    found: dict[str, Any] = {name: np.full(len(truth), np.nan) for name in FIGURES}
    for name in FIGURES:
        found[name][heard] = getattr(figures, name)
    pairing = np.full(len(truth), -1)
    pairing[heard] = figures.pairing
    return SeparationScores(
        **found,
        pairing=pairing,
        surplus=tuple(k for k in range(len(guess)) if k not in figures.pairing),
        filter_length=filter_length,
        kind="images" if truth.shape[-1] > 1 else "sources",
    )


def _joined(blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    truth, guess = zip(*blocks, strict=True)
    return (
        np.concatenate(truth, axis=1, dtype=np.float64),
        np.concatenate(guess, axis=1, dtype=np.float64),
    )


def _compressed(blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Short signals with the same inner products, those between channels included."""
    R: Any = None
    shape, n_references = (0, 0), 0
    for truth, guess in blocks:
        n_references = len(truth)
        both = np.concatenate([truth, guess], dtype=np.float64)
        shape = (both.shape[0], both.shape[2])
        rows = both.transpose(1, 0, 2).reshape(both.shape[1], -1)
        R = np.linalg.qr(rows if R is None else np.vstack([R, rows]), mode="r")
    signals = R.reshape(len(R), *shape).transpose(1, 0, 2)
    return signals[:n_references], signals[n_references:]


def _check_references(truth: np.ndarray, names: Sequence[str]) -> None:
    flat = truth.reshape(len(truth), -1)
    unit = flat / np.abs(flat).max(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    gram = unit @ unit.T
    if np.linalg.eigvalsh(gram)[0] < _DEPENDENT**2:
        np.fill_diagonal(gram, 0)
        first, second = sorted(np.unravel_index(np.abs(gram).argmax(), gram.shape))
        raise ValueError(
            "the references must not be copies or sums of each other; most alike are "
            f"{names[first]} and {names[second]} (|cos| {abs(gram[first, second]):.6f})"
        )
