"""How well features in trees were found: the figures of SynthSAEBench, and shares of features found."""

from dataclasses import astuple, dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

FOUND = 0.9


@dataclass(frozen=True)
class Figures:
    """What is printed of a fit, in the order of the columns."""

    mcc: float
    """Mean |cosine| of the pairs, of which there are as many as columns (or features, if these are fewer)."""
    found: float
    """Share of all features whose partner is above .9."""
    frequent: float
    """The same of the most frequent quarter of the features."""
    f1: float
    explained: float
    l0: float
    seconds: float

    @classmethod
    def mean(cls, several):
        """Over seeds."""
        return cls(*np.mean([astuple(figures) for figures in several], axis=0))


def judge(directions, codes, X_hat, truth, seconds):
    """Figures of learned unit directions (width, n_features) and their codes of the samples of a `Features`."""
    partners = partner_cosines(directions, truth.directions)
    frequent = truth.frequent[: len(partners) // 4]
    X = truth.X.astype(np.float64)
    unexplained = ((X - X_hat) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
    return Figures(
        mcc=partners.sum() / min(len(directions), len(partners)),
        found=(partners > FOUND).mean(),
        frequent=(partners[frequent] > FOUND).mean(),
        f1=detection_f1(directions, codes, truth),
        explained=1 - unexplained,
        l0=(codes != 0).sum() / len(X),
        seconds=seconds,
    )


def partner_cosines(directions, true):
    """|cosine| of every true feature with its partner, the pairs one to one; 0 without one."""
    cosines = abs(unit(directions) @ unit(true).T)
    rows, columns = linear_sum_assignment(cosines, maximize=True)
    partners = np.zeros(len(true))
    partners[columns] = cosines[rows, columns]
    return partners


def detection_f1(directions, codes, truth):
    """F1 of each column as a detector of the feature nearest to it, averaged over the columns.

    The nearest by |cosine|, so that several columns may detect one feature; a column that never fires counts 0. This
    is `sae_lens.synthetic.compute_classification_metrics`.
    """
    nearest = abs(unit(directions) @ unit(truth.directions).T).argmax(axis=1)
    fires = sparse.csc_matrix(codes != 0)
    true = sparse.csc_matrix(truth.codes > 0)[:, nearest]
    both = fires.multiply(true).getnnz(axis=0)
    either = fires.getnnz(axis=0) + true.getnnz(axis=0)
    return float(np.mean(2 * both / np.maximum(either, 1)))


def chance(width, truth, seed, n_draws=3):
    """MCC of random directions."""
    # Not the stream from which a set of this seed may have drawn its own directions.
    rng = np.random.default_rng([seed, 1])
    n_true, n_features = truth.directions.shape
    drawn = (rng.standard_normal((width, n_features)) for _ in range(n_draws))
    sums = [partner_cosines(directions, truth.directions).sum() for directions in drawn]
    return float(np.mean(sums)) / min(width, n_true)


def unit(rows):
    """Rows of length one; of length zero where they were."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)
