// Active-set steps of one sample: one atom enters at a time, as many leave as must.
//
// Between steps the codes minimise the objective over the current support and signs. The atom that
// violates |A_j'(x - A s)| <= penalty most enters with its sign; the minimiser over the larger support
// is then a known multiple of one column of the inverse Gram matrix, since the optimality residual
// rho = A_a'(x - A s) - penalty sign(s_a) is zero except at the newcomer. Where a code would change
// sign on the way, the step stops there, that atom leaves, and the rest of the step is taken with the
// smaller support. The objective falls strictly at every newcomer, so that no support returns and the
// method ends (Lawson and Hanson 1974, chapter 23, for non-negative least squares; Osborne, Presnell
// and Turlach 2000 for l1).
//
// A newcomer that depends linearly on the support moves along the null direction, where A s stays and
// the l1 norm falls, until another atom reaches zero and gives its place.
#pragma once

#include "climb.hpp"

namespace overica {
namespace OVERICA_ISA {

// Steps until no idle correlation exceeds the limit; returns their number.
template <class T, class View>
inline int pivot(const View &view, int width, const Goal &goal, double limit, int max_steps, Support &s,
                 T *OVERICA_RESTRICT r, std::uint8_t *state) {
    int n_steps = 0;
    while (n_steps < max_steps) {
        const int c = next(r, width, goal.nonnegative, limit, state);
        if (c < 0) break;
        n_steps++;
        const T *row = view.row(c);
        const double sign = r[c] > 0 ? 1.0 : -1.0;
        bool entered = s.enter(row, c, sign, goal, state);
        if (!entered) {
            int q;
            const double alpha = s.yielding(sign, q);
            if (q >= 0) {
                // The correlations follow although they should not change: dependence is a matter of
                // a threshold.
                const double start = alpha * sign;
                for (int t = 0; t < s.size(); t++) {
                    s.step[t] = -start * s.u[t];
                    s.values[t] += s.step[t];
                }
                advance(view, s.atoms, s.step, s.size(), width, r);
                advance(view, &c, &start, 1, width, r);
                s.leave(q, state);
                entered = s.enter(row, c, sign, goal, state);
                if (entered) s.values[s.size() - 1] = start;
            }
            if (!entered) {
                state[c] = ASIDE;
                continue;
            }
        }
        double rho = (double)r[c] - goal.penalty * sign;
        int newest = s.size() - 1;
        // From here on u is how far each code has moved; the correlations follow once.
        for (int t = 0; t < s.size(); t++) s.u[t] = 0.0;
        for (;;) {
            const int k = s.size();
            const double *column = s.inverse.M + (std::size_t)newest * s.inverse.ld;
            for (int t = 0; t < k; t++) s.step[t] = rho * column[t];
            int q;
            const double alpha = s.crossing(q);
            for (int t = 0; t < k; t++) {
                s.u[t] += alpha * s.step[t];
                s.values[t] += alpha * s.step[t];
            }
            if (q < 0) break;
            n_steps++;
            rho *= 1.0 - alpha;
            advance(view, s.atoms + q, s.u + q, 1, width, r);
            s.u[q] = s.u[k - 1];
            s.leave(q, state);
            if (q == newest) break;
            if (newest == s.size()) newest = q;  // the newcomer was last and took the free place
        }
        advance(view, s.atoms, s.u, s.size(), width, r);
    }
    return n_steps;
}

// Move to the minimiser over the support from any rho, dropping atoms on the way; returns the steps.
//
// With rho near zero this is a step of iterative refinement; with another penalty than that of the
// codes it is the path on which sources only leave.
template <class T, class View>
inline int settle(const View &view, int width, double penalty, int max_steps, Support &s,
                  T *OVERICA_RESTRICT r, std::uint8_t *state) {
    double *rho = s.u;
    const int first = s.size();
    for (int t = 0; t < padded(first); t++) rho[t] = s.moved[t] = 0.0;
    for (int t = 0; t < first; t++) rho[t] = (double)r[s.atoms[t]] - penalty * s.signs[t];
    int n_steps = 0;
    while (s.size() > 0 && n_steps < max_steps) {
        const int k = s.size();
        n_steps++;
        s.inverse.multiply(rho, s.step);
        int q;
        const double alpha = s.crossing(q);
        for (int t = 0; t < k; t++) {
            s.moved[t] += alpha * s.step[t];
            s.values[t] += alpha * s.step[t];
        }
        if (q < 0) break;
        advance(view, s.atoms + q, s.moved + q, 1, width, r);
        for (int t = 0; t < k; t++) rho[t] *= 1.0 - alpha;
        rho[q] = rho[k - 1];
        s.moved[q] = s.moved[k - 1];
        s.leave(q, state);
    }
    advance(view, s.atoms, s.moved, s.size(), width, r);
    return n_steps;
}

}  // namespace OVERICA_ISA
}  // namespace overica
