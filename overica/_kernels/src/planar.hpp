// Two features: every code in closed form, without a search.
//
// The residual r of a solution is the projection of x on the dual polygon {r : v_j'r <= penalty}, whose
// edges belong to the signed atoms v_j = +-A_j on the convex hull of all of them. With a x b the cross
// product, let tau = v_j x x be the position of x along edge j, which runs counter-clockwise from the
// corner at `low`, shared with the edge before it, to the corner at `high`, shared with the next. Then
// s_j = max(0, h) with
//
//     h = (v_j'x - penalty) / |v_j|^2     where tau is on the edge (r is inside it),
//         (x - P) x v_o / (v_j x v_o)     beyond the corner P shared with edge o (two active atoms).
//
// Both are linear in x and agree where they meet, at tau = high or low. Hence the second is the first
// and a multiple of the distance beyond the corner,
//
//     h = (v_j'x - penalty) / |v_j|^2 + beyond max(0, tau - high) + before max(0, low - tau),
//     beyond = -v_j'v_o / (|v_j|^2 v_j x v_o),   high = penalty (|v_j|^2 - v_j'v_o) / (v_j x v_o),
//
// and likewise at the other corner. Where signs are free, the polygon is symmetric about the origin, and
// s_j = max(0, h(x)) - max(0, h(-x)). A code is thus some twenty multiplications, additions and maxima,
// the same for all samples, without a branch.
#pragma once

#include "interface.hpp"
#include "dictionary.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr int SPAN = PLANAR_SPAN;  // samples at a time

// max(0, h) of one edge.
OVERICA_INLINE double one_sided(const PlanarEdge &e, double along, double tau) {
    const double h = along - e.edge + e.beyond * larger(0.0, tau - e.high) + e.before * larger(0.0, e.low - tau);
    return larger(0.0, h);
}

// Codes, objectives and gaps of samples [first, last), at most SPAN of them.
template <class X>
inline void planar_span(const PlanarTask &task, int64_t first, int64_t last) {
    const int count = (int)(last - first), n = task.n;
    const double mirror = task.nonnegative ? 0.0 : 1.0;
    const X *samples = static_cast<const X *>(task.X) + 2 * first;
    X *codes = static_cast<X *>(task.codes) + (std::size_t)n * first;
    double p[SPAN], q[SPAN], e0[SPAN], e1[SPAN], size[SPAN], top[SPAN], values[SPAN];
    for (int i = 0; i < SPAN; i++) {
        p[i] = i < count ? task.scale * samples[2 * i] : 0.0;
        q[i] = i < count ? task.scale * samples[2 * i + 1] : 0.0;
        e0[i] = p[i], e1[i] = q[i], size[i] = top[i] = 0.0;
    }
    for (int j = 0; j < n; j++) {
        const PlanarEdge e = task.edges[j];
        const double a0 = task.atoms[2 * j], a1 = task.atoms[2 * j + 1];
        for (int i = 0; i < SPAN; i++) {
            const double along = e.a0 * p[i] + e.a1 * q[i], tau = e.t0 * p[i] + e.t1 * q[i];
            const double value = one_sided(e, along, tau), opposite = mirror * one_sided(e, -along, -tau);
            values[i] = value - opposite;
            size[i] += value + opposite;
            e0[i] -= a0 * values[i];
            e1[i] -= a1 * values[i];
        }
        const double unit = task.code_scale * task.scales[j];
        for (int i = 0; i < count; i++) codes[(std::size_t)i * n + j] = (X)(unit * values[i]);
    }
    for (int j = 0; j < n; j++) {
        const double a0 = task.atoms[2 * j], a1 = task.atoms[2 * j + 1];
        for (int i = 0; i < SPAN; i++) {
            const double v = a0 * e0[i] + a1 * e1[i];
            top[i] = larger(top[i], task.nonnegative ? v : (v < 0 ? -v : v));
        }
    }
    for (int i = 0; i < count; i++) {
        // See `certify`; the products with the support are those of e with A s = x - e.
        const double c = top[i] > task.penalty ? task.penalty / top[i] : 1.0;
        const double square = e0[i] * e0[i] + e1[i] * e1[i];
        const double inner = e0[i] * (p[i] - e0[i]) + e1[i] * (q[i] - e1[i]);
        const double rest = larger(0.0, task.penalty * size[i] - c * inner);
        task.gap[first + i] = task.unit * (0.5 * (1 - c) * (1 - c) * square + rest);
        task.objective[first + i] = task.unit * (0.5 * square + task.penalty * size[i]);
    }
}

}  // namespace OVERICA_ISA
}  // namespace overica
