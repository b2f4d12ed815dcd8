// The support of one sample: its atoms, their codes and inverse Gram matrix; who enters and leaves.
//
// Candidates are numbered as their Gram matrix is, through a `View` of it: the whole dictionary, or a
// short list. Correlations and Gram matrices have the precision T of the view; everything of the
// support's size is double.
#pragma once

#include "inverse.hpp"

namespace overica {
namespace OVERICA_ISA {

// States of a candidate; aside: it depends on the support and nothing can leave for it.
enum State : std::uint8_t { IDLE, ACTIVE, ASIDE };

// A Gram matrix in memory, rows padded with zeros to `width`.
template <class T>
struct Whole {
    const T *gram;
    int width;
    OVERICA_INLINE const T *row(int c) const { return gram + (std::size_t)c * width; }
};

// Rows and columns of a Gram matrix at a list of `count` candidates; a row is gathered when first
// asked for.
template <class T>
struct Listed {
    Whole<T> whole;
    const int *columns;
    int count, width;
    T *rows;
    std::uint8_t *known;
    OVERICA_INLINE const T *row(int c) const {
        T *local = rows + (std::size_t)c * width;
        if (!known[c]) {
            const T *global = whole.row(columns[c]);
            for (int j = 0; j < count; j++) local[j] = global[columns[j]];
            for (int j = count; j < width; j++) local[j] = 0;
            known[c] = 1;
        }
        return local;
    }
};

// What a solve is to reach.
struct Goal {
    double penalty;
    bool nonnegative;
    double tol;        // relative violation of the optimality conditions that counts as none
    double eps;        // rounding unit of the correlations
    int capacity;      // rank of the dictionary: no support exceeds it, whatever rounding says
    double dependent;  // share of its squared norm below which an atom depends on the support
};

// Arrays of the support, of which the first `inverse.k` entries are valid.
struct Support {
    Inverse inverse;
    int *atoms;
    double *signs, *values;
    double *step, *u, *g, *moved;  // scratch

    static Support carve(Arena &arena, int capacity) {
        const std::size_t most = leading(capacity);
        Support s;
        s.atoms = arena.take<int>(most);
        s.signs = arena.take<double>(most);
        s.values = arena.take<double>(most);
        s.step = arena.take<double>(most);
        s.u = arena.take<double>(most);
        s.g = arena.take<double>(most);
        s.moved = arena.take<double>(most);
        s.inverse.M = arena.take<double>(most * most);
        return s;
    }

    int size() const { return inverse.k; }

    // Append candidate c to the inverse unless it depends on the support. `u` holds M g afterwards,
    // and -1 for the newcomer if it entered.
    template <class T>
    bool enter(const T *row, int c, double sign, const Goal &goal, std::uint8_t *state) {
        const int k = inverse.k, kp = padded(k);
        const double own = row[c];
        for (int t = 0; t < k; t++) g[t] = row[atoms[t]];
        for (int t = k; t < kp; t++) g[t] = 0.0;
        inverse.multiply(g, u);
        double schur = own;
        for (int t = 0; t < kp; t++) schur -= g[t] * u[t];
        if (k >= goal.capacity || !(schur > goal.dependent * own)) return false;
        inverse.border(u, schur);
        atoms[k] = c;
        signs[k] = sign;
        values[k] = 0.0;
        state[c] = ACTIVE;
        return true;
    }

    // Remove the atom at q; the last one takes its place.
    void leave(int q, std::uint8_t *state) {
        state[atoms[q]] = IDLE;
        inverse.unborder(q, g);
        const int last = inverse.k;
        atoms[q] = atoms[last];
        signs[q] = signs[last];
        values[q] = values[last];
    }

    // Where values + alpha step first changes a sign, alpha <= 1; q = -1 if nowhere.
    double crossing(int &q) const {
        const int k = inverse.k;
        double lowest = 1.0;
        for (int t = 0; t < k; t++) lowest = smaller(lowest, (values[t] + step[t]) * signs[t]);
        q = -1;
        if (lowest > 0.0) return 1.0;
        double alpha = 1.0;
        for (int t = 0; t < k; t++)
            if (step[t] * signs[t] < 0.0 && (values[t] + step[t]) * signs[t] <= 0.0) {
                const double a = -values[t] / step[t];
                if (q < 0 || a < alpha) {
                    alpha = a;
                    q = t;
                }
            }
        return larger(alpha, 0.0);
    }

    // Who reaches zero first when the dependent newcomer moves by alpha sign: A_j = A_a u, hence
    // (-u, 1) spans the null direction. -1 if nobody does.
    double yielding(double sign, int &q) const {
        double alpha = INFINITE;
        q = -1;
        for (int t = 0; t < inverse.k; t++) {
            const double slope = sign * u[t] * signs[t];
            if (slope > 0.0 && std::fabs(values[t]) / slope < alpha) {
                alpha = std::fabs(values[t]) / slope;
                q = t;
            }
        }
        return alpha;
    }
};

}  // namespace OVERICA_ISA
}  // namespace overica
