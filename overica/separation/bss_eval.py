r"""BSS Eval by the libraries of the field, kept from what makes them return NaN and infinity.

An estimate of source j is taken apart into target, spatial (or filter) distortion, interference of the other
sources and artefacts,

.. math:: \hat s_j = s_j + e_j^\mathrm{spat} + e_j^\mathrm{interf} + e_j^\mathrm{artif},

by projections onto the span of all delays below ``filter_length`` of the true sources, and the figures are ratios of
the energies of these parts in dB.  fast-bss-eval computes them for sources and finds the pairing; museval computes
them for images, and the ISR.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica._extras import import_extra
from overica.separation.extras import import_museval_metrics

LIMIT_DB = 100.0
"""Every figure lies between plus and minus this many dB: beyond it, figures measure the rounding of samples."""

# Below every limit (-140 dB), above rounding: each estimate gets that much of every reference, since the library
# divides by zero where an estimate has nothing at all of any of them.
_DITHER = 1e-7
# Of the ridge below, relative to the channels' amplitudes (-120 dB).
_RIDGE = 1e-6
# Relative to the energy of each reference.  Long filters on band-limited sources make a nearly singular system.
_DIAGONAL = 1e-10


@dataclass(frozen=True)
class Figures:
    """Figures per reference in dB, and which estimate each was paired with."""

    sdr: np.ndarray
    isr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray
    pairing: np.ndarray
    """Index of the estimate, per reference."""


def bss_eval(references: np.ndarray, estimates: np.ndarray, filter_length: int) -> Figures:
    """Figures of estimates against references under the pairing of highest mean SIR.

    Parameters
    ----------
    references, estimates : ndarray of shape (n_sources, n_frames, n_channels)
        With one channel SDR, SIR and SAR are those of sources (the target is the estimate's projection onto
        the reference, whatever its gain); with more, all four are those of images. No reference may be silent.
        Of more estimates than references those count under which the mean SDR is highest: the SIR is of the
        references alone, and says nothing of an estimate that holds none of them.
    filter_length : int
        Number of delays that the projections may use.

    Returns
    -------
    Figures
        Finite, within `LIMIT_DB`. A silent estimate has the lowest value in each.
    """
    scale = np.sqrt(np.mean(references**2, axis=(1, 2)).max())
    references, estimates = references / scale, estimates / scale
    kept = _nearest(references, estimates, filter_length)
    estimates = estimates[kept]
    silent = np.all(estimates == 0, axis=(1, 2))
    sdr, sir, sar, pairing = _sources(_flat(references), _flat(estimates), silent, filter_length)
    paired, silent = estimates[pairing], np.asarray(silent[pairing])
    as_images = _images(
        references, np.where(silent[:, None, None], references, paired), filter_length
    )
    if references.shape[-1] > 1:
        sdr, isr, sir, sar = as_images
    else:
        isr = as_images[1]
    # What has nothing of any reference has no interference either, and 0/0 is nobody's merit.
    nothing = silent | (sar <= -LIMIT_DB)
    sdr, isr, sir, sar = (
        np.where(nothing, -LIMIT_DB, np.nan_to_num(figure, nan=-LIMIT_DB).clip(-LIMIT_DB, LIMIT_DB))
        for figure in (sdr, isr, sir, sar)
    )
    return Figures(sdr, isr, sir, sar, kept[pairing])


def _flat(signals: np.ndarray) -> np.ndarray:
    """Channels one after the other, each signal with its largest sample 1."""
    flat = signals.transpose(0, 2, 1).reshape(len(signals), -1)
    peaks = np.abs(flat).max(axis=1, keepdims=True)
    return flat / np.where(peaks > 0, peaks, 1.0)


def _nearest(references: np.ndarray, estimates: np.ndarray, filter_length: int) -> np.ndarray:
    """Which estimates count, as many as there are references; silent ones only where others are missing."""
    n_sources = len(references)
    silent = np.all(estimates == 0, axis=(1, 2))
    order = np.argsort(silent, kind="stable")
    n_loud = len(estimates) - int(silent.sum())
    if n_loud <= n_sources:
        return np.sort(order[:n_sources])
    loud = order[:n_loud]
    _, pairs = import_extra("fast_bss_eval").sdr(
        _flat(references), _flat(estimates[loud]),
        filter_length=filter_length, clamp_db=LIMIT_DB, return_perm=True,
        load_diag=_DIAGONAL if filter_length > 1 else None,
    )  # fmt: skip
    return np.sort(loud[pairs])


def _sources(
    references: np.ndarray, estimates: np.ndarray, silent: np.ndarray, filter_length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """SDR, SIR, SAR per reference, and the estimate of each; silent estimates take what is left."""
    library = import_extra("fast_bss_eval")
    n_sources = len(references)
    figures = np.full((3, n_sources), -LIMIT_DB)
    pairing = np.full(n_sources, -1)
    loud = np.flatnonzero(~silent)
    if loud.size:
        unit = references / np.linalg.norm(references, axis=1, keepdims=True)
        sizes = np.linalg.norm(estimates[loud], axis=1, keepdims=True)
        *found, pairs = library.bss_eval_sources(
            references,
            estimates[loud] + _DITHER * sizes * unit.sum(axis=0),
            filter_length=filter_length,
            clamp_db=LIMIT_DB,
            load_diag=_DIAGONAL if filter_length > 1 else None,
        )
        # The library numbers the longer list: references where estimates are missing.
        whose = np.arange(n_sources) if loud.size == n_sources else pairs
        pairing[whose] = loud[pairs] if loud.size == n_sources else loud
        figures[:, whose] = np.stack(found)
    pairing[pairing < 0] = np.flatnonzero(silent)
    return figures[0], figures[1], figures[2], pairing


def _images(references: np.ndarray, estimates: np.ndarray, filter_length: int) -> np.ndarray:
    """SDR, ISR, SIR, SAR of estimates in the order of the references."""
    metrics = import_museval_metrics()
    n_channels = references.shape[-1]
    if n_channels > 1:
        # The figures are the same in any orthogonal coordinates of the channels, but the library
        # calls a signal silent whose channels add to zero.
        rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((n_channels, n_channels)))[
            0
        ]
        references, estimates = references @ rotation, estimates @ rotation
    with np.errstate(divide="ignore", invalid="ignore"):
        found = metrics.bss_eval(
            *_with_ridge(references, estimates, filter_length),
            window=np.inf,
            hop=np.inf,
            filters_len=filter_length,
            compute_permutation=False,
        )
    return np.stack([figure[:, 0] for figure in found[:4]])


def _with_ridge(
    references: np.ndarray, estimates: np.ndarray, filter_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both with a faint click of each channel of each reference behind their end, where the estimates are silent.

    The image of one talker in an instantaneous mixture is the same in all channels, and the library cannot
    project onto channels that are copies of each other.
    """
    n_sources, _, n_channels = references.shape
    clicks = np.zeros((n_sources, n_sources, n_channels, filter_length, n_channels))
    sizes = _RIDGE * np.linalg.norm(references, axis=(1, 2))
    for j, c in np.ndindex(n_sources, n_channels):
        clicks[j, j, c, 0, c] = sizes[j]
    tail = clicks.reshape(n_sources, -1, n_channels)
    return (
        np.concatenate([references, tail], axis=1),
        np.concatenate([estimates, np.zeros_like(tail)], axis=1),
    )
