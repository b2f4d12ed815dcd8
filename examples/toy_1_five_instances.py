"""Five autoencoders on the hidden plane of a toy model.

**The post** let a ReLU-output toy model store two sets of two features in two hidden dimensions, where each set
becomes an axis with opposite ends. Of five sparse autoencoders on the activations, for amplitudes that are equal
within a sample and for independent ones, most found composed pairs, few a true direction.

**We see** the same, sorted by loss: the lowest loss of all is that of the four composed pairs, with both kinds of
amplitudes. The angle from the nearest true direction says how far: 45 degrees is a composed pair, 22.5 chance. Some
starts end between the two with a higher loss, as a commenter of the post had noticed: besides preferring the
diagonals, the training fails to find them.

**What now works** is not another autoencoder of this kind, whose objective wants the pairs: whether anything in the
activations tells the true axes from the diagonals is computed in `toy_6_identifiable.py`, and what finds them is in
`toy_5_ica.py`.
"""

import numpy as np
from composed import compass, composed_set, degrees_off, monosemantic, objective, realisations
from experiment import Outcome, command, spread
from matplotlib.figure import Figure


def run(full: bool) -> Outcome:
    n_steps, batch_size = (4000, 1024) if full else (1000, 256)
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    rows = figure.subfigures(2, 1, hspace=0.04)
    measured, claims = {}, {}
    for part, name in zip(rows, ("correlated", "uncorrelated"), strict=True):
        data = composed_set(name)
        saes = realisations(
            data.X, 5, learning_rate=3e-3 if full else 1e-2, n_steps=n_steps, batch_size=batch_size
        )
        off = [degrees_off(sae.mixing_, data.mixing) for sae in saes]
        pure = [monosemantic(sae, data) for sae in saes]
        losses = [objective(sae, data.X) for sae in saes]
        model, best, others = part.subfigures(1, 3, width_ratios=(1, 1, 1))
        part.suptitle(f"{name} amplitudes", fontsize=11, x=0.01, ha="left")
        compass(model.subplots(), data, title="the toy model's features", names=True)
        compass(
            best.subplots(),
            data,
            saes[0].mixing_,
            title=f"lowest loss: {off[0]:.0f}° off",
            names=True,
        )
        for ax, sae, degrees, loss in zip(
            others.subplots(2, 2).flat, saes[1:], off[1:], losses[1:], strict=True
        ):
            compass(
                ax,
                data,
                sae.mixing_,
                title=f"+{100 * (loss / losses[0] - 1):.1f} % loss: {degrees:.0f}°",
            )
        measured |= {
            f"{name}: degrees from the nearest true direction": spread(off, 1),
            f"{name}: the same, of the lowest loss": f"{off[0]:.1f}",
            f"{name}: monosemanticity": spread(pure, 2),
            f"{name}: loss over the lowest": spread([loss / losses[0] for loss in losses]),
        }
        claims |= {
            f"{name}: the lowest loss is nearer to composed pairs than to true features": off[0]
            > 30,
            f"{name}: the five are not monosemantic on average (below .9)": np.mean(pure) < 0.9,
        }
    return Outcome(figure, measured, claims)


if __name__ == "__main__":
    command(run)
