// What an addition to the support of a sample, or a removal, makes of it; see presence.hpp.
#pragma once

#include "half_log.hpp"
#include "presence.hpp"

namespace overica {
namespace OVERICA_ISA {

// The best candidate, or -1, after all d and e have moved by `square` w^2 and `slope` w, w in units of the
// unscaled Gram matrix; KEEP: they stay moved.
template <bool KEEP, bool HALF>
inline int PresenceSearch::shift(int width, double square, double slope) {
    double *OVERICA_RESTRICT pulls = e, *OVERICA_RESTRICT precisions = d;
    const double *OVERICA_RESTRICT change = w, *OVERICA_RESTRICT priors = level, *OVERICA_RESTRICT doors = closed;
    std::int64_t low = WIDE_LANES, best = 0;
    while (low < width) low *= 2;
    const std::int64_t mask = ~(low - 1);
    for (int j = 0; j < (width & -WIDE_LANES); j++) {
        const double precision = precisions[j] + square * change[j] * change[j];
        const double pull = pulls[j] + slope * change[j];
        if (KEEP) precisions[j] = precision, pulls[j] = pull;
        const double sure = larger(precision, 1.0);
        double score = 0.5 * pull * pull / sure + priors[j] + doors[j] - half_log(sure);
        score = score > 0.0 && (!HALF || pull > 0.0) ? score : 0.0;
        std::int64_t bits;
        std::memcpy(&bits, &score, sizeof(bits));
        best = larger(best, (std::int64_t)((bits & mask) | (std::int64_t)j));
    }
    return (best & mask) ? (int)(best & (low - 1)) : -1;
}

inline int PresenceSearch::look(const PresenceTask &task, double square, double slope, bool keep) {
    square *= scale * scale, slope *= scale;
    if (keep) return task.nonnegative ? shift<true, true>(task.width, square, slope) : shift<true, false>(task.width, square, slope);
    return task.nonnegative ? shift<false, true>(task.width, square, slope) : shift<false, false>(task.width, square, slope);
}

inline double PresenceSearch::gain(int q) const { return 0.5 * e[q] * e[q] / d[q] + level[q] + closed[q] - 0.5 * std::log(d[q]); }
inline double PresenceSearch::loss(int a) const {
    const double precision = 1.0 / M[a * ld + a];
    return 0.5 * mean[a] * mean[a] * precision + level[atoms[a]] - 0.5 * std::log(precision);
}

inline void PresenceSearch::couple(const PresenceTask &task, int q, double sign) {
    for (std::int64_t c = task.edge_starts[q]; c < task.edge_starts[q + 1]; c++)
        level[task.edge_ends[c]] += sign * task.couplings[c];
}

inline void PresenceSearch::note(int what) { trail[n_trail < TRAIL ? n_trail++ : TRAIL - 1] = what; }

// q enters; returns the best candidate thereafter.
inline int PresenceSearch::add(const PresenceTask &task, int q) {
    const Whole<double> G{task.gram, task.width};
    const double *row = G.row(q);
    for (int a = 0; a < size; a++) {
        double sum = 0.0;
        for (int b = 0; b < size; b++) sum += M[a * ld + b] * row[atoms[b]];
        u[a] = scale * sum;
    }
    std::memcpy(w, row, sizeof(double) * task.width);
    advance(G, atoms, u, size, task.width, w);
    total += 0.5 * e[q] * e[q] / d[q] + level[q] - 0.5 * std::log(d[q]);
    const double spread = 1.0 / d[q], value = e[q] * spread;
    for (int a = 0; a < size; a++) {
        for (int b = 0; b < size; b++) M[a * ld + b] += u[a] * u[b] * spread;
        M[a * ld + size] = M[size * ld + a] = -u[a] * spread;
        mean[a] -= u[a] * value;
    }
    M[size * ld + size] = spread;
    mean[size] = value, atoms[size++] = q;
    closed[q] = -INFINITE;
    couple(task, q, 1.0);
    note(q + 1);
    return look(task, -spread, -value, true);
}

// w = G_.S M_Sa
inline void PresenceSearch::against(const PresenceTask &task, int a) {
    const Whole<double> G{task.gram, task.width};
    for (int b = 0; b < size; b++) u[b] = -M[a * ld + b];
    std::memset(w, 0, sizeof(double) * task.width);
    advance(G, atoms, u, size, task.width, w);
    for (int b = 0; b < size; b++) u[b] = M[a * ld + b];
}

inline int PresenceSearch::remove(const PresenceTask &task, int a) {
    const int q = atoms[a];
    total -= loss(a);
    against(task, a);
    const double precision = 1.0 / M[a * ld + a], pull = mean[a] * precision;
    for (int b = 0; b < size; b++) {
        for (int c = 0; c < size; c++) M[b * ld + c] -= u[b] * u[c] * precision;
        mean[b] -= u[b] * pull;
    }
    const int last = --size;
    if (a != last) {
        atoms[a] = atoms[last], mean[a] = mean[last];
        for (int c = 0; c <= last; c++) M[a * ld + c] = M[last * ld + c];
        for (int c = 0; c <= last; c++) M[c * ld + a] = M[c * ld + last];
        M[a * ld + a] = M[last * ld + last];
    }
    couple(task, q, -1.0);
    closed[q] = barred[q] ? -INFINITE : 0.0;
    note(-(q + 1));
    // What d and e of a member are is not kept; these are those that its mean and variance come from.
    d[q] = precision, e[q] = pull, w[q] = 0.0;
    return look(task, precision, pull, true);
}

inline int PresenceSearch::place(int q) const {
    int a = 0;
    while (atoms[a] != q) a++;
    return a;
}

}  // namespace OVERICA_ISA
}  // namespace overica
