// Exact codes of one sample with their certificate: searched in double where the dictionary is small;
// else searched in float, solved and verified in double.
//
// The search needs all atoms but little accuracy, the solution accuracy but few atoms. So the search
// proposes codes t, which become the solution s on their support by iterative refinement with the
// inverse of the search; where that fails, or atoms join, by a solve on a Gram matrix of the support's
// own.
//
// Whether other atoms violate |a_j'e| <= penalty, e = x - A s, the search has nearly answered: it
// leaves r = A'x - G t in float. With u = 2^-24, k active atoms and |A| the largest norm of an atom,
// each product of m terms is off by (m + 4) u of the norms, the sum over atoms by (k + 4) u of its
// terms, and so is each later refinement of the search; those contract tenfold or start anew, hence
// are fewer than eight. Altogether
//
//     |r_j - a_j'e|  <=  |A| (|A| |s - t|_1 + (m + 8 k + 40) u (|x| + |A| |t|_1)).
//
// Only atoms within the bound of a violation need a product in double, a few of thousands. Those that
// do violate join the support's list, and the sample has another round; a sample where none does is
// solved as exactly as if all had been done in double.
#pragma once

#include "dictionary.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr int JOIN = 32;       // atoms that may join in one round
constexpr int POLISH = 6;      // rounds of iterative refinement; two or three are the rule
constexpr double UNIT = 1.0 / (1 << 24), TINY = 2.220446049250313e-16;
constexpr double STALE = 1e-3; // drift of the float correlations, in penalties, that calls for an update

// How exactly to solve: relative violation that counts as none.
struct Settings {
    double tol;
    bool nonnegative;
};

// One sample's solver. After `finish`, the support, its inverse and the correlations are in `search`,
// the residual in `error`.
template <class T>
struct Exact {
    Search<T> search;
    double *error, *v;

    static Exact carve(Arena &arena, const Dictionary &A) {
        const int capacity = smaller(A.m, A.n);
        Exact w;
        w.search = Search<T>::carve(arena, A.n, A.width, capacity);
        w.error = arena.take<double>(A.stride);
        w.v = arena.take<double>(leading(capacity) + 4);
        w.carve_rest(arena, capacity);
        return w;
    }

    Whole<T> view(const Dictionary &A) const;
    Goal goal(const Dictionary &A, double penalty, const Settings &settings) const;

    // Solve the sample whose ascent is over its first steps; returns the steps.
    int finish(const Dictionary &A, const double *x, double penalty, const Settings &settings, Ascent<T> &ascent,
               Certificate &certificate);

    // From the solution to the codes of the same signs at a lower penalty, from which atoms that come to zero leave.
    void lower(const Dictionary &A, const double *x, double penalty);

   private:
    // In float only: the search's codes, and a second, small search in double.
    double *proposal, *gram, *products;
    int *proposed, *ids;
    Search<double> small;

    void carve_rest(Arena &arena, int capacity);
    bool polish(const Dictionary &A, const double *x, double penalty, double slack);
    int refine(const Dictionary &A, const double *x, double penalty, const Settings &settings,
               const int *joined, int n_joined);
    void update(const Dictionary &A, int count);
};

OVERICA_INLINE void residual(const Dictionary &A, const double *x, const Support &s, double *error) {
    for (int t = 0; t < A.stride; t++) error[t] = x[t];
    subtract(A, s.atoms, s.values, s.size(), error);
}

template <class T>
inline void Exact<T>::lower(const Dictionary &A, const double *x, double penalty) {
    Support &s = search.support;
    settle(view(A), A.width, penalty, 10 * (s.size() + 1), s, search.r, search.state);
    residual(A, x, s, error);
    // The inverse of a search in float is as good as float.
    for (int round = 0; sizeof(T) == sizeof(float) && round < 2; round++) {
        correlate(A, s.atoms, s.size(), error, v);
        for (int t = 0; t < padded(s.size()); t++) s.g[t] = t < s.size() ? v[t] - penalty * s.signs[t] : 0.0;
        s.inverse.multiply(s.g, s.step);
        for (int t = 0; t < s.size(); t++) s.values[t] += s.step[t];
        subtract(A, s.atoms, s.step, s.size(), error);
    }
}

template <>
inline void Exact<double>::carve_rest(Arena &, int) {}

template <>
inline Whole<double> Exact<double>::view(const Dictionary &A) const { return {A.gram, A.width}; }
template <>
inline Whole<float> Exact<float>::view(const Dictionary &A) const { return {A.coarse, A.width}; }

