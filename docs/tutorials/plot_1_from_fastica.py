r"""
From FastICA to more sources than sensors
=========================================

For those who know scikit-learn's `FastICA`: what it cannot do, what `OvercompleteICA` does instead, and the four
things that differ once you use it.

Two sensors, two sources
------------------------

ICA takes samples of a mixture, :math:`x = A s`, and finds the columns of :math:`A` and the sources :math:`s`, knowing
only that the sources are independent and not Gaussian. With as many sources as sensors, both estimators do.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import FastICA

from overica import OvercompleteICA
from overica.metrics import match_components
from overica.plots import plot_mixture_2d

rng = np.random.default_rng(0)


def columns(*degrees):
    """Directions in the plane of two sensors, as the columns of a matrix."""
    return np.stack([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])


def sources(n_samples, n_sources):
    """Sparse sources: each is there in two of five samples, with a strength of its own."""
    S = rng.laplace(size=(n_samples, n_sources))
    return S * (rng.random(S.shape) < 0.4)


A = columns(20, 75)
X = sources(20_000, 2) @ A.T

fastica = FastICA(2, whiten="unit-variance", random_state=0).fit(X)
ica = OvercompleteICA(2, random_state=0).fit(X)
for name, mixing in {"FastICA": fastica.mixing_, "overica": ica.mixing_}.items():
    print(name, match_components(mixing, A).cosines.round(4))

# %%
# Each line holds the cosines between a learned column and its match among the true ones; 1 is the
# same direction.
#
# Two sensors, three sources
# --------------------------
#
# A third talker comes in. :math:`A` is now wider than tall, no inverse of it exists, and FastICA
# has no third column to give. Its two are a compromise.

A = columns(15, 80, 140)
S = sources(20_000, 3)
X = S @ A.T + 0.02 * rng.standard_normal((20_000, 2))

fastica = FastICA(2, whiten="unit-variance", random_state=0).fit(X)
ica = OvercompleteICA(n_components=3, random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
for ax, title, mixing in zip(
    axes, ["FastICA", "OvercompleteICA"], [fastica.mixing_, ica.mixing_], strict=True
):
    plot_mixture_2d(X, mixing, A, ax=ax)
    ax.set_title(title, pad=12)
print(match_components(ica.mixing_, A).cosines.round(5))

# %%
# How is that possible? Where sources are sparse, some samples hold one source alone, and those lie
# on lines through the origin: the dark arms in the picture. `OvercompleteICA` does not look for
# lines, though, it maximises the evidence :math:`\log p(x) = \log \int p(x \mid s)\, p(s)\, ds` of
# all samples, which also works with 32 sources in 16 dimensions, where no sample holds one source
# alone.
#
# The number of sources need not be known
# ---------------------------------------

counted = OvercompleteICA(n_components="auto", random_state=0).fit(X)
print(counted.n_components_, "sources, noise", counted.noise_variance_**0.5)

# %%
# The noise was learned too: its standard deviation is .02.
#
# Four things that differ
# -----------------------
#
# **1. Atoms, not filters.** In FastICA a row of `components_` is what the
# data are multiplied with, and `mixing_` is its pseudo-inverse. With more sources than sensors
# there are no such filters, so here ``components_ = mixing_.T``, as in scikit-learn's dictionary
# learning.

assert np.array_equal(ica.components_, ica.mixing_.T)

# %%
# **2. Codes are optima.** `transform` solves a problem for each sample. Infinitely many codes
# explain two numbers by three. The one that comes back is the most probable under the prior,
#
# .. math:: \hat s = \arg\min_s \tfrac12 \lVert x - A s \rVert^2 + \lambda \sum_j |s_j| / \theta_j ,
#
# a convex problem, solved exactly: every sample has a certificate, and one that missed its
# tolerance is a warning.

codes = ica.transform(X)
match = match_components(ica.mixing_, A)
found, true = match.learned_index, match.true_index
correlations = [np.corrcoef(codes[:, i], S[:, j])[0, 1] for i, j in zip(found, true, strict=True)]
print("correlation with the true sources:", np.abs(correlations).round(2))
print("share of codes that are exactly zero:", np.mean(codes == 0).round(2))

# %%
# The directions are exact and the codes are not: three unknown numbers of two known ones can be
# guessed well where few are active, and not perfectly.
#
# **3. Codes are denoised**, so `inverse_transform` does not return the data, but what the model
# believes behind them.

residual = X - ica.inverse_transform(codes)
print("left over, share of the variance:", (residual.var() / X.var()).round(4))

# %%
# **4. A fit can be judged.** `score` is the mean log evidence per sample, in nats, also of samples
# that were held out: two sources or four explain these data worse than three do. It is what grid
# search maximises, too.

held_out = sources(5_000, 3) @ A.T + 0.02 * rng.standard_normal((5_000, 2))
for n_components in (2, 3, 4):
    model = OvercompleteICA(n_components, random_state=0).fit(X)
    print(n_components, "components:", round(model.score(held_out), 3), "nats")

# %%
# When not to use it
# ------------------
#
# With as many sources as sensors or fewer, FastICA is quicker, though less exact; `OvercompleteICA`
# then learns a density per source, and finds uniform ones as well as sparse ones. With *more*
# sources than sensors the sources have to be sparse: nobody can separate three uniform ones at two
# sensors by a convex prior, and a warning says so.
#
# Next: :doc:`plot_2_true_features`, or :doc:`/which_tool`.
