// The first steps of a sample, fused: atoms enter one by one while none has to leave.
//
// Most samples of a sparse code never see anything else. Vectors over the support have a fixed length,
// two packs. A step that would make an atom leave, a newcomer that depends on the support, or a support
// that outgrows the packs end it before anything is changed; `pivot` goes on from there.
//
// Every phase of a step waits for the one before: the largest correlation, the newcomer's products, the
// length of the step, the correlations again. So samples climb two at a time, phase by phase: the
// processor works on one while it waits for the other.
#pragma once

#include "correlations.hpp"

namespace overica {
namespace OVERICA_ISA {

template <class T>
struct Climb {
    Support *support;
    T *r;
    std::uint8_t *state;
    double limit;
    bool climbing, done;  // done: no correlation exceeds the limit

    // From the empty support, whose correlations are in r.
    void begin(Support &s, T *correlations, std::uint8_t *states, double limit_of_r) {
        support = &s, r = correlations, state = states, limit = limit_of_r;
        climbing = true, done = false;
        s.inverse.clear();
        k = 0, determinant = 1.0;
        const Eight zero{};
        for (int q = 0; q < START * START; q += 8) store<double>(s.inverse.M + q, zero);
        for (int t = 0; t < START; t++) s.atoms[t] = 0;
        // Of places not yet taken the codes are positive for ever.
        value0 = value1 = sign0 = sign1 = zero + 1.0;
    }

    // Who enters: the end if nobody does.
    OVERICA_INLINE void seek(const Whole<T> &view, const Goal &goal) {
        if (!climbing) return;
        if (k == smaller(goal.capacity, START)) return end(false);
        c = next(r, view.width, goal.nonnegative, limit, state);
        if (c < 0) end(true);
    }

    // The newcomer's products with the support, u = M g, and what of it the support leaves.
    OVERICA_INLINE void project(const Whole<T> &view) {
        if (!climbing) return;
        const double *M = support->inverse.M;
        const int *atoms = support->atoms;
        const T *row = view.row(c);
        // The products are put together in registers: scalars in memory cannot be read as a pack at once.
        Eight v0{}, v1{}, g0{}, g1{};
        for (int first = 0; first < k; first += 4)
            for (int t = first; t < first + 4; t++) {
                const double v = row[atoms[t]];
                g0 += v * unit(t, 0);
                g1 += v * unit(t, 8);
                v0 += v * load(M + t * START);
                v1 += v * load(M + t * START + 8);
            }
        u0 = v0, u1 = v1;
        own = row[c];
        schur = own - sum(g0 * v0 + g1 * v1);
    }

    // The step to the minimiser over the larger support; the end if somebody would have to leave on the
    // way, or the newcomer depends on the support.
    OVERICA_INLINE void enter(const Goal &goal) {
        if (!climbing) return;
        if (!(schur > goal.dependent * own)) return end(false);
        const double top = r[c], sign = top > 0 ? 1.0 : -1.0;
        inverse = 1.0 / schur;
        length = (top - goal.penalty * sign) * inverse;
        const Eight next0 = value0 - length * u0, next1 = value1 - length * u1;
        if (any_at_most_zero(next0 * sign0) || any_at_most_zero(next1 * sign1)) return end(false);
        const Eight here0 = unit(k, 0), here1 = unit(k, 8);
        u0 -= here0, u1 -= here1;
        value0 = next0 + (length - 1.0) * here0, value1 = next1 + (length - 1.0) * here1;
        sign0 += (sign - 1.0) * here0, sign1 += (sign - 1.0) * here1;
        support->atoms[k] = c;
        state[c] = ACTIVE;
        determinant *= schur;
        k++;
    }

    // Correlations and inverse follow.
    OVERICA_INLINE void follow(const Whole<T> &view) {
        if (!climbing) return;
        double *OVERICA_RESTRICT M = support->inverse.M;
        const int *atoms = support->atoms;
        double moved[START];
        store<double>(moved, -length * u0), store<double>(moved + 8, -length * u1);
        for (int first = 0; first < k; first += 4) {
            const T *rows[4];
            T steps[4];
            for (int t = 0; t < 4; t++) rows[t] = view.row(atoms[first + t]), steps[t] = (T)moved[first + t];
            combine<4>(rows, steps, view.width, r);
        }
        store<double>(moved, inverse * u0), store<double>(moved + 8, inverse * u1);
        for (int first = 0; first < k; first += 4)
            for (int t = first; t < first + 4; t++) {
                store<double>(M + t * START, load(M + t * START) + moved[t] * u0);
                store<double>(M + t * START + 8, load(M + t * START + 8) + moved[t] * u1);
            }
    }

   private:
    int k, c;
    double determinant, own, schur, inverse, length;
    Eight u0, u1;
    Eight value0, value1, sign0, sign1;

    void end(bool is_done) {
        climbing = false, done = is_done;
        store<double>(support->values, value0), store<double>(support->values + 8, value1);
        store<double>(support->signs, sign0), store<double>(support->signs + 8, sign1);
        support->inverse.k = k;
        support->inverse.scale_determinant(determinant);
    }
};

// Both to the end.
template <class T>
inline void climb_together(Climb<T> &a, Climb<T> &b, const Whole<T> &view, const Goal &goal_a, const Goal &goal_b) {
    while (a.climbing || b.climbing) {
        a.seek(view, goal_a), b.seek(view, goal_b);
        a.project(view), b.project(view);
        a.enter(goal_a), b.enter(goal_b);
        a.follow(view), b.follow(view);
    }
}

template <class T>
inline void climb_alone(Climb<T> &a, const Whole<T> &view, const Goal &goal) {
    while (a.climbing) {
        a.seek(view, goal);
        a.project(view);
        a.enter(goal);
        a.follow(view);
    }
}

}  // namespace OVERICA_ISA
}  // namespace overica
