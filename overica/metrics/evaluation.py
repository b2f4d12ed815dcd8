"""Every metric of one result at once, each with its chance level and the truth's own figure."""

from typing import Any, NamedTuple

import numpy as np

from overica._deprecation import renamed_keyword
from overica.metrics.arrays import as_matrix
from overica.metrics.chance import chance_level
from overica.metrics.code_chance import code_chance, fit_chance
from overica.metrics.matching import Matching, match_components
from overica.metrics.monosemanticity import (
    feature_responses,
    monosemanticity,
    monosemanticity_chance,
)
from overica.metrics.registry import CODE_METRICS, COMPOSITION_METRICS, FIT_METRICS, METRICS
from overica.random_state import generator


class Figure(NamedTuple):
    """A figure between what chance and what the truth would give; NaN where undefined.

    Examples
    --------
    >>> import numpy as np
    >>> figure = evaluate(np.eye(2), np.eye(2), random_state=0)["mean_cosine"]
    >>> figure.value, figure.best, figure.chance < 1
    (1.0, 1.0, True)
    """

    value: float
    """Of the learned result."""
    chance: float
    """Of random directions, shuffled codes or a random dictionary, as each metric's table has it."""
    best: float
    """Of the truth itself.  With noise in the samples the truth explains less than all of the
    variance, and a result can exceed it."""

    def __str__(self) -> str:
        return f"{self.value:.3f} (chance {self.chance:.3f}, best {self.best:.3f})"


UNDEFINED = Figure(float("nan"), float("nan"), float("nan"))


@renamed_keyword("signed", "nonnegative")
def evaluate(
    mixing_a: Any,
    mixing_true: Any = None,
    *,
    codes: Any = None,
    codes_true: Any = None,
    X: Any = None,
    X_hat: Any = None,
    nonnegative: bool = False,
    featuriser: Any = None,
    n_draws: int = 20,
    random_state: int | np.random.Generator | None = 0,
) -> dict[str, Figure]:
    """All metrics of a learned dictionary, its codes and its reconstruction.

    The names are those of `METRICS`, `COMPOSITION_METRICS`, `CODE_METRICS` and `FIT_METRICS`, and
    "monosemanticity", always all of them; a figure that needs something that is not given is NaN.

    ==================== ============================== =======================================
    figures of           need                           chance is the mean over
    ==================== ============================== =======================================
    directions           `mixing_true`                  pairs of random matrices of these sizes
    composition          `mixing_true`                  the same
    codes                `mixing_true`, `codes`,        orders of the true codes' samples
                         `codes_true`
    fit                  `codes`, `X`, `X_hat`          random dictionaries of this size with
                                                        as many codes per sample
    monosemanticity      `mixing_true`, `featuriser`    orders of each feature's responses
    ==================== ============================== =======================================

    Any numbers of learned and true columns will do.  Learned codes are compared in the units and,
    unless `nonnegative`, with the sign of the true column that theirs is matched to.

    Parameters
    ----------
    mixing_a : array-like of shape (n_features, n_learned)
        Learned directions, the columns with which codes become samples.
    mixing_true : array-like of shape (n_features, n_true), optional
        True directions.
    codes : array-like of shape (n_samples, n_learned), optional
        Learned codes.
    codes_true : array-like of shape (n_samples, n_true), optional
        True codes of the same samples.
    X, X_hat : array-like of shape (n_samples, n_features), optional
        Samples and their reconstruction, offset included.
    nonnegative : bool
        Whether codes cannot be negative, so that a column and its negative differ.
    featuriser : object with ``transform``, optional
        What was fitted; it is shown the true directions one at a time, see `feature_responses`,
        at the mean size of their non-zero true codes, or 1 without these.
    n_draws : int
        Random matrices behind the chance level of directions.
    random_state : None, int or numpy.random.Generator
        Source of chance.  With an integer the levels of directions are drawn once per size, and
        remembered.

    Returns
    -------
    dict of str to Figure

    Raises
    ------
    ValueError
        If the arrays do not fit together or are not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((4, 6))
    >>> S = rng.exponential(size=(500, 6)) * (rng.random((500, 6)) < 0.3)
    >>> X = S @ A.T
    >>> figures = evaluate(A, A, codes=S, codes_true=S, X=X, X_hat=X, nonnegative=True)
    >>> figures["f1"].value, figures["f1"].best, round(figures["f1"].chance, 2)
    (1.0, 1.0, 0.3)
    >>> figures["explained_variance"].best
    1.0
    """
    A = as_matrix(mixing_a, "mixing_a", "n_features", "n_learned")
    names = [*METRICS, *COMPOSITION_METRICS, *CODE_METRICS, *FIT_METRICS, "monosemanticity"]
    figures = dict.fromkeys(names, UNDEFINED)
    rng = generator(random_state)
    seed = random_state if isinstance(random_state, int) else int(rng.integers(2**32))
    B = S_true = S = None
    if mixing_true is not None:
        B = as_matrix(mixing_true, "mixing_true", "n_features", "n_true", length=len(A))
        figures |= _directions(A, B, nonnegative, n_draws, seed)
    if codes is not None:
        S = _codes(codes, "codes", A.shape[1])
    if B is not None and codes_true is not None:
        S_true = _codes(codes_true, "codes_true", B.shape[1])
    if B is not None and S is not None and S_true is not None:
        figures |= _codes_figures(S, S_true, match_components(A, B, nonnegative), rng)
    if S is not None and X is not None and X_hat is not None:
        figures |= _fit(X, X_hat, S, nonnegative, rng)
        if B is not None and S_true is not None:
            truth = S_true @ B.T
            for name, score in FIT_METRICS.items():
                figures[name] = figures[name]._replace(best=score(X, truth, S_true))
    if B is not None and featuriser is not None:
        responses = feature_responses(featuriser, B, _typical(S_true, B.shape[1]))
        chance = monosemanticity_chance(responses, random_state=rng)
        figures["monosemanticity"] = Figure(monosemanticity(responses), chance, 1.0)
    return figures