template <>
inline Goal Exact<double>::goal(const Dictionary &A, double penalty, const Settings &settings) const {
    return {penalty, settings.nonnegative, settings.tol, TINY, smaller(A.m, A.n), 1e-9};
}
template <>
inline Goal Exact<float>::goal(const Dictionary &A, double penalty, const Settings &settings) const {
    return {penalty, settings.nonnegative, larger(settings.tol, 1e-6), 2 * UNIT, smaller(A.m, A.n), 1e-6};
}

template <>
inline int Exact<double>::finish(const Dictionary &A, const double *x, double penalty, const Settings &settings,
                                 Ascent<double> &ascent, Certificate &certificate) {
    const int steps = ascent.finish(view(A), goal(A, penalty, settings));
    Support &s = search.support;
    residual(A, x, s, error);
    correlate(A, s.atoms, s.size(), error, v);
    // Those of the support are in `v`, more exactly.
    for (int t = 0; t < s.size(); t++) search.r[s.atoms[t]] = 0.0;
    const double idle = highest(search.r, A.width, settings.nonnegative);
    for (int t = 0; t < s.size(); t++) search.r[s.atoms[t]] = v[t];
    certificate = certify(s, v, idle, error, A.stride, penalty);
    return steps;
}

template <>
inline void Exact<float>::carve_rest(Arena &arena, int capacity) {
    const std::size_t most = wide_padded(leading(capacity) + JOIN);
    proposal = arena.take<double>(most);
    proposed = arena.take<int>(most);
    ids = arena.take<int>(most);
    gram = arena.take<double>(most * most);
    products = arena.take<double>(most);
    small = Search<double>::carve(arena, (int)most, (int)most, capacity);
}

// Iterative refinement of the codes on their support with the inverse of the search; whether it
// converged. The inverse is as good as float makes it, so that every round gains some five digits.
template <>
inline bool Exact<float>::polish(const Dictionary &A, const double *x, double penalty, double slack) {
    Support &s = search.support;
    const int k = s.size();
    residual(A, x, s, error);
    double before = INFINITE;
    for (int round = 0; round < POLISH; round++) {
        correlate(A, s.atoms, k, error, v);
        double worst = 0.0;
        for (int t = 0; t < k; t++) {
            s.g[t] = v[t] - penalty * s.signs[t];
            worst = larger(worst, std::fabs(s.g[t]));
        }
        if (worst <= slack) return true;
        if (!(worst < 0.1 * before)) return false;
        before = worst;
        s.inverse.multiply(s.g, s.step);
        bool crossed = false;
        for (int t = 0; t < k; t++) {
            s.values[t] += s.step[t];
            crossed |= s.values[t] * s.signs[t] <= 0.0;
        }
        if (crossed) return false;
        subtract(A, s.atoms, s.step, k, error);
    }
    return false;
}

// Exact code over the support and the atoms that joined, by a search in double among them alone; the
// support of `search` takes the result. Returns the steps.
template <>
inline int Exact<float>::refine(const Dictionary &A, const double *x, double penalty,
                                const Settings &settings, const int *joined, int n_joined) {
    Support &s = search.support, &d = small.support;
    const int count = s.size(), p = count + n_joined, width = wide_padded(p);
    for (int t = 0; t < count; t++) ids[t] = s.atoms[t];
    for (int t = 0; t < n_joined; t++) ids[count + t] = joined[t];
    for (int i = 0; i < p; i++) {
        double *row = gram + (std::size_t)i * width;
        for (int j = p; j < width; j++) row[j] = 0.0;
        correlate(A, ids, i + 1, A.atom(ids[i]), small.r);
        for (int j = 0; j <= i; j++) row[j] = gram[(std::size_t)j * width + i] = small.r[j];
    }
    correlate(A, ids, p, x, products);
    for (int j = p; j < width; j++) products[j] = 0.0;
    for (int t = 0; t < count; t++) {
        d.atoms[t] = t;
        d.signs[t] = s.signs[t];
        // A polish that failed may have left values of the wrong sign.
        d.values[t] = s.values[t] * s.signs[t] > 0.0 ? s.values[t] : 0.0;
        search.state[s.atoms[t]] = IDLE;
    }
    const Goal goal{penalty, settings.nonnegative, settings.tol, TINY, smaller(A.m, p), 1e-9};
    // Codes whose cost is above that of no code at all are no start: the search has lost its way.
    double size = 0.0;
    for (int t = 0; t < count; t++) size += std::fabs(d.values[t]);
    const int known = penalty * size <= dot(x, x, A.stride) ? count : 0;
    const int steps = solve_sample(products, Whole<double>{gram, width}, p, goal, known, small);
    const int k = d.size();
    for (int t = 0; t < k; t++) {
        s.atoms[t] = ids[d.atoms[t]];
        s.signs[t] = d.signs[t];
        s.values[t] = d.values[t];
        search.state[s.atoms[t]] = ACTIVE;
    }
    double *M = s.inverse.M;
    s.inverse = d.inverse;
    s.inverse.M = M;
    std::memcpy(M, d.inverse.M, sizeof(double) * (std::size_t)k * d.inverse.ld);
    residual(A, x, s, error);
    correlate(A, s.atoms, k, error, v);
    return steps;
}

