"""Methods side by side: overcomplete ICA, sparse autoencoders and baselines on data with a known truth.

`Study` runs data sets x methods x levels of sparsity x seeds, `Results` holds what came out, `verdict` says it in
sentences. `METHODS` and `ENCODERS` list what is compared, `split_error` says whose fault an error is: the dictionary's,
the inference's or the magnitudes'.

Examples
--------
>>> from overica.compare import METHODS
>>> METHODS["ica"].family, METHODS["batchtopk"].family, METHODS["fastica"].family
('ica', 'sae', 'baseline')
"""

from overica.coding import Dictionary, Featuriser
from overica.compare.config import StudyConfig
from overica.compare.encoders import ENCODERS, Encoding
from overica.compare.methods import METHODS, Assignment, Method
from overica.compare.ranking import Ranking, Standing
from overica.compare.results import Results
from overica.compare.split import ErrorSplit, split_error
from overica.compare.study import Study
from overica.compare.suggestions import StudyError
from overica.compare.verdict import Verdict, verdict

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
    "Featuriser",
    "Dictionary",
    "ENCODERS",
    "Encoding",
    "ErrorSplit",
    "split_error",
]
