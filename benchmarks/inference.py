"""Exact l1 codes with a given dictionary: overica, SPAMS and scikit-learn, one thread, float64.

    python benchmarks/inference.py [--quick]

Signed codes of k-sparse samples in a random dictionary of unit norm, with a penalty at which the mean number of active
atoms is the one listed. Times are CPU milliseconds per 1000 samples, the least of several interleaved repeats. All
calls are public ones, with everything that they do:

solve       overica.inference.solve, cold: checks, codes, and the duality gap of every sample
coder       transform of overica.coding.SparseCoder
transform   that of a fitted OvercompleteICA that has this dictionary, and its score, the evidence of every sample
SPAMS       spams.lasso, given the Gram matrix; it computes the correlations, and certifies nothing
sklearn     sparse_encode, the better of `lasso_cd` and `lasso_lars`, on few samples, given the Gram matrix
warm        solve from the codes at a penalty 2 % higher
float32     solve in single precision
kernel      the compiled function inside solve, for comparison

"x GEMM" is solve over the matrix product ``X @ A`` alone. A gap is the largest duality gap of a sample relative to its
objective, as solve reports it and, for SPAMS, as `MAPProblem.duality_gap` finds it.
"""

import argparse
import os
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)

from overica import OvercompleteICA  # noqa: E402
from overica._kernels import lasso  # noqa: E402
from overica.coding import SparseCoder  # noqa: E402
from overica.inference import MAPProblem, solve  # noqa: E402

SIZES = {  # (m, n): mean active atoms, samples, samples for scikit-learn
    (2, 4): (1.5, 10_000, 500),
    (16, 32): (4, 10_000, 300),
    (64, 128): (8, 4_000, 200),
    (64, 256): (8, 4_000, 200),
    (256, 1024): (16, 2_000, 40),
    (768, 4096): (32, 4_000, 2),
}
DENSE = {(16, 32): (14.4, 1_000, 100), (64, 128): (57.6, 400, 0)}
QUICK = list(SIZES)[:4]
LARGEST_FIT = 1024
"""Components up to which the estimator is fitted."""


def make(m, n, active, n_samples, seed=0):
    """Dictionary and samples, noise one per cent of the samples' standard deviation."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n))
    A /= np.linalg.norm(A, axis=0)
    X = np.empty((n_samples, m))
    for i in range(n_samples):
        k = int(active) + (rng.random() < active - int(active))
        chosen = rng.choice(n, k, replace=False)
        X[i] = A[:, chosen] @ rng.laplace(size=k)
    return A, X + 0.01 * X.std() * rng.standard_normal(X.shape)


def penalty_for(A, X, active):
    """Penalty at which the mean number of active atoms is ``active``, by bisection."""
    low, high = 1e-4, 2.0
    for _ in range(12):
        middle = np.sqrt(low * high)
        if np.count_nonzero(lasso(A, X, middle).codes) > active * len(X):
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))


def least_times(jobs, repeats):
    """Least CPU seconds of each job, interleaved, since a shared machine has slow spells."""
    least = dict.fromkeys(jobs, np.inf)
    for _ in range(repeats):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            least[name] = min(least[name], time.process_time() - start)
    return least


def scikit_learn_time(A, X, penalty):
    """Seconds per sample of the better algorithm; the Gram matrix is given."""
    from sklearn.decomposition import sparse_encode

    atoms, gram = np.ascontiguousarray(A.T), A.T @ A
    algorithms = ("lasso_cd", "lasso_lars") if len(X) > 10 else ("lasso_cd",)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jobs = {
            name: lambda name=name: sparse_encode(
                X, atoms, gram=gram, algorithm=name, alpha=penalty, n_jobs=1, max_iter=10_000
            )
            for name in algorithms
        }
        return min(least_times(jobs, 1).values()) / len(X)


def spams_job(A, X, penalty):
    """SPAMS with its Gram matrix given; None if it is not installed."""
    try:
        import spams
    except ImportError:
        return None
    samples, D = np.asfortranarray(X.T), np.asfortranarray(A)
    gram = np.asfortranarray(A.T @ A)

    def job():
        correlations = np.asfortranarray(D.T @ samples)
        return spams.lasso(samples, Q=gram, q=correlations, lambda1=penalty, mode=2, numThreads=1)

    return job


def fitted(A, X, penalty, active):
    """An estimator that has this dictionary, and infers at this penalty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one step does not settle
        ica = OvercompleteICA(
            A.shape[1], init=A, max_iter=1, center=False, whiten=False, random_state=0
        )
        ica.fit(X[:600])
    ica.mixing_, ica.scales_, ica.penalty_ = A, np.ones(A.shape[1]), penalty
    ica.noise_variance_ = (0.01 * X.std()) ** 2
    ica.presence_ = np.full(A.shape[1], active / A.shape[1])
    return ica


