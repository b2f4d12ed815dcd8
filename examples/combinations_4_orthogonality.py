"""Penalties on non-orthogonality, in every variant that was proposed

**The post** proposes to add the absolute cosines of all pairs of decoder directions to the loss, so that combinations
give way to the rare feature, and asks what it costs in reconstruction. The comments add: signed cosines, a cost that
spares small ones, only features that fire, only the closest neighbour, neighbour lists, a mixture of mean and largest
cosines, a negative weight to make combinations on purpose, stages frozen one after the other, stages on the residual,
and tied weights as a soft orthogonality.

**We see**, in the toy where L1 under a strong penalty loses feature 3 (left), that the cost that spares small cosines
brings it back in every run, over all pairs or over neighbour lists. Absolute cosines do in some runs: of all pairs,
of those that fire, or of nearest ones, and it depends on the weight. All take a little of the explained variance.
Signed cosines, the mixture, stages and tied weights do not help, and a negative weight can collapse columns. On trees
of features, whose true directions are not orthogonal, no variant gets near one true feature per column (right).

**What now works:** a penalty helps where the truth is orthogonal, and known to be. Where codes are inferred under a
fitted prior (ICA, last row) feature 3 needs none.
"""

import numpy as np
import torch
from combined import language, learn
from experiment import Outcome, command, spread
from matplotlib.figure import Figure

from overica.datasets import make_three_features
from overica.metrics import composition_index, cosine_matrix
from overica.plots._style import LEARNED, QUIET, TRUE, quieten
from overica.sae import ORTHOGONALITY, FrozenStages, ReLUSAE, ResidualStages, get_orthogonality
from overica.sae.orthogonality import unit_rows

STRENGTHS = (1.0, 10.0)


class NearestMixture:
    """The penalty of a comment: mean cosine + mean nearest cosine + largest cosine."""

    def __init__(self, coefficient: float) -> None:
        self.coefficient = coefficient

    def __call__(self, W_dec: torch.Tensor, codes: torch.Tensor, step: int) -> torch.Tensor:
        U = unit_rows(W_dec)
        cosines = U @ U.T - 2 * torch.eye(len(U))
        off = cosines[~torch.eye(len(U), dtype=torch.bool)]
        nearest = cosines.max(dim=1).values
        return off.mean() + nearest.mean() + nearest.max()


def variants(strength: float) -> dict[str, object]:
    """Every penalty at that coefficient; the others have none to choose."""
    named = {name: get_orthogonality(name, strength) for name in ORTHOGONALITY}
    return named | {
        "mean + nearest + largest": NearestMixture(strength),
        "absolute, negative weight": get_orthogonality("absolute", -strength),
    }


def fit(name: str, orthogonality: object, X: np.ndarray, width: int, seed: int, **how: float):
    """L1 with a penalty, in stages, with tied weights; or ICA."""
    if name in ("tied", "ica"):
        return learn(name, X, width, seed, **({} if name == "ica" else how))
    if name == "none" or orthogonality is not None:
        return learn("relu", X, width, seed, orthogonality=orthogonality, **how)
    Stages = ResidualStages if name == "residual stages" else FrozenStages
    if "+" in name:
        how["orthogonality"] = get_orthogonality("nearest", STRENGTHS[0])
    sae = ReLUSAE(width, batch_size=256, device="cpu", random_state=seed, **how)
    return Stages(sae, stages=[width - width // 3, width // 3]).fit(X)


def look(fitted, data) -> tuple[float, float, float, float]:
    """Cosine with feature 3, closest two columns, true features per column, explained variance."""
    A, X = fitted.mixing_, data.X
    within = cosine_matrix(A, A) - 2 * np.eye(A.shape[1])
    error = X - fitted.inverse_transform(fitted.transform(X))
    third = cosine_matrix(A, data.mixing)[:, 2].max()
    explained = 1 - (error**2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
    return third, within.max(), composition_index(A, data.mixing, nonnegative=True), explained


def run(full: bool) -> Outcome:
    """All variants on the toy, and at the larger weight on the trees."""
    seeds, steps = range(2 if full else 1), 600 if full else 300
    rest = ("frozen stages", "frozen stages + nearest", "residual stages", "tied", "ica")
    plan = [("none", 0.0, None)]
    plan += [(n, w, p) for w in STRENGTHS for n, p in variants(w).items()]
    plan += [(name, 0.0, None) for name in rest]
    toys = [make_three_features(10_000, random_state=s) for s in seeds]
    toy = {
        (name, w): np.array(
            [
                look(fit(name, p, d.X, 3, s, sparsity_coefficient=2.5, n_steps=steps), d)
                for s, d in enumerate(toys)
            ]
        )
        for name, w, p in plan
    }
    tree = language(0)
    active = float((tree.codes > 0).sum(axis=1).mean())
    trees = {
        name: look(fit(name, p, tree.X, 26, 0, n_active=active, n_steps=steps), tree)
        for name, w, p in plan
        if w in (0.0, STRENGTHS[0])
    }

    names = list(trees)
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots(1, 5, sharey=True)
    titles = ("cosine with\nfeature 3", "closest two\ncolumns (cos)", "explained\nvariance")
    for y, name in enumerate(names):
        for w, size in ((0.0, 5), *zip(STRENGTHS, (4, 8), strict=True)):
            if (name, w) in toy:
                for ax, column in zip(axes, (0, 1, 3), strict=False):
                    values = toy[name, w][:, column]
                    ax.plot(
                        values,
                        [y + (size - 5) / 20] * len(values),
                        "o",
                        color=LEARNED,
                        ms=size,
                        alpha=0.6,
                    )
        axes[3].plot(trees[name][2], y, "s", color=TRUE)
        axes[4].plot(trees[name][3], y, "s", color=TRUE)
    for ax, title in zip(
        axes, (*titles, "true features\nper column", "explained\nvariance"), strict=True
    ):
        ax.set_title(title, fontsize=9)
        ax.grid(axis="y", color=QUIET, lw=0.4)
        quieten(ax)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    axes[0].set_xlabel("three features, L1 strong\n(large dots: ten times the weight)", fontsize=8)
    axes[3].set_xlabel("trees of features", fontsize=8)

    found = {key: bool((values[:, 0] > 0.95).all()) for key, values in toy.items()}
    measured = {
        f"{name}{f', weight {w:g}' if w else ''}": f"cosine with feature 3 {spread(v[:, 0], 2)}, closest two columns "
        f"{spread(v[:, 1], 2)}, explained {spread(v[:, 3], 2)}"
        for (name, w), v in toy.items()
    } | {
        f"{name}, trees": f"{v[2]:.2f} true features per column, explained {v[3]:.2f}"
        for name, v in trees.items()
    }
    claims = {
        "Without a penalty L1 loses feature 3": not found["none", 0.0],
        "The hinge brings it back in every run, at one of the weights": any(found["hinge", w] for w in STRENGTHS),
        "The post's absolute cosines bring it back in some run": any(
            (toy["absolute", w][:, 0] > 0.95).any() for w in STRENGTHS
        ),
        "A negative weight never does": not any(
            found["absolute, negative weight", w] for w in STRENGTHS
        ),
        "ICA finds it": found["ica", 0.0],
        "On the trees every autoencoder has more than two true features per column": min(
            v[2] for name, v in trees.items() if name != "ica"
        ) > 2,
    }  # fmt: skip
    return Outcome(figure, measured, claims)


if __name__ == "__main__":
    command(run)
