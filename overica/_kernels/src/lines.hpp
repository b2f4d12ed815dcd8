// Line integrals: what the Gaussian approximation of the posterior leaves out at the kinks of an l1 cost.
//
// Around the mode of a sample, move one source j by t and let the active sources follow so as to stay
// optimal, s_a - t w, w = (A_a'A_a)^-1 A_a'A_j. The negative log posterior, relative to the mode, is
//
//     F(t) = |t| - mu t + h t^2 / 2 + sum_a 2 max(0, t w_a / sign(s_a) - |s_a|),   (scale one, signed)
//
// with mu = A_j'r / sigma^2, |mu| <= 1, and h = |A_j - A_a w|^2 / sigma^2: a convex function, linear-
// quadratic between the points at which an active source changes its sign. Non-negative sources stop
// there, and at t = 0.
#pragma once

#include "segments.hpp"
#include "support.hpp"

namespace overica {
namespace OVERICA_ISA {

struct LineMemory {
    double *W;  // what each atom of the support gives way, CHUNK candidates at a time
    int *near;
    Lines lines;

    static LineMemory carve(Arena &arena, int capacity) {
        LineMemory memory;
        memory.W = arena.take<double>((std::size_t)CHUNK * leading(capacity));
        memory.near = arena.take<int>(leading(capacity));
        memory.lines.crossings = arena.take<double>((std::size_t)LINES * leading(capacity));
        memory.lines.rises = arena.take<double>((std::size_t)LINES * leading(capacity));
        return memory;
    }
};

// Masses of the active sources. Present: the share of its Gaussian on its side of the kink, plus what
// leaks through. Absent: the density of its Gaussian at zero over that of the prior, the ratio of
// Savage and Dickey (1971): what takes its place where the source is not there at all.
inline void active_masses(const Support &s, double sigma2, bool nonnegative, double *present, double *absent) {
    const double at_zero = nonnegative ? 1.0 : 0.5;
    for (int t = 0; t < s.size(); t++) {
        const double variance = sigma2 * larger(s.inverse.M[(std::size_t)t * s.inverse.ld + t], 1e-300);
        const double width = std::sqrt(2.0 * variance), z = std::fabs(s.values[t]) / width;
        const double height = std::exp(-z * z);
        double mass = 1.0 - 0.5 * height * erfcx(z);
        if (!nonnegative) mass += 0.5 * height * erfcx(z + width);
        present[s.atoms[t]] = mass;
        absent[s.atoms[t]] = height / (ROOT_PI * width * at_zero);
    }
}

// Masses of all sources around the mode of one sample; `present` and `absent` are padded to `width`.
//
// The mass of an inactive source is the integral over its line of exp(-F) times the prior's density at
// zero: the share of its own prior mass that the data leave, as if it were the only inactive one. A
// duplicate of an active column, with |mu| = 1 and h = 0, comes out exact; the obvious 1 / (1 - mu^2)
// is infinite there. `r` are the correlations, `diagonal` the squared norms of the atoms.
inline void masses(const Whole<double> &view, const double *diagonal, int n, const double *r, double sigma2,
                   bool nonnegative, const Support &s, LineMemory &memory, double *present, double *absent) {
    const int k = s.size();
    const double at_zero = nonnegative ? 1.0 : 0.5, inverse_sigma2 = 1.0 / sigma2;
    // Of a column in the span of the active ones rounding is left: no curvature.
    constexpr double ROUNDING = 1e-11;
    double *W = memory.W;
    int *near = memory.near;
    Lines &lines = memory.lines;
    for (int first = 0; first < view.width; first += CHUNK) {
        const int size = smaller(CHUNK, view.width - first);
        double free[CHUNK], up[CHUNK], down[CHUNK], reach_up[CHUNK], reach_down[CHUNK], mass[CHUNK];
        double curvature[CHUNK], highest_w[CHUNK], lowest_w[CHUNK], crossed_up[CHUNK], crossed_down[CHUNK];
        for (int j = 0; j < size; j++) free[j] = diagonal[first + j];
        for (int a = 0; a < k; a++) {
            // M is symmetric; signed as their sources, so that a line needs no look at the signs.
            const double *column = s.inverse.M + (std::size_t)a * s.inverse.ld;
            for (int c = 0; c < k; c++) s.step[c] = s.signs[a] * column[c];
            for (int j = 0; j < size; j += LANES) {
                Eight sum{};
                for (int c = 0; c < k; c++) sum += s.step[c] * load(view.row(s.atoms[c]) + first + j);
                store<double>(W + a * CHUNK + j, sum);
            }
        }
        for (int a = 0; a < k; a++) {
            const double *OVERICA_RESTRICT row = view.row(s.atoms[a]) + first;
            const double *OVERICA_RESTRICT w = W + a * CHUNK;
            for (int j = 0; j < (size & -WIDE_LANES); j++) free[j] -= s.signs[a] * w[j] * row[j];
        }
        for (int j = 0; j < (size & -WIDE_LANES); j++) {
            const double mu = smaller(larger(r[first + j] * inverse_sigma2, nonnegative ? -INFINITE : -1.0), 1.0);
            curvature[j] = free[j] > ROUNDING * diagonal[first + j] ? free[j] * inverse_sigma2 : 0.0;
            // Never quite flat: a slope and a curvature of zero, with nothing to cross, would be an
            // infinite line.
            up[j] = larger(1.0 - mu, 1e-12);
            down[j] = larger(1.0 + mu, 1e-12);
            // Crossings beyond these lengths are not reached: nothing is left there.
            reach_up[j] = 2.0 * GONE / (up[j] + std::sqrt(up[j] * up[j] + 2.0 * curvature[j] * GONE));
            reach_down[j] = 2.0 * GONE / (down[j] + std::sqrt(down[j] * down[j] + 2.0 * curvature[j] * GONE));
            crossed_up[j] = crossed_down[j] = -1.0;
            highest_w[j] = lowest_w[j] = 0.0;
        }
        int n_near = 0;  // atoms that some line crosses within its reach
        for (int a = 0; a < k; a++) {
            const double *OVERICA_RESTRICT w = W + a * CHUNK;
            const double size_a = std::fabs(s.values[a]);
            double hits = 0.0;
            for (int j = 0; j < (size & -WIDE_LANES); j++) {
                const double beyond_up = reach_up[j] * w[j] - size_a, beyond_down = reach_down[j] * -w[j] - size_a;
                crossed_up[j] = larger(crossed_up[j], beyond_up);
                crossed_down[j] = larger(crossed_down[j], beyond_down);
                highest_w[j] = larger(highest_w[j], w[j]);
                lowest_w[j] = smaller(lowest_w[j], w[j]);
                hits += larger(beyond_up, beyond_down) > 0.0 ? 1.0 : 0.0;
            }
            if (hits > 0.0) near[n_near++] = a;
        }
        // Most lines nothing crosses; of no curvature and with nothing to cross they are flat for ever.
        for (int j = 0; j < (size & -WIDE_LANES); j++) {
            mass[j] = 0.0;
            up[j] = !(curvature[j] > 0.0) && !(highest_w[j] > 1e-12) ? larger(up[j], FLATTEST) : up[j];
            down[j] = !(curvature[j] > 0.0) && !(-lowest_w[j] > 1e-12) ? larger(down[j], FLATTEST) : down[j];
        }
        add_half_lines(up, curvature, crossed_up, size, mass);
        if (!nonnegative) add_half_lines(down, curvature, crossed_down, size, mass);
        lines.clear();
        for (int j = 0; n_near > 0 && j < smaller(size, n - first); j++)
            for (int way = 1; way >= (nonnegative ? 1 : -1); way -= 2) {
                if (!((way > 0 ? crossed_up[j] : crossed_down[j]) > 0.0)) continue;
                const double reach = way > 0 ? reach_up[j] : reach_down[j];
                lines.open(way > 0 ? up[j] : down[j], curvature[j], j);
                for (int q = 0; q < n_near; q++) {
                    const int a = near[q];
                    const double towards = way * W[a * CHUNK + j], size_a = std::fabs(s.values[a]);
                    if (size_a < reach * towards) lines.cross(size_a / towards, 2.0 * towards);
                }
                lines.add();
            }
        integrate(lines, nonnegative, mass);
        for (int j = 0; j < size; j++) {
            present[first + j] = mass[j] * at_zero;
            absent[first + j] = 1.0;
        }
    }
    active_masses(s, sigma2, nonnegative, present, absent);
}

// sum_j log(rho_j present_j + (1 - rho_j) absent_j): products of many factors per logarithm.
inline double log_factors(const double *OVERICA_RESTRICT present, const double *OVERICA_RESTRICT absent,
                          const double *OVERICA_RESTRICT rho, int n) {
    double total = 0.0, product = 1.0;
    for (int first = 0; first < n; first += CHUNK) {
        const int size = smaller(CHUNK, n - first);
        double factor[CHUNK];
        for (int j = 0; j < size; j++)
            factor[j] = larger(rho[first + j] * present[first + j] + (1.0 - rho[first + j]) * absent[first + j],
                               2.2250738585072014e-308);
        for (int j = 0; j < size; j++) {
            const double next = product * factor[j];
            if (next > 1e-200 && next < 1e200) {
                product = next;
            } else {
                total += std::log(product) + std::log(factor[j]);
                product = 1.0;
            }
        }
    }
    return total + std::log(product);
}

}  // namespace OVERICA_ISA
}  // namespace overica
