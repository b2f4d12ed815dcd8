"""Exact l1 codes with a given dictionary: overica, SPAMS and scikit-learn, one thread, float64.

    python benchmarks/inference.py [--quick]

Signed codes of k-sparse samples in a random dictionary of unit norm, with a penalty at which the
mean number of active atoms is the one listed. Times are CPU milliseconds per 1000 samples, the
least of several interleaved repeats. Ours include everything, the Gram matrix and the dense codes
too; SPAMS is given the Gram matrix and computes the correlations. scikit-learn is the better of
`lasso_cd` and `lasso_lars`, on few samples. "warm" starts from the codes at a penalty 2 % higher.
A gap is the largest duality gap of a sample relative to its objective.
"""

import argparse
import os
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)

from overica.inference.kernels import lasso, lasso_moments  # noqa: E402

SIZES = {  # (m, n): mean active atoms, samples, samples for scikit-learn
    (2, 4): (1.5, 10_000, 500),
    (16, 32): (4, 10_000, 300),
    (64, 128): (8, 4_000, 200),
    (64, 256): (8, 4_000, 200),
    (256, 1024): (16, 2_000, 40),
    (768, 4096): (32, 4_000, 2),
}
QUICK = list(SIZES)[:4]


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
        if np.count_nonzero(lasso(A, X, middle)[0]) > active * len(X):
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))


def relative_gap(A, X, penalty, codes):
    """Largest gap over objective."""
    R = X - codes @ A.T
    C = R @ A
    c = np.minimum(1.0, penalty / np.abs(C).max(axis=1))[:, None]
    square = (R**2).sum(axis=1)
    gap = 0.5 * (1 - c[:, 0]) ** 2 * square + (penalty * np.abs(codes) - c * codes * C).sum(axis=1)
    return float((gap / (0.5 * square + penalty * np.abs(codes).sum(axis=1))).max())


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


def spams_jobs(A, X, penalty):
    """SPAMS with its Gram matrix given, and its codes; empty if it is not installed."""
    try:
        import spams
    except ImportError:
        return {}, None
    samples, D = np.asfortranarray(X.T), np.asfortranarray(A)
    gram = np.asfortranarray(A.T @ A)

    def job():
        correlations = np.asfortranarray(D.T @ samples)
        return spams.lasso(samples, Q=gram, q=correlations, lambda1=penalty, mode=2, numThreads=1)

    return {"spams": job}, job


def row(m, n, active, n_samples, n_sklearn, repeats):
    """One line of the table."""
    A, X = make(m, n, active, n_samples)
    penalty = penalty_for(A, X[:200], active)
    codes = lasso(A, X, penalty)[0]
    jobs, spams_job = spams_jobs(A, X, penalty)
    jobs |= {
        "ours": lambda: lasso(A, X, penalty),
        "gemm": lambda: X @ A,
        "warm": lambda: lasso(A, X, 0.98 * penalty, codes0=codes),
    }
    if n <= 1024:
        lasso_moments(A, X, penalty)
        jobs["moments"] = lambda: lasso_moments(A, X, penalty)
    lasso(A.astype(np.float32), X[:100].astype(np.float32), penalty)
    single = A.astype(np.float32), X.astype(np.float32)
    jobs["float32"] = lambda: lasso(*single, penalty)
    times = {name: 1e6 * t / n_samples for name, t in least_times(jobs, repeats).items()}
    times["sklearn"] = 1e6 * scikit_learn_time(A, X[:n_sklearn], penalty) if n_sklearn else np.nan
    spams = times.get("spams", np.nan)
    gap_spams = relative_gap(A, X, penalty, spams_job().toarray().T) if spams_job else np.nan
    print(
        f"{m:4d}x{n:<5d}{np.count_nonzero(codes) / n_samples:6.1f}"
        f"{times['gemm']:9.3f}{times['ours']:10.3f}"
        f"{times['ours'] / times['gemm']:8.1f}{spams:10.3f}{spams / times['ours']:8.1f}"
        f"{times['sklearn']:10.1f}{times['sklearn'] / times['ours']:8.0f}"
        f"{times['warm']:10.3f}{times['float32']:10.3f}{times.get('moments', np.nan):10.3f}"
        f"{relative_gap(A, X, penalty, codes):10.1e}{gap_spams:10.1e}",
        flush=True,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and few samples only")
    quick = parser.parse_args().quick
    print(
        "   m x n     L0     GEMM      ours  x GEMM     SPAMS   ratio   sklearn   ratio"
        "      warm   float32   moments       gap SPAMS gap"
    )
    for (m, n), (active, n_samples, n_sklearn) in SIZES.items():
        if (m, n) in QUICK or not quick:
            share = 4 if quick else 1
            repeats = 5 if n < 2000 else 2
            row(m, n, active, n_samples // share, n_sklearn // share, repeats)
    print("dense codes, L0 = .9 m")
    row(16, 32, 14.4, 500, 100 if not quick else 0, 3)
    if not quick:
        row(64, 128, 57.6, 200, 0, 2)


if __name__ == "__main__":
    main()
