"""E5. A short and a long column share a sample: who drags whom.

**The post** found something fishy in `-A z sᵀ`. A short column needs large codes, and its update is its code times the
sum of *all* columns that are active with it, so that a long neighbour decides where the short one goes. It may turn so
far that no sample is on its side any more, and is dead: "in fact what happens between steps 11 and 13".

**We see** just that, on the star of three with the true directions, one column short and one long. The drag across the
short column grows faster than the ratio of their lengths, and at a ratio of eight one modest step turns the short
column by some thirty degrees. (AAᵀ)⁻¹ takes most of that away; but the truth is a saddle of both rules (E3, E4.3), and
neither ends there, whatever the ratio it starts from.

**What now works:** in the evidence rule a sample moves its columns along their dual directions, what the neighbours
cannot explain. The short column hardly turns and mostly grows, and the run ends at the truth from every ratio.
"""

import numpy as np
from experiment import Outcome, command, spread
from plane import COLOURS, NAMES, arrows, band, cloud, label, mix, panels, rays, regular_star

from overica.learning import Model, direction, trace
from overica.metrics import mean_cosine
from overica.plots._style import QUIET
from overica.priors import Exponential

STAR = regular_star(3, 0.0)  # The first column short, the second long.
LEVEL = 0.005
RATES = {"natural": 0.1, "inverse": 0.02, "evidence": 0.3}


def degrees(a: np.ndarray) -> float:
    """Angle of a column; the short one starts at 0, the long one is at 120."""
    return float(np.rad2deg(np.arctan2(a[1], a[0])))


def run(full: bool) -> Outcome:
    n_samples, seeds = (2000, 4) if full else (1500, 3)
    ratios = np.array([1, 2, 4, 8, 16, 32])
    figure, axes = panels([[*RATES, "drag"], [*RATES, "end"]], 4.4, width_ratios=[1, 1, 1, 1.3])
    measured, drags, ends, turns = {}, {}, {}, {}
    for rule in RATES:
        drags[rule], ends[rule], turns[rule] = np.empty((3, seeds, len(ratios)))
        for seed in range(seeds):
            X, A = mix(np.random.default_rng(seed), STAR, n_samples)
            for k, ratio in enumerate(ratios):
                B = A * [ratio**-0.5, ratio**0.5, 1]
                asked = direction(rule, Model(B, Exponential(), LEVEL * np.sqrt(2)), X)
                course = trace(rule, B, X, "exponential", n_steps=200, learning_rate=RATES[rule],
                               schedule="constant", annealing=(LEVEL, LEVEL))  # fmt: skip
                drags[rule][seed, k] = abs(asked[1, 0]) / B[0, 0]
                turns[rule][seed, k] = degrees(course.mixing[1][:, 0])
                ends[rule][seed, k] = mean_cosine(course.mixing[-1], A, nonnegative=True)
                if ratio == 8 and seed == 0:
                    before, after, path = B, course.mixing[1], course.mixing[:40, :, 0]
        cloud(axes[rule], X, NAMES[rule], limit=0.9)
        rays(axes[rule], STAR)
        axes[rule].plot(*path.T, color=COLOURS[rule], linewidth=1.2, alpha=0.6)
        arrows(axes[rule], before[:, 1:], QUIET)
        arrows(axes[rule], before[:, :1], "k")
        arrows(axes[rule], after[:, :1], COLOURS[rule])
        band(axes["drag"], ratios, drags[rule], COLOURS[rule])
        band(axes["end"], ratios, ends[rule], COLOURS[rule])
        eight = list(ratios).index(8)
        measured[f"{NAMES[rule]}: turn of the short column towards the long one in a step, ratio 8, degrees"] = spread(
            turns[rule][:, eight], 1)  # fmt: skip
        measured[f"{NAMES[rule]}: mean cosine with the truth after 200 steps, ratio 8"] = spread(
            ends[rule][:, eight]
        )
    slope = np.polyfit(np.log(ratios[2:]), np.log(drags["natural"].mean(axis=0)[2:]), 1)[0]
    measured["power of the ratio with which the paper's rule drags"] = f"{slope:.2f}"
    for name in ("drag", "end"):
        axes[name].set_xscale("log", base=2)
        axes[name].set_xticks(ratios, ratios)
    axes["drag"].set_yscale("log")
    axes["end"].set_ylim(0, 1.05)
    label(axes["drag"], "update across the short column", "", "times its length")
    label(
        axes["end"],
        "cosine with the truth after 200 steps",
        "length of the long column over the short one",
    )
    return Outcome(figure, measured, {
        "The drag of the paper's rule grows faster than the ratio": slope > 1.2,
        "At ratio 8 a step turns the short column by more than 20°": turns["natural"][:, eight].min() > 20,
        "The evidence rule turns it by less than 3° at any ratio": np.abs(turns["evidence"]).max() < 3,
        "... and ends at the truth from every ratio": ends["evidence"].min() > 0.99,
        "The other two do not": max(ends["natural"].max(), ends["inverse"].max()) < 0.98,
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
