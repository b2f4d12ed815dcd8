"""E2. The codes of a fixed A: three solvers against plain gradient descent.

**The post** needs the most probable code of every sample for a fixed A. The paper used an interior-point solver; the
post did not want to write one, and took projected gradient steps, `s := ReLU(s - grad)`.

**We see** that those steps serve on the post's star of three if they start at zero. From a random start some samples
are still wrong after a thousand steps: along the directions that A does not see the objective is almost flat, and only
the small penalty drives a code there. With 16 sources in 8 dimensions no start helps, and the codes are grossly wrong.
The reconstruction hides it; the duality gap, which bounds the distance from the best objective, does not.

**What now works:** an exact active-set solver, accelerated projected gradient with Newton steps on the support, and an
interior point. They agree, every solution carries its gap, and a solver that misses its tolerance is warned of. The
post's solver is a class of a dozen lines here, certified like the others.
"""

import time
import warnings

import numpy as np
from experiment import Outcome, command
from plane import POINTS, label, panels, regular_star
from sklearn.exceptions import ConvergenceWarning

from overica.datasets import make_mixture
from overica.inference import MAPProblem, Solver, solve
from overica.plots._style import LEARNED, TRUE
from overica.priors import Exponential

COLOURS = {"interior_point": POINTS[1], "fista": POINTS[0], "active_set": LEARNED}
SETS = {"star": "the post's star, 2 x 3", "wide": "16 sources in 8 dimensions"}
NOISE, PRIOR = 0.05, Exponential(2.0)


class PlainGradient(Solver):
    """The post's: ``s := max(s - step grad, 0)``, at the longest step that is safe."""

    name = "gradient descent"
    max_iter = 10_000

    def supports(self, problem):
        return None if problem.prior.nonnegative else "keeps codes non-negative"

    def run(self, problem, codes0, tol, max_iter):
        A, S = problem.mixing, np.zeros((problem.n_samples, problem.n_components))
        S = S if codes0 is None else codes0
        step = 1 / np.linalg.norm(A, 2) ** 2
        for _ in range(max_iter):
            S = np.maximum(S + step * (problem.residual(S) @ A - problem.penalty), 0)
        return S, max_iter


def problems(n_samples: int, rng: np.random.Generator) -> dict[str, MAPProblem]:
    """Sources of mean 2 and noise of .05: all present in the plane, a fifth of them in eight dimensions."""
    found = {}
    for name, A, presence in (
        ("star", regular_star(), 1.0),
        ("wide", make_mixture(2, 8, 16, random_state=1).mixing, 0.2),
    ):
        S = PRIOR.sample((n_samples, A.shape[1]), rng)
        S *= rng.random(S.shape) < presence
        X = S @ A.T + NOISE * rng.standard_normal((n_samples, len(A)))
        found[name] = MAPProblem(A, X, PRIOR, NOISE**2)
    return found


def worst_gap(problem: MAPProblem, codes: np.ndarray) -> float:
    return max(float((problem.duality_gap(codes) / problem.objective(codes)).max()), 1e-16)


def run(full: bool) -> Outcome:
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(0)
    counts = np.unique(np.append(np.logspace(0, 3.7 if full else 3, 20).astype(int), 1000))
    figure, axes = panels([["star", "wide", "agree"]], 3.7, width_ratios=[1.2, 1.2, 1])
    measured, gaps, apart, late = {}, [], {}, {}
    for name, problem in problems(500 if full else 100, rng).items():
        ax, codes = axes[name], {}
        shape = (problem.n_samples, problem.n_components)
        for start, S, style in (("zero", None, "-"), ("random", PRIOR.sample(shape, rng), "--")):
            course, done = [], 0
            for count in counts:
                S = solve(problem, PlainGradient(), S, max_iter=int(count - done)).codes
                course.append(worst_gap(problem, S))
                done = count
                if count == 1000:
                    codes.setdefault("gradient descent", S)
                    late[name, start] = course[-1], S
            ax.plot(counts, course, style, color=TRUE, label=f"gradient descent from {start}")
        for solver, color in COLOURS.items():
            solve(problem, solver)
            begun = time.perf_counter()
            solution = solve(problem, solver)
            each = 1e6 * (time.perf_counter() - begun) / problem.n_samples
            codes[solver] = solution.codes
            gaps.append(worst_gap(problem, solution.codes))
            ax.plot(max(solution.n_iter, 1), gaps[-1], "o", color=color, markersize=8,
                    label=solver.replace("_", " "))  # fmt: skip
            measured[f"{SETS[name]}, {solver.replace('_', ' ')}: worst relative gap, time per sample"] = (
                f"{gaps[-1]:.0e}, {each:.0f} µs")  # fmt: skip
        ax.set(xscale="log", yscale="log", ylim=(1e-17, 30))
        label(ax, SETS[name], "iterations", "gap of the worst sample / objective")
        apart[name] = {solver: np.abs(S - codes["active_set"]).max() for solver, S in codes.items()}
        for start in ("zero", "random"):
            gap, S = late[name, start]
            measured[f"{SETS[name]}, 1000 plain steps from {start}: worst relative gap, largest error of a code"] = (
                f"{gap:.0e}, {np.abs(S - codes['active_set']).max():.2g}")  # fmt: skip
    axes["wide"].legend(fontsize=7.5, frameon=False, loc="lower left", bbox_to_anchor=(0, 0.42))
    names = list(codes)
    table = np.array([[np.abs(codes[a] - codes[b]).max() for b in names] for a in names])
    axes["agree"].imshow(np.log10(table + 1e-16), cmap="Blues", vmin=-16, vmax=2)
    for i, j in np.ndindex(table.shape):
        text, color = f"{table[i, j]:.0e}" if i != j else "", "w" if table[i, j] > 1e-4 else "k"
        axes["agree"].text(j, i, text, ha="center", va="center", fontsize=8, color=color)
    shown = [name.replace("_", "\n").replace(" ", "\n") for name in names]
    axes["agree"].set_xticks(range(4), shown, fontsize=8)
    axes["agree"].set_yticks(range(4), shown, fontsize=8)
    label(axes["agree"], "largest difference, 8 x 16")
    agree = max(
        value for found in apart.values() for solver, value in found.items() if solver in COLOURS
    )
    measured["largest difference of a code among the three solvers"] = f"{agree:.0e}"
    return Outcome(figure, measured, {
        "The three solvers agree to 1e-5": agree < 1e-5,
        "Each certifies a relative gap below 1e-8": max(gaps) < 1e-8,
        "Plain descent from zero arrives on the star": late["star", "zero"][0] < 1e-8,
        "From a random start some samples do not, in 1000 steps": late["star", "random"][0] > 0.1,
        "With 16 sources plain descent does not arrive": late["wide", "zero"][0] > 0.1,
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