// The float correlations follow from the `count` proposed codes to those of the support, which are
// the proposal from now on.
template <>
inline void Exact<float>::update(const Dictionary &A, int count) {
    const Support &s = search.support;
    for (int t = 0; t < count; t++) proposal[t] = -proposal[t];
    advance(view(A), proposed, proposal, count, A.width, search.r);
    advance(view(A), s.atoms, s.values, s.size(), A.width, search.r);
}

template <>
inline int Exact<float>::finish(const Dictionary &A, const double *x, double penalty, const Settings &settings,
                                Ascent<float> &ascent, Certificate &certificate) {
    int steps = ascent.finish(view(A), goal(A, penalty, settings));
    Support &s = search.support;
    const double length = std::sqrt(dot(x, x, A.stride));
    const double rounding = TINY * A.norm * length;
    const double limit = penalty * (1 + settings.tol) + 4 * rounding;
    const double slack = 1e-3 * settings.tol * penalty + 16 * rounding;
    int n_proposed = s.size();
    for (int t = 0; t < n_proposed; t++) {
        proposed[t] = s.atoms[t];
        proposal[t] = s.values[t];
    }
    if (!polish(A, x, penalty, slack))
        steps += refine(A, x, penalty, settings, nullptr, 0);
    int joined[JOIN];
    for (int round = 0;; round++) {
        double drift = 0.0, total = 0.0;
        bool same = n_proposed == s.size();
        for (int t = 0; t < s.size(); t++) {
            same = same && proposed[t] == s.atoms[t];
            total += std::fabs(s.values[t]);
            if (same) drift += std::fabs(s.values[t] - proposal[t]);
        }
        if (!same || A.norm * A.norm * drift > STALE * penalty) {
            update(A, n_proposed);
            n_proposed = s.size();
            for (int t = 0; t < n_proposed; t++) {
                proposed[t] = s.atoms[t];
                proposal[t] = s.values[t];
            }
            drift = 0.0;
        }
        const double unit = (A.m + 8 * s.size() + 40 + 8 * round) * UNIT;
        const double bound = A.norm * (A.norm * drift + unit * (length + A.norm * total));
        // An idle atom below the bar is within the penalty for certain.
        const double safe = penalty - bound;
        const float bar = (float)(safe - 4 * UNIT * std::fabs(safe));
        double idle = 0.0;
        int n_joined = 0;
        for (int t = 0; t < s.size(); t++) search.r[s.atoms[t]] = 0.0f;
        for (int start = 0; start < A.width; start += 64) {
            const int stop = smaller(start + 64, A.width);
            if (highest(search.r + start, stop - start, settings.nonnegative) < bar) continue;
            for (int j = start; j < smaller(stop, A.n); j++) {
                if (search.state[j] == ACTIVE) continue;
                const float r = search.r[j];
                if ((settings.nonnegative ? r : std::fabs(r)) < bar) continue;
                const double w = dot(A.atom(j), error, A.stride);
                const double value = settings.nonnegative ? w : std::fabs(w);
                idle = larger(idle, value);
                if (value > limit && n_joined < JOIN) joined[n_joined++] = j;
            }
        }
        for (int t = 0; t < s.size(); t++) search.r[s.atoms[t]] = (float)v[t];
        if (n_joined == 0 || round == ROUNDS) {
            certificate = certify(s, v, idle, error, A.stride, penalty);
            return steps;
        }
        steps += refine(A, x, penalty, settings, joined, n_joined);
    }
}

}  // namespace OVERICA_ISA
}  // namespace overica