def _codes(value: Any, name: str, n_columns: int) -> np.ndarray:
    S = as_matrix(value, name, "n_samples", "n_components")
    if S.shape[1] != n_columns:
        raise ValueError(
            f"`{name}` must have shape (n_samples, n_components={n_columns}), got {S.shape}"
        )
    return S


def _directions(
    A: np.ndarray, B: np.ndarray, nonnegative: bool, n_draws: int, seed: int
) -> dict[str, Figure]:
    sizes = (len(A), A.shape[1], B.shape[1])
    return {
        name: Figure(
            score(A, B, nonnegative),
            chance_level(score, *sizes, nonnegative, n_draws, random_state=seed).mean,
            score(B, B, nonnegative),
        )
        for name, score in (METRICS | COMPOSITION_METRICS).items()
    }


def _codes_figures(
    S: np.ndarray, S_true: np.ndarray, matching: Matching, rng: np.random.Generator
) -> dict[str, Figure]:
    itself = Matching.identity(S_true.shape[1])
    return {
        name: Figure(
            score(S, S_true, matching),
            code_chance(name, S, S_true, matching, random_state=rng),
            score(S_true, S_true, itself),
        )
        for name, score in CODE_METRICS.items()
    }


def _fit(
    X: Any, X_hat: Any, S: np.ndarray, nonnegative: bool, rng: np.random.Generator
) -> dict[str, Figure]:
    chance = fit_chance(X, S, nonnegative, random_state=rng)
    return {
        name: Figure(score(X, X_hat, S), chance[name], float("nan"))
        for name, score in FIT_METRICS.items()
    }


def _typical(codes_true: np.ndarray | None, n_true: int) -> np.ndarray:
    """Mean size of each feature's non-zero codes; 1 for those that have none."""
    if codes_true is None:
        return np.ones(n_true)
    firings = np.count_nonzero(codes_true, axis=0)
    total = np.abs(codes_true).sum(axis=0)
    return np.divide(total, firings, out=np.ones(n_true), where=firings > 0)
