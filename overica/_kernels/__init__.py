"""The compiled kernels: exact l1 codes with their certificates, and what learning and evidence need of them.

C++ in ``src``, compiled when the package is installed; the inner loops in one version per instruction set, of which
the processor takes the widest it has. BLAS comes through the pointers that SciPy hands out. Threads live for one call,
and results do not depend on their number.
"""

from scipy.linalg import cython_blas

try:
    from overica._kernels import _core
except ImportError as error:
    raise ImportError(
        f"the kernels are not compiled in {__path__[0]}: leave the source folder, in which Python finds the sources "
        "before the installed package, or compile there with `pip install -e .`"
    ) from error
from overica._kernels.codes import Codes, Moments, SparseCodes, lasso, lasso_moments, lasso_supports
from overica._kernels.integrals import Masses, Terms, debias, evidence_terms, occupancy
from overica._kernels.presences import Found, Graph, find_presences
from overica._kernels.sampling import anneal, follow
from overica._kernels.threads import get_num_threads, set_num_threads

_core.bind_blas(cython_blas.__pyx_capi__)

__all__ = [
    "Codes",
    "Found",
    "Graph",
    "Masses",
    "Moments",
    "SparseCodes",
    "Terms",
    "anneal",
    "debias",
    "evidence_terms",
    "find_presences",
    "follow",
    "get_num_threads",
    "lasso",
    "lasso_moments",
    "lasso_supports",
    "occupancy",
    "set_num_threads",
]
