"""The half-spaces of a start must cover the space.

**The post** found that a cone outside all positive half-spaces of the columns can never be learned from, and asked for
starts as orthogonal as possible.

**We see** how often a start covers. For random columns it is Wendel's theorem, ``1 - 2^(1-n) sum_{k<m} C(n-1, k)``:
with twice as many columns as dimensions every second start leaves a cone out. Orthogonal rows, the least coherent start
there is, cover about as often. The paper's rule fails from either kind of start. The evidence rule finds all three
directions from every start that covers, and from most that do not, since columns turn and open the cone; but not all.

**What now works**: starts drawn by the library are mended until every sample is within 90 degrees of a column, and
a start given by hand that leaves samples out is an error that says how much. Signed sources need none of this.
"""

from math import comb

import numpy as np
from experiment import Outcome, command
from plane import COLOURS, NAMES, arrows, cloud, label, panels, rays
from scipy.optimize import linprog

from overica.datasets import make_exponential
from overica.initialisation import INITIALISATIONS, start_mixing, unreached
from overica.learning import trace
from overica.metrics import match_components
from overica.plots._style import DATA, LEARNED, TRUE

DIMENSIONS = {2: TRUE, 8: LEARNED, 16: DATA}


def wendel(m: int, n: int) -> float:
    """Probability that n random half-spaces cover m dimensions (Wendel, 1962)."""
    return 1 - sum(comb(n - 1, k) for k in range(m)) / 2 ** (n - 1)


def covers(A: np.ndarray) -> bool:
    """Whether the origin is inside the hull of the columns: a positive combination of all of them is zero."""
    m, n = A.shape
    # Largest t with A w = 0, sum w = 1, w >= t.
    solution = linprog(
        np.append(np.zeros(n), -1.0), A_ub=np.c_[-np.eye(n), np.ones(n)], b_ub=np.zeros(n),
        A_eq=np.c_[np.vstack([A, np.ones(n)]), np.zeros(m + 1)], b_eq=np.append(np.zeros(m), 1.0),
        bounds=[(0, None)] * n + [(None, None)],
    )  # fmt: skip
    return bool(solution.success and -solution.fun > 1e-9)


def gaussian(X: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Columns in random directions."""
    return rng.standard_normal((X.shape[1], n))


def run(full: bool) -> Outcome:
    n_draws, n_runs = (400, 20) if full else (60, 5)
    rng = np.random.default_rng(0)
    figure, axes = panels(
        [["cover", "left out", "covers", "strip"]], 3.4, width_ratios=[1.3, 1, 1, 1.2]
    )
    off, starts = (
        [],
        {"random": (gaussian, "o"), "orthogonal rows": (INITIALISATIONS["orthogonal"], "x")},
    )
    for m, color in DIMENSIONS.items():
        ratios = np.arange(1, 3.01, 1 / m)
        sizes = np.round(ratios * m).astype(int)
        axes["cover"].plot(
            ratios, [wendel(m, n) for n in sizes], color=color, label=f"{m} dimensions"
        )
        for draw, marker in starts.values():
            for n in sizes[:: max(1, m // 2)]:
                share = np.mean([covers(draw(np.empty((0, m)), n, rng)) for _ in range(n_draws)])
                axes["cover"].plot(n / m, share, marker, color=color, markersize=5, mfc="none")
                if marker == "o":
                    off.append(abs(share - wendel(m, n)) / np.sqrt(0.25 / n_draws))
    label(
        axes["cover"],
        "starts that cover\n(line: Wendel, o: random, x: orthogonal)",
        "columns / dimensions",
    )
    axes["cover"].legend(fontsize=8, frameon=False)
    cosines = {
        (rule, kind): [] for rule in ("natural", "evidence") for kind in ("left out", "covers")
    }
    mended = []
    for run_index in range(n_runs):
        data = make_exponential(4000, 3, random_state=run_index)
        X = data.X / data.X.std()
        for kind in ("left out", "covers"):
            start = gaussian(X, 3, rng)
            while not (covers(start) if kind == "covers" else unreached(start, X).mean() > 0.1):
                start = gaussian(X, 3, rng)
            start /= np.linalg.norm(start, axis=0)
            for rule, rate in (("natural", 0.05), ("evidence", 1.0)):
                course = trace(rule, start, X, "exponential", learning_rate=rate, n_steps=150,
                               annealing=(0.5, 0.05), batch_size=500, random_state=0)  # fmt: skip
                worst = match_components(
                    course.mixing[-1], data.mixing, nonnegative=True
                ).cosines.min()
                cosines[rule, kind].append(worst)
            if run_index == 0:
                cloud(
                    axes[kind],
                    X,
                    f"a start that\n{'leaves a cone out' if kind == 'left out' else 'covers'}",
                )
                rays(axes[kind], data.mixing)
                missed = X[unreached(start, X)]
                axes[kind].scatter(*missed.T, s=5, color=COLOURS["natural"], linewidths=0)
                arrows(axes[kind], 0.7 * axes[kind].get_xlim()[1] * start, LEARNED)
        mended.append(unreached(start_mixing("orthogonal", X, 3, rng, True), X).mean())
    for row, ((rule, _), values) in enumerate(cosines.items()):
        axes["strip"].plot(values, np.full(len(values), row) + rng.uniform(-0.1, 0.1, len(values)), "o",
                           color=COLOURS[rule], alpha=0.6, markersize=4, mec="none")  # fmt: skip
    names = [f"{NAMES[rule]},\n{kind}" for rule, kind in cosines]
    axes["strip"].set(yticks=range(4), xlim=(-1.05, 1.05))
    axes["strip"].set_yticklabels(names, fontsize=8)
    label(axes["strip"], "where 150 steps end", "cosine of the worst direction")
    found = {key: sum(np.array(values) > 0.98) for key, values in cosines.items()}
    measured = {
        f"{NAMES[rule]}, start {kind}: runs with all three above .98": f"{count} of {n_runs}"
        for (rule, kind), count in found.items()
    }
    measured["largest distance of simulated shares from Wendel's, standard errors"] = (
        f"{max(off):.1f}"
    )
    measured["samples left out by the library's starts"] = f"{max(mended):.1%} at most"
    better = found["evidence", "covers"] >= found["evidence", "left out"]
    return Outcome(figure, measured, {
        "Random starts cover as often as Wendel says": max(off) < 4,
        "The library's starts leave no sample out": max(mended) == 0,
        "The evidence rule succeeds from every start that covers": found["evidence", "covers"] == n_runs,
        "It succeeds no more often from starts that do not": better,
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
