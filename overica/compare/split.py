"""The split of the error: how much is the dictionary's, the inference's, and the magnitudes' fault."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from overica.coding import Dictionary, least_squares
from overica.compare.encoders import true_support
from overica.metrics import Matching


@dataclass(frozen=True)
class ErrorSplit:
    """Unexplained shares of the variance, ``u = sum |x - x_hat|^2 / sum |x - mean|^2``, and what they are due to.

    Four reconstructions of the same samples, each but the first with the learned features:

    ==============  ===============  ======================================  ===========================
    u               features         which are active                        magnitudes
    ==============  ===============  ======================================  ===========================
    ``u_floor``     the true ones    those that truly are                    least squares
    ``u_oracle``    the learned      the matches of those that truly are     least squares
    ``u_refit``     the learned      those of the method's codes             least squares
    ``u_own``       the learned      those of the method's codes             the method's codes
    ==============  ===============  ======================================  ===========================

    Each differs from the one above in one thing alone, and that thing's error is the difference:

        dictionary = u_oracle - u_floor,   inference = u_refit - u_oracle,   magnitude = u_own - u_refit,

    so that ``floor + dictionary + inference + magnitude = u_own``, exactly.

    Notes
    -----
    *dictionary* is not negative beyond the scatter of the sample: with k features active and noise that is white,
    least squares on any k features leave (n_features - k) of the noise's n_features parts, and the true ones nothing
    else. *magnitude* is not negative at all, because least squares have the smallest error on a support; it is the
    shrinkage of l1 penalties and the bias of encoders. *inference* may be negative: where the features are wrong,
    those that reconstruct best are not the matches of those that truly are active, and a method that chooses them hides
    some of its dictionary's error; the same where more features are active than truly are.

    Where samples have truly as many active features as dimensions, every dictionary explains everything on the true
    support, and the parts mean nothing: they are NaN.

    Examples
    --------
    >>> split = ErrorSplit(dictionary=0.1, inference=0.05, magnitude=0.04, floor=0.01, total=0.2)
    >>> sum(split.as_dict().values()) - split.total
    0.2
    """

    dictionary: float
    """Error due to features that are not the true ones."""
    inference: float
    """Error due to the choice of active features."""
    magnitude: float
    """Error due to the codes of those that were chosen."""
    floor: float
    """What the true features on the true support leave: the noise."""
    total: float
    """What the method leaves; the sum of the others."""

    def as_dict(self) -> dict[str, float]:
        """The five figures by name."""
        return asdict(self)


def split_error(
    X: np.ndarray,
    codes: np.ndarray,
    dictionary: Dictionary,
    codes_true: np.ndarray,
    mixing_true: np.ndarray,
    matching: Matching,
    offset_true: np.ndarray | None = None,
) -> ErrorSplit:
    """Split what codes leave unexplained; definitions in `ErrorSplit`.

    Parameters
    ----------
    X : array (n_samples, n_features)
        Samples, not those of the fit.
    codes : array (n_samples, n_components)
        The method's codes of them, for features of unit norm.
    dictionary : Dictionary
        The learned features.
    codes_true : array (n_samples, n_true)
        True codes of the samples.
    mixing_true : array (n_features, n_true)
        True features as columns.
    matching : Matching
        Of `dictionary` with `mixing_true`.
    offset_true : array (n_features,), optional
        What truly is added to the mixtures; None is nothing.

    Returns
    -------
    ErrorSplit

    Examples
    --------
    The true features, and codes that are a fifth too small:

    >>> import numpy as np
    >>> from overica.coding import Dictionary, least_squares
    >>> from overica.metrics import match_components
    >>> S = np.array([[1.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> split = split_error(
    ...     S,
    ...     0.8 * S,
    ...     Dictionary.of_rows(np.eye(3)),
    ...     S,
    ...     np.eye(3),
    ...     match_components(np.eye(3), np.eye(3)),
    ... )
    >>> {name: round(value, 3) + 0.0 for name, value in split.as_dict().items()}
    {'dictionary': 0.0, 'inference': 0.0, 'magnitude': 0.045, 'floor': 0.0, 'total': 0.045}
    """
    power = ((X - X.mean(axis=0)) ** 2).sum()

    def unexplained(features: Dictionary, S: np.ndarray) -> float:
        return float(((X - features.decode(S)) ** 2).sum() / power) if power > 0 else float("nan")

    total = unexplained(dictionary, codes)
    if np.count_nonzero(codes_true) >= X.shape[1] * len(X):
        unknown = float("nan")
        return ErrorSplit(unknown, unknown, unknown, floor=unknown, total=total)
    nonnegative = bool((codes_true >= 0).all())
    truth = Dictionary.of_rows(np.asarray(mixing_true).T, offset_true)
    at_truth = least_squares(truth, X, codes_true != 0, nonnegative=nonnegative)
    support = true_support(codes_true, matching, codes.shape[1])
    at_matches = least_squares(dictionary, X, support, nonnegative=nonnegative)
    # Codes with negative entries are compared with least squares that may have them too.
    at_own = least_squares(dictionary, X, codes != 0, nonnegative=bool((codes >= 0).all()))
    floor = unexplained(truth, at_truth)
    oracle, best = unexplained(dictionary, at_matches), unexplained(dictionary, at_own)
    return ErrorSplit(oracle - floor, best - oracle, total - best, floor, total)
