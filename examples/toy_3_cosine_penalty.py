"""A penalty on the cosines of the decoder: signed, absolute, and with a hinge.

**The post** tried an earlier proposal, a penalty on the mean cosine between all pairs of learned directions. Without
the absolute value nothing changed; with it directions collapsed onto one another, because turning one of two equal
directions back into the free quarter first raises the sum of the absolute cosines.

**We see** both, on the post's set with uncorrelated amplitudes. The signed sum depends on the sum of the directions
alone, and four axes turned by any angle have the same. The absolute value is least where pairs of directions
coincide. What the post did not see: the decoder's bias then moves to an edge or a corner of the square, from
where three or two directions explain nearly all, and these must run along the edges. So the collapse finds true
directions, but not all of them. A hinge on the absolute value makes no two equal here, but since opposite
directions, which non-negative codes need, cost as much as equal ones, it bends them out of their lines. A hinge on
the signed cosine leaves opposite and orthogonal directions in peace, at the angle that the L1 penalty likes.

**What now works**: the signed hinge prevents the collapse (`ORTHOGONALITY["signed_hinge"]`). No function of the
cosines alone can prefer the axes to the diagonals, since both are four directions at right angles.
"""

import numpy as np
from composed import compass, composed_set, degrees_off, realisations
from experiment import Outcome, command, spread
from matplotlib.figure import Figure

from overica.metrics import explained_variance
from overica.sae import ORTHOGONALITY

TITLES = {"none": "no penalty", "signed": "mean cosine", "absolute": "mean |cosine|",
          "hinge": "hinge on |cosine|", "signed_hinge": "hinge on the cosine"}  # fmt: skip
WEIGHT = 1.0


def n_collapsed(mixing: np.ndarray) -> int:
    """Directions that another one already has, to within 18 degrees."""
    return int((np.triu(mixing.T @ mixing > 0.95, 1).any(axis=0)).sum())


def run(full: bool) -> Outcome:
    data = composed_set("uncorrelated")
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    axes = figure.subplots(2, len(TITLES))
    measured, off, collapsed = {}, {}, {}
    for column, (name, title) in enumerate(TITLES.items()):
        penalty = None if name == "none" else ORTHOGONALITY[name](WEIGHT)
        saes = realisations(
            data.X, 5 if full else 3, n_steps=1500 if full else 700, batch_size=256, sparsity_coefficient=0.2,
            learning_rate=2e-2, orthogonality=penalty,
        )  # fmt: skip
        collapsed[name] = [n_collapsed(sae.mixing_) for sae in saes]
        off[name] = [degrees_off(sae.mixing_, data.mixing) for sae in saes]
        fit = [
            explained_variance(
                data.X, sae.inverse_transform(sae.transform(data.X)), sae.transform(data.X)
            )
            for sae in saes
        ]
        measured[title] = (
            f"{spread(off[name], 1)} degrees off, {spread(collapsed[name], 1)} of 4 directions "
            f"collapsed, explains {spread(fit, 2)} of the variance"
        )
        worst = int(np.argmax(collapsed[name]))
        compass(axes[0, column], data, saes[0].mixing_, title=title)
        compass(axes[1, column], data, saes[worst].mixing_)
    axes[0, 0].set_ylabel("lowest loss", fontsize=9)
    axes[1, 0].set_ylabel("most collapsed", fontsize=9)
    return Outcome(figure, measured, {
        "the signed penalty leaves the lowest loss at the composed pairs": off["signed"][0] > 30,
        "the absolute one makes directions collapse": max(collapsed["absolute"]) > 0,
        "the signed hinge does not": max(collapsed["signed_hinge"]) == 0,
        "and leaves the lowest loss at the composed pairs too": off["signed_hinge"][0] > 30,
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
