"""A gated encoder is a JumpReLU encoder.

**The post** notes that a gated encoder whose two paths share their weights is one linear encoder with the JumpReLU
activation.

**We see** it to rounding: `as_jumprelu` builds the JumpReLU autoencoder from a trained gated one's weights, with the
threshold ``b_mag - exp(r_mag) b_gate`` where the gate opens, and all codes agree. The curves are the two activation
functions of four features, over the magnitude before its rectifier; each jumps at its own threshold.

**What now works**: a gated autoencoder can be used, saved and loaded wherever a JumpReLU one can. What differs between
the two is how they are trained.
"""

import numpy as np
from experiment import Outcome, command, spread
from matplotlib.figure import Figure

from overica.datasets import make_sparse_random
from overica.formats import as_jumprelu
from overica.plots._style import LEARNED, QUIET, TRUE, quieten
from overica.sae import GatedSAE


def run(full: bool) -> Outcome:
    n_seeds, n_steps = (3, 1500) if full else (1, 400)
    errors, flips = [], []
    for seed in range(n_seeds):
        X = make_sparse_random(6000, random_state=seed).X
        gated = GatedSAE(32, n_active=3, n_steps=n_steps, random_state=seed).fit(X)
        jump = as_jumprelu(gated)
        codes, same = gated.transform(X), jump.transform(X)
        errors.append(np.abs(codes - same).max() / codes.max())
        flips.append(float(((codes > 0) != (same > 0)).mean()))
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    W_enc, b_enc, threshold, b_dec = (
        jump.module_.export()[name].numpy() for name in ("W_enc", "b_enc", "threshold", "b_dec")
    )
    z = (X - b_dec) @ W_enc + b_enc
    shown = np.argsort(-threshold)[[0, 3, 8, 16]]
    for ax, j in zip(figure.subplots(1, 4), shown, strict=True):
        order = np.argsort(z[:, j])
        ax.plot(z[order, j], same[order, j], color=TRUE, linewidth=4, label="JumpReLU")
        ax.plot(z[order, j], codes[order, j], color=LEARNED, linewidth=1.2, label="gated")
        ax.axvline(threshold[j], color=QUIET, linestyle="--", linewidth=1)
        reach = max(4 * threshold[j], 0.5)
        ax.set(
            xlim=(-reach, reach),
            ylim=(-0.05 * reach, reach),
            xlabel="magnitude before the rectifier",
        )
        ax.set_title(f"feature {j}: threshold {threshold[j]:.2f}", fontsize=9)
        quieten(ax)
        if j == shown[0]:
            ax.set_ylabel("code")
            ax.legend(fontsize=9, frameon=False, loc="upper left")
    measured = {
        "largest difference of a code, relative to the largest code": f"{max(errors):.1e}",
        "codes on another side of their threshold": spread(flips, 6),
        "thresholds of the last one": spread(threshold),
    }
    return Outcome(figure, measured, {
        "all codes agree to 1e-9 of the largest": max(errors) < 1e-9,
        "no code is on another side of its threshold": max(flips) == 0,
        "thresholds above zero are really there": bool((threshold > 0.01).mean() > 0.5),
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
