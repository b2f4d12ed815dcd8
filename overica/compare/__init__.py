"""Methods side by side on data with a known truth: overcomplete ICA, sparse autoencoders and baselines.

`KnownTruthStudy` runs data sets x methods x levels of sparsity x seeds, its results say what came out in sentences.
`ENCODERS` lists ways to codes, `split_error` says whose fault an error is: the dictionary's, the inference's or the
magnitudes'.

Examples
--------
>>> from overica.compare import METHODS
>>> METHODS["ica"].family, METHODS["batchtopk"].family, METHODS["fastica"].family
('ica', 'sae', 'baseline')
"""

from overica._names import handed_out
from overica.compare.config import KnownTruthConfig as StudyConfig
from overica.compare.encoders import ENCODERS, Encoding
from overica.compare.known_truth import KnownTruthResults as Results
from overica.compare.known_truth import KnownTruthStudy as Study
from overica.compare.split import ErrorSplit, split_error
from overica.compare.verdict import Verdict, verdict
from overica.studies import METHODS, Assignment, Method, Ranking, Standing, StudyError

__all__ = [
    "Study",
    "StudyConfig",
    "StudyError",
    "Results",
    "Verdict",
    "Ranking",
    "Standing",
    "verdict",
    "METHODS",
    "Method",
    "Assignment",
    "ENCODERS",
    "Encoding",
    "ErrorSplit",
    "split_error",
]

__getattr__ = handed_out(
    __name__, moved={"Dictionary": "overica.coding", "Featuriser": "overica.coding"}
)
