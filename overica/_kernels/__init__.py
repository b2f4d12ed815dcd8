from scipy.linalg import cython_blas
from overica._kernels import _core
_core.bind_blas(cython_blas.__pyx_capi__)
