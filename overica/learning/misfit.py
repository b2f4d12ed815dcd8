"""Noise that columns cannot explain, and the penalty below which codes only follow it.

Annealing ends at a penalty that suits clean data. Where the columns are fewer than the features, or the model is
wrong otherwise, a share of every sample stays unexplained however long one learns, and for codes it is noise. Let its
variance be sigma^2 in every direction. Then a column a correlates with it as ``N(0, sigma^2 |a|^2)``, and becomes
active for no other reason where that passes the penalty: at

    penalty = c sigma |a|

a share 2 (1 - Phi(c)) of the n columns do, with the normal distribution function Phi; half as many, if sources
cannot be negative. These are no more than the k that have a reason if

    c = Phi^-1(1 - k / 2n),

about ``sqrt(2 log(n / k))`` where k is small beside n, which is also the level at which an l1 penalty finds k of n as
well as anything can. Below it codes become dense and learning is about noise. So once annealing has ended, the steps
that are left are taken at that level, if it is higher. Not before: columns that are not learned yet leave much
unexplained too, and correlated features are found at penalties far below what that noise would allow.

With as many columns as it takes the noise has fallen by then, and nothing is changed. Where all sources are always
there, k is n, and the level is zero.

References
----------
Bellec, Lecué and Tsybakov (2018), "Slope meets Lasso: improved oracle bounds and optimality", Annals of Statistics 46.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from overica.learning.posterior import Model


def least_penalty(model: Model) -> float:
    """The penalty below which unexplained noise makes as many sources active as are there, ``c sigma |a|``.

    Parameters
    ----------
    model : Model
        Judged: with the noise variance and presence that suit held-out samples. The norm is the median over columns, k
        the sum of the probabilities of being present; 0 for smooth costs, which have no supports.

    Examples
    --------
    >>> from overica.priors import get_prior
    >>> model = Model(np.eye(8), get_prior("laplace"), 0.1, noise_variance=0.04, presence=0.25)
    >>> round(least_penalty(model), 3), round(0.2 * float(ndtri(0.875)), 3)
    (0.23, 0.23)
    """
    if model.prior.l1_weights() is None:
        return 0.0
    presence = np.broadcast_to(model.presence, model.mixing.shape[1])
    share = min(max(float(presence.mean()), 1 / presence.size), 1.0)
    norm = float(np.median(np.linalg.norm(model.mixing, axis=0)))
    return float(ndtri(1 - share / 2)) * norm * float(np.sqrt(model.noise_variance))
