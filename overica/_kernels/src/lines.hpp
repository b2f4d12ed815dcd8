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

#include "erfcx.hpp"
#include "support.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr double FLATTEST = 0.01;  // slope of a line that rounding has left flat for ever
constexpr double GONE = 40.0;      // fall of the log density after which less is left than rounding
constexpr double HALF_PI = 1.5707963267948966, ROOT_PI = 1.7724538509055159;
constexpr int CHUNK = 64;          // candidates at a time

// Six Gauss-Legendre nodes on [0, 1].
constexpr double NODES[] = {0.033765242898423986, 0.16939530676686776, 0.3806904069584015,
                            0.6193095930415985,   0.8306046932331322,  0.966234757101576};
constexpr double WEIGHTS[] = {0.08566224618958518, 0.1803807865240693, 0.23395696728634552,
                              0.23395696728634552, 0.1803807865240693, 0.08566224618958518};

// Integral over t >= 0 of exp(-slope t - curvature t^2 / 2), slope > 0. A curvature that is nothing
// beside the slope is raised to where the closed form is still exact.
OVERICA_INLINE double half_line(double slope, double curvature) {
    const double h = larger(curvature, 1e-14 * slope * slope);
    const double root = std::sqrt(0.5 / h);
    return ROOT_PI * root * erfcx(slope * root);
}

// Integral over [0, length]; slope, curvature >= 0, length may be infinite.
inline double segment(double slope, double curvature, double length) {
    if (!(length > 0.0)) return 0.0;
    double fall = INFINITE;
    if (length < INFINITE) {
        fall = length * (slope + 0.5 * curvature * length);
        // A mild fall is a smooth integrand, where the closed forms below would cancel.
        if (fall < 2.0) {
            double total = 0.0;
            for (int q = 0; q < 6; q++) {
                const double t = length * NODES[q];
                total += WEIGHTS[q] * std::exp(-t * (slope + 0.5 * curvature * t));
            }
            return length * total;
        }
    }
    if (curvature <= 1e-14 * slope * slope) return (1.0 - std::exp(-fall)) / slope;
    const double width = 1.0 / std::sqrt(2.0 * curvature);
    double value = erfcx(slope * width);
    if (fall < GONE) value -= std::exp(-fall) * erfcx((slope + curvature * length) * width);
    return std::sqrt(HALF_PI / curvature) * value;
}

