"""Can the true columns be found at all, and does sparsity favour them?

The first question is put to the law of the data, as if there were infinitely many samples: are the columns the only
ones that explain it, with codes that obey what is known of the sources or are as sparse as the true ones?  Gaussian
noise of known size does not matter, since the characteristic function of the noiseless data follows from that of the
noisy data.  `judge` puts it to one argument after the other; a new one is a function in a file of its own and one line
in `CHECKS`.  The second question is that of `compare_l1`.
"""

from overica.datasets.identifiability.arguments import CHECKS, judge
from overica.datasets.identifiability.sparsity import compare_l1
from overica.datasets.identifiability.truth import Truth, Verdict

__all__ = ["CHECKS", "Truth", "Verdict", "compare_l1", "judge"]
