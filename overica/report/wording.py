"""What every figure is called, what it means in one line, and which way is better."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """How a metric is written and read."""

    label: str
    """Heading of its column."""
    group: str
    """A key of `GROUPS`."""
    definition: str
    """One line."""
    ideal: float = math.inf
    """The best possible direction: inf for "more is better", -inf for less, else the value to
    come close to; NaN where none is better than another."""

    def merit(self, value: float) -> float:
        """Return a number that grows as the metric gets better; NaN where there is no better."""
        if math.isinf(self.ideal):
            return math.copysign(1.0, self.ideal) * value
        return -abs(value - self.ideal)


GROUPS = {
    "directions": "Directions: the learned dictionary against the true one",
    "codes": "Codes: what fires, when, and how strongly",
    "fit": "Fit: held-out samples and their reconstruction",
    "other": "Further figures",
}

METRICS = {
    "share_recovered": Wording(
        "share recovered",
        "directions",
        "Share of the true directions whose one-to-one match has a cosine of at least .98.",
    ),
    "mean_cosine": Wording(
        "mean cosine",
        "directions",
        "Mean cosine between each true direction and the learned one matched to it, one to one; "
        "a true direction without a match counts 0.",
    ),
    "mean_max_cosine": Wording(
        "MMCS (precision)",
        "directions",
        "Mean over the learned directions of the largest cosine with any true one: are the "
        "learned directions true?",
    ),
    "mean_max_cosine_recall": Wording(
        "MMCS (recall)",
        "directions",
        "Mean over the true directions of the largest cosine with any learned one: are the true "
        "directions found?",
    ),
    "composition_index": Wording(
        "composition",
        "directions",
        "Effective number of true directions that a learned one is the sum of; 1 is one alone.",
        1.0,
    ),
    "composed_share": Wording(
        "composed share",
        "directions",
        "Share of the learned directions that a sum of two true ones explains and no single one "
        "does; low for random directions too.",
        math.nan,
    ),
    "stability": Wording(
        "stability",
        "directions",
        "Mean cosine between the matched directions of two seeds; seeds can agree on what is wrong.",
    ),
    "precision": Wording(
        "precision", "codes", "Share of the firings of a learned code that are true firings."
    ),
    "recall": Wording("recall", "codes", "Share of the true firings that the learned code has."),
    "f1": Wording("F1", "codes", "Harmonic mean of precision and recall of firing."),
    "code_correlation": Wording(
        "code correlation",
        "codes",
        "Mean correlation between a true code and the one matched to it, over held-out samples.",
    ),
    "shrinkage": Wording(
        "shrinkage",
        "codes",
        "Slope of the learned on the true codes where both fire: 1 is none, .8 is a fifth lost.",
        1.0,
    ),
    "magnitude_error": Wording(
        "magnitude error",
        "codes",
        "Squared error of the codes where both fire, relative to the true ones.",
        -math.inf,
    ),
    "monosemanticity": Wording(
        "monosemanticity",
        "codes",
        "Largest share that one true feature has of a learned feature's response, averaged over "
        "the learned features.",
    ),
    "explained_variance": Wording(
        "explained variance",
        "fit",
        "1 minus the squared error of the reconstruction over the variance of held-out samples.",
    ),
    "l0": Wording("L0", "fit", "Mean number of non-zero codes of a held-out sample.", math.nan),
    "dead_share": Wording(
        "dead share", "fit", "Share of the learned features that never fire.", -math.inf
    ),
}

RECOVERY = ("share_recovered", "mean_cosine")
"""The figures of the summary, the most telling first."""

ENCODERS = {
    "own": "its own",
    "map": "exact MAP",
    "omp": "OMP",
    "oracle_support": "oracle support",
}
"""Encoders that every learned dictionary is crossed with."""

SPLIT = {
    "floor": "Floor: what the true dictionary leaves on the true support, which is noise.",
    "dictionary": "Dictionary: what the learned directions add on the matches of the true support.",
    "inference": "Inference: what a wrong choice of active features adds.",
    "magnitude": "Magnitude: what wrong strengths of the right features add.",
}
"""Parts of the error, in the order in which they are stacked."""


def wording(metric: str) -> Wording:
    """Return the wording of a metric; one that is not in the table is called by its own name.

    Parameters
    ----------
    metric : str

    Returns
    -------
    Wording

    Examples
    --------
    >>> wording("f1").label
    'F1'
    >>> wording("my_own").label, wording("my_own").group
    ('my own', 'other')
    """
    plain = Wording(metric.replace("_", " "), "other", "No definition is recorded; more is better.")
    return METRICS.get(metric, plain)
