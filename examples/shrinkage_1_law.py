"""Shrinkage of a binary feature: a = 1 - c/2.

**The post** takes one feature that is 1 with probability p and else 0. The best code under ``(1 - a)^2 + c a`` is
``a = 1 - c/2`` where 1 would be right.

**We see** the law in trained autoencoders, alone and for sixteen features at once: what is reconstructed of a present
feature is 1 - c/2. The post leaves out the bias. A decoder's bias costs nothing where the code does, so it takes a
part over: the best pair is an offset of ``p c / (2 (1 - p))`` and a code of
``1 - c / (2 (1 - p))``, which is what training finds. The code shrinks a little more than the law says, the
reconstruction exactly as much. (In one dimension half the starts point backwards and learn when the feature is
absent; they are drawn again.)

**What now works**: one factor per feature, fitted when all else is learned, brings the reconstruction of present
features back to 1; see `shrinkage_2_cures.py` for what it cannot bring back.
"""

from itertools import count

import numpy as np
from experiment import Outcome, command, spread
from matplotlib.figure import Figure

from overica.plots._style import DATA, LEARNED, QUIET, TRUE, quieten
from overica.sae import ReLUSAE, fine_tune_scale

P = 0.1


def shrunk(n_features: int, c: float, n_steps: int, seed: int) -> tuple[float, float, float]:
    """Mean code, reconstruction, and reconstruction after the scale, of features that are present.

    The training divides samples by a unit, so that its penalty is c over that unit.
    """
    X = (np.random.default_rng(seed).random((4000, n_features)) < P).astype(float)
    unit = np.linalg.norm(X, axis=1).mean() / np.sqrt(n_features)
    for start in count(1000 * seed):
        sae = ReLUSAE(
            n_features, sparsity_coefficient=c / unit, n_steps=n_steps, batch_size=512, random_state=start,
            learning_rate=0.03 if n_features == 1 else 0.01,
        ).fit(X)  # fmt: skip
        # In one dimension a start that points backwards learns when the feature is absent.
        if sae.components_.max() > 0:
            break
    codes = sae.transform(X) @ np.abs(sae.components_)
    tuned = fine_tune_scale(sae, X)
    return (
        codes[X == 1].mean(),
        sae.inverse_transform(sae.transform(X))[X == 1].mean(),
        tuned.inverse_transform(tuned.transform(X))[X == 1].mean(),
    )


def run(full: bool) -> Outcome:
    values = np.array([0.1, 0.2, 0.4, 0.8, 1.2] if full else [0.2, 0.8])
    sizes = {1: 3 if full else 1, 16: 2 if full else 1}
    found = {
        n: np.array(
            [[shrunk(n, c, 1500 if full else 800, seed) for c in values] for seed in range(n_seeds)]
        )
        for n, n_seeds in sizes.items()
    }
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    line = np.linspace(0, 1.3, 50)
    measured, worst = {}, {}
    for ax, (n, results) in zip(axes, found.items(), strict=True):
        ax.plot(line, 1 - line / 2, color=TRUE, label="1 - c/2")
        ax.plot(line, 1 - line / (2 * (1 - P)), color=TRUE, ls=":", label="code beside a bias")
        marks = (
            ("code", "o", DATA),
            ("reconstruction", "s", LEARNED),
            ("with one factor a feature", "^", QUIET),
        )
        for k, (label, mark, color) in enumerate(marks):
            for seed, row in enumerate(results[..., k]):
                ax.plot(values, row, mark, color=color, ms=6, label=label if seed == 0 else None)
        error = np.abs(results[..., 1] - (1 - values / 2))
        code_error = np.abs(results[..., 0] - (1 - values / (2 * (1 - P))))
        name = "one feature" if n == 1 else f"{n} features"
        worst[n] = float(error.max())
        measured[f"{name}: distance of the reconstruction from 1 - c/2"] = spread(error.ravel(), 4)
        measured[f"{name}: distance of the code from 1 - c/(2 (1 - p))"] = spread(
            code_error.ravel(), 4
        )
        measured[f"{name}: reconstruction after one factor a feature"] = spread(
            results[..., 2].ravel(), 4
        )
        ax.set(
            title=name, xlabel="c, penalty in units of the feature", xlim=(0, 1.3), ylim=(0, 1.1)
        )
        quieten(ax)
    axes[0].set_ylabel("size where the feature is 1")
    axes[0].legend(fontsize=9, frameon=False, loc="lower left")
    return Outcome(figure, measured, {
        "one feature is reconstructed as 1 - c/2, to .01": worst[1] < 0.01,
        "its code follows the law with the bias, to .01": bool(
            np.abs(found[1][..., 0] - (1 - values / (2 * (1 - P)))).max() < 0.01
        ),
        "sixteen features are reconstructed as 1 - c/2, to .05": worst[16] < 0.05,
        "one factor a feature undoes it, to .02": bool(
            max(np.abs(results[..., 2] - 1).max() for results in found.values()) < 0.02
        ),
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