// Integral over t >= 0 of exp(-F), F of the given initial slope and curvature, steeper after each
// crossing. With `wall`, F is infinite from the first crossing on.
inline double side(double slope, double curvature, const double *crossings, const double *rises, int count,
                   bool wall) {
    if (wall) {
        double nearest = INFINITE;
        for (int q = 0; q < count; q++) nearest = smaller(nearest, crossings[q]);
        return segment(slope, curvature, nearest);
    }
    double total = 0.0, t = 0.0, height = 0.0;
    for (;;) {
        // The next crossing: few are reached before nothing is left, hence no sorting.
        double stop = INFINITE, steeper = 0.0;
        for (int q = 0; q < count; q++)
            if (t < crossings[q] && crossings[q] < stop) stop = crossings[q];
        for (int q = 0; q < count; q++)
            if (crossings[q] == stop) steeper += rises[q];
        const double length = stop - t;
        total += std::exp(-height) * segment(slope + curvature * t, curvature, length);
        if (!(stop < INFINITE)) break;
        height += length * (slope + curvature * t + 0.5 * curvature * length);
        if (height > GONE) break;
        t = stop;
        slope += steeper;
    }
    return total;
}

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
// is infinite there. `r` are the correlations, `diagonal` the squared norms of the atoms, and `W` room
// for CHUNK numbers per atom of the support and one more.
template <class T>
inline void masses(const Whole<T> &view, const double *diagonal, int n, const T *r, double sigma2,
                   bool nonnegative, const Support &s, double *W, double *present, double *absent) {
    const int k = s.size();
    const double at_zero = nonnegative ? 1.0 : 0.5, inverse_sigma2 = 1.0 / sigma2;
    // Of a column in the span of the active ones rounding is left: no curvature.
    const double rounding = sizeof(T) == sizeof(double) ? 1e-11 : 1e-5;
    double *crossings = s.step, *rises = s.u;
    for (int first = 0; first < view.width; first += CHUNK) {
        const int size = smaller(CHUNK, view.width - first);
        double free[CHUNK], up[CHUNK], down[CHUNK], reach_up[CHUNK], reach_down[CHUNK], mass[CHUNK];
        double curvature[CHUNK], most[CHUNK], crossed_up[CHUNK], crossed_down[CHUNK];
        for (int j = 0; j < size; j++) free[j] = diagonal[first + j];
        for (int a = 0; a < k; a++) {
            double *OVERICA_RESTRICT w = W + a * CHUNK;
            for (int j = 0; j < (size & -WIDE_LANES); j++) w[j] = 0.0;
        }
        for (int c = 0; c < k; c++) {
            const T *OVERICA_RESTRICT row = view.row(s.atoms[c]) + first;
            const double *column = s.inverse.M + (std::size_t)c * s.inverse.ld;
            for (int a = 0; a < k; a++) {
                double *OVERICA_RESTRICT w = W + a * CHUNK;
                // Signed as their sources, so that a line needs no look at the signs.
                const double v = column[a] * s.signs[a];
                for (int j = 0; j < (size & -WIDE_LANES); j++) w[j] += v * row[j];
            }
        }
        for (int a = 0; a < k; a++) {
            const T *OVERICA_RESTRICT row = view.row(s.atoms[a]) + first;
            const double *OVERICA_RESTRICT w = W + a * CHUNK;
            for (int j = 0; j < (size & -WIDE_LANES); j++) free[j] -= s.signs[a] * w[j] * row[j];
        }
        for (int j = 0; j < (size & -WIDE_LANES); j++) {
            const double mu = smaller(larger(r[first + j] * inverse_sigma2, nonnegative ? -INFINITE : -1.0), 1.0);
            curvature[j] = free[j] > rounding * diagonal[first + j] ? free[j] * inverse_sigma2 : 0.0;
            // Never quite flat: a slope and a curvature of zero, with nothing to cross, would be an
            // infinite line.
            up[j] = larger(1.0 - mu, 1e-12);
            down[j] = larger(1.0 + mu, 1e-12);
            // Crossings beyond these lengths are not reached: nothing is left there.
            reach_up[j] = 2.0 * GONE / (up[j] + std::sqrt(up[j] * up[j] + 2.0 * curvature[j] * GONE));
            reach_down[j] = 2.0 * GONE / (down[j] + std::sqrt(down[j] * down[j] + 2.0 * curvature[j] * GONE));
            crossed_up[j] = crossed_down[j] = -1.0;
            most[j] = 0.0;
        }
        for (int a = 0; a < k; a++) {
            const double *OVERICA_RESTRICT w = W + a * CHUNK;
            const double size_a = std::fabs(s.values[a]);
            for (int j = 0; j < (size & -WIDE_LANES); j++) {
                crossed_up[j] = larger(crossed_up[j], reach_up[j] * w[j] - size_a);
                crossed_down[j] = larger(crossed_down[j], reach_down[j] * -w[j] - size_a);
                most[j] = larger(most[j], w[j] < 0 ? -w[j] : w[j]);
            }
        }
        // Lines that nothing crosses, all at once.
        for (int j = 0; j < (size & -WIDE_LANES); j++) {
            const bool flat = !(curvature[j] > 0.0) && !(most[j] > 1e-12);
            const double a = flat ? larger(up[j], FLATTEST) : up[j];
            mass[j] = half_line(a, curvature[j]);
        }
        if (!nonnegative)
            for (int j = 0; j < (size & -WIDE_LANES); j++) {
                const bool flat = !(curvature[j] > 0.0) && !(most[j] > 1e-12);
                const double a = flat ? larger(down[j], FLATTEST) : down[j];
                mass[j] += half_line(a, curvature[j]);
            }
        for (int j = 0; j < smaller(size, n - first); j++) {
            const bool any = crossed_up[j] > 0.0 || (!nonnegative && crossed_down[j] > 0.0);
            const bool unbounded = !(curvature[j] > 0.0) && most[j] > 1e-12;
            if (!any && !unbounded) continue;
            mass[j] = 0.0;
            for (int way = 1; way >= (nonnegative ? 1 : -1); way -= 2) {
                const double slope = way > 0 ? up[j] : down[j], reach = way > 0 ? reach_up[j] : reach_down[j];
                bool crossed = curvature[j] > 0.0;
                int count = 0;
                for (int a = 0; a < k; a++) {
                    const double towards = way * W[a * CHUNK + j];
                    if (towards <= 1e-12) continue;
                    crossed = true;
                    if (std::fabs(s.values[a]) < reach * towards) {
                        crossings[count] = std::fabs(s.values[a]) / towards;
                        rises[count++] = 2.0 * towards;
                    }
                }
                mass[j] += side(crossed ? slope : larger(slope, FLATTEST), curvature[j], crossings, rises, count,
                                nonnegative);
            }
        }
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
