"""The first steps of a sample, fused: atoms enter one by one while none has to leave.

Most samples of a sparse code never see anything else. The steps are those of `pivot`, in one
function whose vectors over the support have a fixed length, padded with zeros: the compiler unrolls
their loops, where loops of a length known only at run time cost more in control than in arithmetic.
A step that would make an atom leave, a newcomer that depends on the support, or a support that
outgrows the vectors end it before anything is changed; `pivot` goes on from there.
"""

from numba import njit

from overica.inference.kernels.bordered import FAST
from overica.inference.kernels.pivot import advance, peak
from overica.inference.kernels.support import ACTIVE, IDLE
from overica.inference.kernels.workspace import START

__all__ = ["climb"]


@njit(**FAST)
def climb(G, n, r, bits, penalty, nonnegative, limit, capacity, dependent, ws):
    """Steps from the empty support; return ``(k, done)``, done if no correlation exceeds ``limit``.

    ``ws`` is left as by `pivot`, with leading dimension `START`.
    """
    atoms, places, signs, values, state = ws.atoms, ws.places, ws.signs, ws.values, ws.state
    M, u, g = ws.inverse, ws.u, ws.g
    for q in range(START):
        g[q] = 0.0
        values[q] = 0.0
    k = 0
    while k < min(capacity, START):
        c = peak(bits, n, nonnegative)
        top = float(r[c])
        if (top if nonnegative else abs(top)) <= limit:
            return k, True
        if state[c] != IDLE:
            break
        for q in range(START):
            u[q] = 0.0
        for t in range(k):
            v = float(G[atoms[t], c])
            g[t] = v
            for q in range(START):
                u[q] += v * M[t * START + q]
        own = float(G[c, c])
        schur = own
        for q in range(START):
            schur -= g[q] * u[q]
        if not schur > dependent * own:
            break
        inverse = 1.0 / schur
        sign = 1.0 if top > 0 else -1.0
        length = (top - penalty * sign) * inverse
        crossed = False
        for t in range(k):
            crossed |= (values[t] - length * u[t]) * signs[t] <= 0.0
        if crossed:
            break
        u[k] = -1.0
        for q in range(START):
            M[k * START + q] = 0.0
        atoms[k] = places[k] = c
        signs[k] = sign
        state[c] = ACTIVE
        k += 1
        for t in range(k):
            v = inverse * u[t]
            for q in range(START):
                M[t * START + q] += v * u[q]
        for q in range(START):
            u[q] *= -length
            values[q] += u[q]
        advance(G, atoms, u, k, n, r)
    return k, False
