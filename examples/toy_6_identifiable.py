"""Can anything know the basis? The evidence of the true axes and of the diagonals.

**The post** was answered by readers: the activations carry no trace of the basis that they were made from, so learning
another one is no failure; and both sets have their principal directions on the diagonals.

**We see** that they are right about one set and wrong about the other. The curves are the exact evidence of a basis
turned by an angle, with the sources integrated out, their presence and sizes fitted, for sparse
(Laplace) and for evenly spread (uniform) sources. With correlated amplitudes the data are four rays along the
diagonals; that basis needs one active code where the true one needs two, and has the higher evidence under either
prior: the true features cannot be known. With uncorrelated amplitudes the data fill a square: the Laplace prior
prefers its diagonals, which also have the smaller L1 norm, but the uniform prior at the axes beats both, because
there alone are the sources independent. Three quarters of one-hot samples make the axes win under either prior.

**What now works**: `describe()` says of a set whether its columns can be known, and why; where they can, the evidence
over priors finds them although sparsity points elsewhere. Uniform amplitudes are not exponential: a sparse prior is
an assumption, and evidence tells when it is the wrong one.
"""

import numpy as np
from composed import PRIORS, composed_set, evidence_in_plane
from experiment import Outcome, command, spread
from matplotlib.figure import Figure

from overica.plots._style import LEARNED, QUIET, TRUE, quieten

COLORS = {"Laplace": LEARNED, "uniform": TRUE}
NAMES = ("correlated", "uncorrelated", "one-hot .75")
VERDICT = {True: "identifiable", False: "not identifiable", None: "not decided"}


def turned(mixing: np.ndarray, degrees: float) -> np.ndarray:
    """One column of each opposite pair, turned."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s], [s, c]]) @ mixing[:, [0, 2]]


def run(full: bool) -> Outcome:
    angles = np.linspace(0, 90, 5) if full else np.array([0.0, 22.5, 45.0])
    n_seeds = 3 if full else 1
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, len(NAMES))
    measured, lead, best = {}, {}, {}
    for ax, name in zip(axes, NAMES, strict=True):
        sets = [composed_set(name, seed, 6000 if full else 3000) for seed in range(n_seeds)]
        said = sets[0].describe()
        for prior in PRIORS:
            values = []
            for seed, data in enumerate(sets):
                evidence = evidence_in_plane(data.X, prior, seed)
                # Of the first set the whole curve, of the others the two bases in question.
                values.append({
                    angle: evidence.maximise(turned(data.mixing, angle), turn=False, noisy=False).log_evidence
                    for angle in (angles if seed == 0 else (0.0, 45.0))
                })  # fmt: skip
            ax.plot(
                angles,
                list(values[0].values()),
                "o-",
                color=COLORS[prior],
                ms=4,
                label=f"{prior} sources",
            )
            lead[name, prior] = [value[0.0] - value[45.0] for value in values]
            best[name, prior] = values[0]
            measured[
                f"{name}, {prior}: evidence of the axes less that of the diagonals, nats a sample"
            ] = spread(lead[name, prior])
        measured[f"{name}: verdict of describe()"] = (
            f"{VERDICT[said.identifiable]}; mean L1 norm {said.true_l1:.3f} for the true basis, {said.best_l1:.3f} "
            "for the best turned one"
        )
        ax.set_title(f"{name}: {VERDICT[said.identifiable]}", fontsize=10)
        ax.set_xticks([0, 45, 90] if full else [0, 45])
        for angle in (0, 45, 90) if full else (0, 45):
            ax.axvline(angle, color=QUIET, linewidth=0.7, zorder=0)
        quieten(ax)
    axes[0].set_ylabel("evidence, nats a sample")
    axes[1].legend(fontsize=9, frameon=False)
    axes[1].set_xlabel("turn of the basis, degrees: 0 true axes, 45 composed pairs")

    def winner(name: str) -> tuple[str, float]:
        found = {
            (prior, angle): best[name, prior][angle] for prior in PRIORS for angle in (0.0, 45.0)
        }
        return max(found, key=lambda key: found[key])

    return Outcome(figure, measured, {
        "correlated: the diagonals win under either prior": all(max(lead["correlated", p]) < 0 for p in PRIORS),
        "uncorrelated: the Laplace prior prefers the diagonals": max(lead["uncorrelated", "Laplace"]) < 0,
        "uncorrelated: the uniform prior prefers the axes, with the highest evidence of all": (
            winner("uncorrelated") == ("uniform", 0.0) and min(lead["uncorrelated", "uniform"]) > 0
        ),
        "one-hot .75: the axes win under either prior": all(min(lead["one-hot .75", p]) > 0 for p in PRIORS),
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
