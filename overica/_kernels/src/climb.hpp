// The first steps of a sample, fused: atoms enter one by one while none has to leave.
//
// Most samples of a sparse code never see anything else. Vectors over the support have a fixed length,
// two packs. A step that would make an atom leave, a newcomer that depends on the support, or a support
// that outgrows the packs end it before anything is changed; `pivot` goes on from there.
//
// Every step waits for the one before: the largest correlation, the newcomer's products, the length of
// the step, the correlations again. So samples climb two at a time, a step of one while the processor
// waits for the other's.
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

    // One atom more, or the end.
    OVERICA_INLINE void step(const Whole<T> &view, const Goal &goal) {
        if (k == smaller(goal.capacity, START)) return end(false);
        const int c = next(r, view.width, goal.nonnegative, limit, state);
        if (c < 0) return end(true);
        double *OVERICA_RESTRICT M = support->inverse.M;
        int *atoms = support->atoms;
        const Eight zero{};
        const T *row = view.row(c);
        const double top = r[c], own = row[c];
        // The products are put together in registers: scalars in memory cannot be read as a pack at once.
        Eight u0 = zero, u1 = zero, g0 = zero, g1 = zero;
        for (int first = 0; first < k; first += 4)
            for (int t = first; t < first + 4; t++) {
                const double v = row[atoms[t]];
                g0 += v * unit(t, 0);
                g1 += v * unit(t, 8);
                u0 += v * load(M + t * START);
                u1 += v * load(M + t * START + 8);
            }
        const double schur = own - sum(g0 * u0 + g1 * u1);
        if (!(schur > goal.dependent * own)) return end(false);
        const double inverse = 1.0 / schur, sign = top > 0 ? 1.0 : -1.0;
        const double length = (top - goal.penalty * sign) * inverse;
        const Eight next0 = value0 - length * u0, next1 = value1 - length * u1;
        if (any_at_most_zero(next0 * sign0) || any_at_most_zero(next1 * sign1)) return end(false);
        const Eight here0 = unit(k, 0), here1 = unit(k, 8);
        u0 -= here0, u1 -= here1;
        value0 = next0 + (length - 1.0) * here0, value1 = next1 + (length - 1.0) * here1;
        sign0 += (sign - 1.0) * here0, sign1 += (sign - 1.0) * here1;
        atoms[k] = c;
        state[c] = ACTIVE;
        determinant *= schur;
        k++;
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
    int k;
    double determinant;
    Eight value0, value1, sign0, sign1;

    void end(bool is_done) {
        climbing = false, done = is_done;
        store<double>(support->values, value0), store<double>(support->values + 8, value1);
        store<double>(support->signs, sign0), store<double>(support->signs + 8, sign1);
        support->inverse.k = k;
        support->inverse.scale_determinant(determinant);
    }
};

}  // namespace OVERICA_ISA
}  // namespace overica
