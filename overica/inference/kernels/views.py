"""Arrays without an owner, for inner loops.

Numba counts references to arrays with atomic instructions at every function call and slice; at a microsecond per
sample they were half the time, and threads would contend for the counter of a shared array. A view made here refers
to the memory and owns nothing: whoever makes one must keep the array alive, which a caller's argument always is.
"""

from numba import njit
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["carve", "unowned"]


@intrinsic
def unowned(typing_context, array):
    """The same array without reference count."""

    def codegen(context, builder, signature, args):
        view = context.make_array(signature.args[0])(context, builder, args[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), codegen


@njit(cache=True)
def carve(buffer, start, size):
    """``buffer[start : start + size]`` without an owner, and where it ends, on a multiple of eight."""
    return unowned(buffer[start : start + size]), start + (size + 7) // 8 * 8
