// The dictionary as the kernels see it, and products of few of its atoms with a sample, in double.
#pragma once

#include "search.hpp"

namespace overica {
namespace OVERICA_ISA {

struct Dictionary {
    int m, n;            // features, atoms
    int stride;          // of the atoms
    const double *atoms; // (n, stride), padded with zeros
    int width;           // of the Gram matrix, of which one precision is there
    const double *gram;
    const float *coarse;
    double norm;         // largest norm of an atom

    OVERICA_INLINE const double *atom(int j) const { return atoms + (std::size_t)j * stride; }
};

// error -= A_a values, four atoms at a time.
inline void subtract(const Dictionary &A, const int *atoms, const double *values, int k,
                     double *OVERICA_RESTRICT error) {
    const int m = A.stride & -LANES;
    int q = 0;
    for (; q + 4 <= k; q += 4) {
        const double *a0 = A.atom(atoms[q]), *a1 = A.atom(atoms[q + 1]);
        const double *a2 = A.atom(atoms[q + 2]), *a3 = A.atom(atoms[q + 3]);
        const double v0 = values[q], v1 = values[q + 1], v2 = values[q + 2], v3 = values[q + 3];
        for (int t = 0; t < m; t++) error[t] -= v0 * a0[t] + v1 * a1[t] + v2 * a2[t] + v3 * a3[t];
    }
    for (; q < k; q++) {
        const double *a0 = A.atom(atoms[q]);
        const double v0 = values[q];
        for (int t = 0; t < m; t++) error[t] -= v0 * a0[t];
    }
}

OVERICA_INLINE double dot(const double *OVERICA_RESTRICT a, const double *OVERICA_RESTRICT b, int m) {
    double v = 0.0;
    for (int t = 0; t < (m & -LANES); t++) v += a[t] * b[t];
    return v;
}

// out = A_a' error, four atoms at a time; `out` has room for three more.
inline void correlate(const Dictionary &A, const int *atoms, int k, const double *OVERICA_RESTRICT error,
                      double *out) {
    const int m = A.stride & -LANES;
    for (int q = 0; q < k; q += 4) {
        const double *a0 = A.atom(atoms[q]), *a1 = A.atom(atoms[smaller(q + 1, k - 1)]);
        const double *a2 = A.atom(atoms[smaller(q + 2, k - 1)]);
        const double *a3 = A.atom(atoms[smaller(q + 3, k - 1)]);
        double v0 = 0.0, v1 = 0.0, v2 = 0.0, v3 = 0.0;
        for (int t = 0; t < m; t++) {
            const double e = error[t];
            v0 += e * a0[t];
            v1 += e * a1[t];
            v2 += e * a2[t];
            v3 += e * a3[t];
        }
        out[q] = v0, out[q + 1] = v1, out[q + 2] = v2, out[q + 3] = v3;
    }
}

// What is certain about a code, in units of half the squared samples.
struct Certificate {
    double objective;  // F(s) = |x - A s|^2 / 2 + penalty |s|_1
    double gap;        // F(s) - D(c e), a bound on F(s) - min F
};

// The dual function D(u) = <u, x> - |u|^2 / 2 lies below min F wherever |A'u| <= penalty (A'u where
// codes are non-negative). At u = c e, with e = x - A s the residual, v = A'e and c <= 1 the largest
// factor for which that holds,
//
//     F(s) - D(c e) = (1 - c)^2 |e|^2 / 2 + sum_j (penalty |s_j| - c s_j v_j),
//
// a sum of terms that are each non-negative: no cancellation. `v` are the correlations of the support,
// `idle` a bound on those of all others.
inline Certificate certify(const Support &s, const double *v, double idle, const double *error, int m,
                           double penalty) {
    double largest = idle;
    for (int t = 0; t < s.size(); t++) largest = larger(largest, v[t] * s.signs[t]);
    const double c = largest > penalty ? penalty / largest : 1.0;
    const double square = dot(error, error, m);
    double gap = 0.5 * (1.0 - c) * (1.0 - c) * square, size = 0.0;
    for (int t = 0; t < s.size(); t++) {
        const double value = std::fabs(s.values[t]);
        size += value;
        gap += value * larger(penalty - c * v[t] * s.signs[t], 0.0);
    }
    return {0.5 * square + penalty * size, gap};
}

}  // namespace OVERICA_ISA
}  // namespace overica
