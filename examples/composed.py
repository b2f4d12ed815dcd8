"""What the experiments with composed features share: the sets, the post's autoencoders, and the compass.

Two sets of two features are stored by a toy model as two axes with opposite ends, so a direction in the plane is
judged by its angle from the nearest true one: 0 degrees is a true feature, 45 a composed pair, 22.5 chance.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overica import OvercompleteICA
from overica.datasets import Mixture, make_composed
from overica.learning import PlanarEvidence
from overica.metrics import feature_responses, monosemanticity
from overica.plots._style import DATA, LEARNED, QUIET, TRUE
from overica.priors import Laplace, Prior, SoftUniform
from overica.sae import ReLUSAE, TopKSAE

SETS: dict[str, dict[str, float]] = {
    "correlated": {"amplitude_correlation": 1.0},
    "uncorrelated": {},
    "one-hot .25": {"one_hot": 0.25},
    "one-hot .5": {"one_hot": 0.5},
    "one-hot .75": {"one_hot": 0.75},
}
"""The post's sets, as arguments of `make_composed`."""

NAMES = ("$x_1$", "$x_2$", "$y_1$", "$y_2$")
POST: dict[str, Any] = {
    "betas": (0.0, 0.999),
    "warm_up": 0.1,
    "cool_down": 0.2,
    "sparsity_coefficient": 0.1,
}
"""The post's optimiser and schedule, and a penalty in the middle of its range."""


def composed_set(name: str, seed: int = 0, n_samples: int = 10_000) -> Mixture:
    """One of the post's sets: activations of a toy model that was trained on it."""
    return make_composed(n_samples, **SETS[name], random_state=seed)


def objective(sae: ReLUSAE, X: np.ndarray) -> float:
    """What the autoencoder minimises, over all samples and in the units of its training."""
    codes = sae.transform(X)
    error = ((X - sae.inverse_transform(codes)) ** 2).sum(axis=1).mean()
    return float(
        error / sae.unit_**2 + sae.sparsity_coefficient * codes.sum(axis=1).mean() / sae.unit_
    )


def realisations(X: np.ndarray, n: int, **parameters: Any) -> list[ReLUSAE]:
    """Autoencoders of four features from n starts, that of the lowest loss first."""
    saes = [ReLUSAE(4, **POST | parameters, random_state=seed).fit(X) for seed in range(n)]
    return sorted(saes, key=lambda sae: objective(sae, X))


def monosemantic(sae: Any, data: Mixture) -> float:
    """How far each learned feature answers to one true feature only, at the features' mean size."""
    mean_size = data.codes.sum(axis=0) / (data.codes > 0).sum(axis=0)
    return monosemanticity(feature_responses(sae, data.mixing, mean_size))


def degrees_off(learned: np.ndarray, true: np.ndarray) -> float:
    """Mean angle of the learned columns from the nearest true one."""
    cosines = (learned / np.linalg.norm(learned, axis=0)).T @ true
    return float(np.rad2deg(np.arccos(np.clip(cosines.max(axis=1), -1, 1))).mean())


PRIORS: dict[str, Prior] = {"Laplace": Laplace(), "uniform": SoftUniform()}
"""Sparse sources and evenly spread ones; `evidence_in_plane` fits how often either is present."""


def evidence_in_plane(X: np.ndarray, prior: str, seed: int = 0) -> PlanarEvidence:
    """Evidence of bases for samples of unit variance: exact, with the sources integrated out."""
    return PlanarEvidence(X / X.std(), PRIORS[prior], np.random.default_rng(seed))


def both_ends(mixing: np.ndarray) -> np.ndarray:
    """The directions of signed sources as those of twice as many that are never negative."""
    return np.hstack([mixing, -mixing])


def compass(
    ax: Axes, data: Mixture, learned: np.ndarray | None = None, second: np.ndarray | None = None,
    *, title: str = "", names: bool = False,
) -> None:  # fmt: skip
    """True directions (orange), learned ones (blue) and others (grey); x_1 is turned to the right."""
    turn = np.array([data.mixing[:, 0], [-data.mixing[1, 0], data.mixing[0, 0]]])
    X = data.X[:400] @ turn.T / np.quantile(np.linalg.norm(data.X, axis=1), 0.98)
    ax.scatter(*X.T, s=2, color=QUIET, alpha=0.5, linewidths=0)
    layers = (
        (data.mixing, TRUE, 0.042, 1.0),
        (second, DATA, 0.034, 0.8),
        (learned, LEARNED, 0.024, 0.9),
    )
    for basis, color, width, length in layers:
        if basis is not None:
            tips = length * turn @ (basis / np.linalg.norm(basis, axis=0))
            ax.quiver(
                *np.zeros_like(tips), *tips, angles="xy", scale_units="xy", scale=1, color=color,
                width=width, headwidth=2.6, headlength=3, headaxislength=2.8,
            )  # fmt: skip
    if names:
        for name, tip in zip(NAMES, (turn @ data.mixing).T, strict=True):
            ax.annotate(name, 1.22 * tip, ha="center", va="center", fontsize=12)
    reach = 1.4 if names else 1.12
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    ax.set_title(title, fontsize=9)
    for spine in ax.spines.values():
        spine.set_color(QUIET)


def best_of_grid(
    figure: Figure, data: Mixture, rates: Sequence[float], penalties: Sequence[float], n: int, n_steps: int
) -> np.ndarray:  # fmt: skip
    """Draw the lowest-loss (blue) and the most monosemantic (grey) of n autoencoders for every setting.

    Returns their angles off and the monosemanticity of both, (n_rates, n_penalties, 3).
    """
    found = np.empty((len(rates), len(penalties), 3))
    axes = figure.subplots(len(rates), len(penalties), squeeze=False)
    for row, rate in enumerate(rates):
        for column, penalty in enumerate(penalties):
            saes = realisations(
                data.X,
                n,
                learning_rate=rate,
                sparsity_coefficient=penalty,
                n_steps=n_steps,
                batch_size=256,
            )
            purest = max(saes, key=lambda sae: monosemantic(sae, data))
            found[row, column] = (
                degrees_off(saes[0].mixing_, data.mixing),
                monosemantic(saes[0], data),
                monosemantic(purest, data),
            )
            ax = axes[row, column]
            compass(ax, data, saes[0].mixing_, purest.mixing_)
            if column == 0:
                ax.set_ylabel(f"rate {rate:g}", fontsize=9)
            if row == len(rates) - 1:
                ax.set_xlabel(f"$\\lambda$ = {penalty:g}", fontsize=9)
    return found


def larger_methods(
    n_components: int, n_active: int, n_steps: int, seed: int, n_starts: int = 2
) -> dict[str, Any]:
    """What the larger sets are given to: two autoencoders that are told the number of active features, and ICA."""
    told = {"n_active": n_active, "n_steps": n_steps, "batch_size": 512, "random_state": seed}
    return {
        "L1 autoencoder": ReLUSAE(n_components, **told),
        "TopK autoencoder": TopKSAE(n_components, **told),
        "ICA": OvercompleteICA(
            n_components, prior="exponential", n_restarts=n_starts, max_iter=200, random_state=seed
        ),
    }


COLORS = {"L1 autoencoder": DATA, "TopK autoencoder": TRUE, "ICA": LEARNED}
"""Of `larger_methods`."""
