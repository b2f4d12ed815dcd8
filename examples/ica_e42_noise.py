"""E4.2. Noise: is it what the paper's rule was missing?

**The post** wondered whether the rule breaks down because its data had no noise, which the paper calls crucial, and
added some: .05, for sources of mean 2. "Didn't work."

**We see** the same: at that noise, a fiftieth of the spread of the data, and at any other, the paper's rule ends away
from the truth, from a perturbed start too. Noise is not what was missing; the evidence rule needs none, and all but
does not notice it until its variance is that of the signal.

**What now works:** the noise variance is learned with the basis, by exact evidence in the plane. It is right to a tenth
or so from a hundredth of the signal's variance on; below, it is under the resolution of the grid, and the answer is
only "little".
"""

import numpy as np
from experiment import Outcome, command, spread
from plane import COLOURS, NAMES, arrows, band, cloud, label, panels, rays, turned

from overica.datasets import make_exponential
from overica.learning import PlanarEvidence, trace
from overica.metrics import chance_level, mean_cosine
from overica.plots._style import DATA, QUIET, TRUE
from overica.priors import Exponential

POST = 0.02  # The post's noise as a share of the standard deviation of its mixtures.

OPTIONS = {"learning_rate": 0.03, "n_steps": 400, "schedule": "constant"}


def run(full: bool) -> Outcome:
    levels = (0.0, POST, 0.1, 0.2, 0.5, 1.0, 2.0) if full else (0.0, POST, 0.5)
    seeds, n_samples = (3, 8000) if full else (2, 4000)
    figure, axes = panels([["post", "loud", "found", "noise"]], 3.3, width_ratios=[1, 1, 1.3, 1.1])
    measured, learned, cosines = {}, {}, {}
    for level in levels:
        for seed in range(seeds):
            data = make_exponential(n_samples, noise=level, random_state=seed)
            rng = np.random.default_rng(seed)
            A = data.mixing * data.codes.mean()
            # The paper's rule has its own noise level, the true one within what keeps its columns alive.
            own = float(np.clip(data.noise_variance / np.sqrt(2), 0.01, 0.05))
            runs = {
                "natural": OPTIONS | {"annealing": (own, own)},
                "evidence": {"annealing": (0.5, 0.01)},
            }
            start = {"natural": turned(rng, A, 8), "evidence": turned(rng, A, 1e4)}
            for rule, options in runs.items():
                course = trace(
                    rule,
                    start[rule],
                    data.X,
                    "exponential",
                    batch_size=1500,
                    random_state=seed,
                    **options,
                )
                B = course.mixing[-1]
                if rule == "evidence":
                    exact = PlanarEvidence(data.X, Exponential(), rng).maximise(B)
                    B = exact.mixing
                    learned.setdefault(level, []).append(
                        (data.noise_variance, exact.noise_variance)
                    )
                cosines.setdefault((rule, level), []).append(
                    mean_cosine(B, data.mixing, nonnegative=True)
                )
                if seed == 0 and level in (POST, 0.5):
                    ax = axes["post" if level == POST else "loud"]
                    if rule == "natural":
                        cloud(ax, data.X, f"noise {100 * level:.0f} % of the spread", limit=3.0)
                        rays(ax, data.mixing)
                    arrows(ax, B * 1.8 / np.linalg.norm(B, axis=0).max(), COLOURS[rule])
    places = [max(level, 0.008) for level in levels]  # No noise, on a logarithmic axis.
    for rule in ("natural", "evidence"):
        name = f"{NAMES[rule]}, {'perturbed' if rule == 'natural' else 'random'} start"
        found = np.transpose([cosines[rule, level] for level in levels])
        band(axes["found"], places, found, COLOURS[rule], label=name)
        for level in levels:
            measured[f"{name}, noise {100 * level:.0f} %: mean cosine"] = spread(
                cosines[rule, level]
            )
    chance = chance_level("mean_cosine", 2, 3, 3, nonnegative=True, random_state=0).mean
    axes["found"].axhline(chance, color=QUIET, linestyle="--", linewidth=1)
    axes["found"].text(places[-1], chance + 0.02, "chance", fontsize=8, ha="right", color=DATA)
    axes["found"].set(xscale="log", ylim=(0, 1.05))
    axes["found"].set_xticks(places, [f"{100 * level:.0f}" for level in levels], fontsize=8)
    axes["found"].minorticks_off()
    axes["found"].legend(fontsize=7.5, frameon=False, loc="lower left", bbox_to_anchor=(0, 0.6))
    label(
        axes["found"],
        "what is found",
        "noise, % of the mixtures' spread",
        "mean cosine with the truth",
    )
    pairs = np.array([pair for level in levels for pair in learned[level] if level > 0])
    ends = [5e-5, 2 * pairs.max()]
    axes["noise"].plot(ends, ends, color=TRUE, linestyle=(0, (5, 3)), linewidth=1.5)
    axes["noise"].plot(
        *pairs.T, "o", color=COLOURS["evidence"], markersize=4.5, alpha=0.6, mec="none"
    )
    axes["noise"].set(xscale="log", yscale="log", aspect="equal")
    label(axes["noise"], "noise variance", "true", "learned")
    for level in levels:
        ratio = [found / true for true, found in learned[level] if level >= 0.1]
        if ratio:
            measured[f"learned over true noise variance, noise {100 * level:.0f} %"] = spread(
                ratio, 2
            )
    ratios = np.array(
        [found / true for level in levels if level >= 0.2 for true, found in learned[level]]
    )
    return Outcome(figure, measured, {
        "The paper's rule leaves the truth at any noise": max(
            np.mean(cosines["natural", level]) for level in levels) < 0.97,
        "The evidence rule finds all columns up to as much noise as signal": min(
            min(cosines["evidence", level]) for level in levels if level <= 1) > 0.99,
        "From a share of .2 on the noise variance is learned within a quarter": np.abs(ratios - 1).max() < 0.25,
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