def row(m, n, active, n_samples, n_sklearn, repeats):
    """One line of the table."""
    A, X = make(m, n, active, n_samples)
    penalty = penalty_for(A, X[:200], active)
    problem = lambda X=X, A=A, penalty=penalty: MAPProblem(A, X, "laplace", penalty)  # noqa: E731
    solution = solve(problem())
    coder = SparseCoder(A.T, penalty=penalty).fit(X)
    single = A.astype(np.float32), X.astype(np.float32)
    jobs = {
        "gemm": lambda: X @ A,
        "solve": lambda: solve(problem()),
        "coder": lambda: coder.transform(X),
        "warm": lambda: solve(problem(penalty=0.98 * penalty), codes0=solution.codes),
        "float32": lambda: solve(problem(single[1], single[0])),
        "kernel": lambda: lasso(A, X, penalty),
    }
    if n <= LARGEST_FIT:
        ica = fitted(A, X, penalty, active)
        jobs |= {"transform": lambda: ica.transform(X), "score": lambda: ica.score(X)}
    peer, gap_spams = spams_job(A, X, penalty), np.nan
    if peer is not None:
        jobs["spams"] = peer
        codes = peer().toarray().T
        gap_spams = float((problem().duality_gap(codes) / problem().objective(codes)).max())
    times = {name: 1e6 * t / n_samples for name, t in least_times(jobs, repeats).items()}
    ours, spams = times["solve"], times.get("spams", np.nan)
    sklearn = 1e6 * scikit_learn_time(A, X[:n_sklearn], penalty) if n_sklearn else np.nan
    gap = float((solution.gap / problem().objective(solution.codes)).max())
    print(
        f"{m:4d}x{n:<5d}{np.count_nonzero(solution.codes) / n_samples:6.1f}"
        f"{times['gemm']:9.3f}{ours:10.3f}{ours / times['gemm']:8.1f}{spams:10.3f}{spams / ours:7.1f}"
        f"{sklearn:11.1f}{sklearn / ours:8.0f}{times['coder']:10.3f}{times.get('transform', np.nan):10.3f}"
        f"{times.get('score', np.nan):10.3f}{times['warm']:10.3f}{times['float32']:10.3f}{times['kernel']:10.3f}"
        f"{gap:10.1e}{gap_spams:10.1e}",
        flush=True,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and few samples only")
    quick = parser.parse_args().quick
    print(
        "   m x n     L0     GEMM     solve  x GEMM     SPAMS  ratio    sklearn   ratio     coder transform"
        "     score      warm   float32    kernel       gap SPAMS gap"
    )
    for (m, n), (active, n_samples, n_sklearn) in SIZES.items():
        if (m, n) in QUICK or not quick:
            share = 4 if quick else 1
            repeats = 5 if n < 2000 else 2
            row(m, n, active, n_samples // share, n_sklearn // share, repeats)
    print("dense codes, L0 = .9 m")
    for (m, n), (active, n_samples, n_sklearn) in DENSE.items():
        if m < 64 or not quick:
            row(m, n, active, n_samples // 2 if quick else n_samples, 0 if quick else n_sklearn, 3)


if __name__ == "__main__":
    main()
