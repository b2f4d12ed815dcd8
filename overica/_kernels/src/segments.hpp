// Integrals of exp(-F) along many lines at once, F convex and linear-quadratic between crossings.
#pragma once

#include "erfcx.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr double FLATTEST = 0.01;  // slope of a line that rounding has left flat for ever
constexpr double GONE = 25.0;      // fall of the log density after which less is left than 1e-11
constexpr double ROOT_PI = 1.7724538509055159;
constexpr int CHUNK = 64;          // candidates at a time, each with a line up and a line down
constexpr int LINES = 2 * CHUNK;

// Six Gauss-Legendre nodes on [0, 1].
constexpr int N_NODES = 6;
constexpr double NODES[] = {0.033765242898423986, 0.16939530676686776, 0.3806904069584015,
                            0.6193095930415985,   0.8306046932331322,  0.966234757101576};
constexpr double WEIGHTS[] = {0.08566224618958518, 0.1803807865240693, 0.23395696728634552,
                              0.23395696728634552, 0.1803807865240693, 0.08566224618958518};

// exp(-x) for 0 <= x <= 2^SQUARES / 4, of a pack: the series of exp(-x / 2^SQUARES), squared again and
// again. Every squaring doubles the rounding: 1e-15 for 3 of them, 4e-14 for 8. No integers, no branch.
template <int SQUARES>
OVERICA_INLINE Eight falling(Eight x) {
    const Eight y = x * (-1.0 / (1 << SQUARES));
    Eight power = y * (1.0 / 362880.0) + 1.0 / 40320.0;
    power = power * y + 1.0 / 5040.0;
    power = power * y + 1.0 / 720.0;
    power = power * y + 1.0 / 120.0;
    power = power * y + 1.0 / 24.0;
    power = power * y + 1.0 / 6.0;
    power = power * y + 0.5;
    power = power * y + 1.0;
    power = power * y + 1.0;
    for (int q = 0; q < SQUARES; q++) power = power * power;
    return power;
}

// mass_j += integral over t >= 0 of exp(-slope_j t - curvature_j t^2 / 2) where `taken_j` is not positive, for
// `size` lines, a multiple of eight. A curvature that is nothing beside the slope is raised to where the
// closed form sqrt(pi / 2h) erfcx(a / sqrt(2h)) is still exact.
inline void add_half_lines(const double *OVERICA_RESTRICT slope, const double *OVERICA_RESTRICT curvature,
                           const double *OVERICA_RESTRICT taken, int size, double *OVERICA_RESTRICT mass) {
    double root[CHUNK], value[CHUNK];
    for (int j = 0; j < (size & -LANES); j++) {
        root[j] = std::sqrt(0.5 / larger(curvature[j], 1e-14 * slope[j] * slope[j]));
        value[j] = slope[j] * root[j];
    }
    for (int j = 0; j < size; j += LANES) store<double>(value + j, erfcx(load(value + j)));
    for (int j = 0; j < (size & -LANES); j++) mass[j] += taken[j] > 0.0 ? 0.0 : ROOT_PI * root[j] * value[j];
}

// Lines that start at t = 0 and have come to `at`, where F is `height`. Beyond, its slope and curvature
// hold up to the next crossing, in `crossings[first : last]`, where it becomes steeper.
struct Lines {
    int count;
    double slope[LINES], curvature[LINES], at[LINES], height[LINES];
    int first[LINES], last[LINES], owner[LINES];
    double *crossings, *rises;  // sorted along each line
    int used;

    void clear() { count = used = 0; }

    // A line with room for crossings behind those there are, which `add` then takes.
    void open(double a, double h, int whose) {
        slope[count] = a, curvature[count] = h, at[count] = height[count] = 0.0;
        first[count] = last[count] = used, owner[count] = whose;
    }

    void cross(double where, double rise) {
        int q = used++;
        for (; q > first[count] && crossings[q - 1] > where; q--)
            crossings[q] = crossings[q - 1], rises[q] = rises[q - 1];
        crossings[q] = where, rises[q] = rise;
    }

    void add() { last[count++] = used; }
};

// mass[owner] += integral over t >= 0 of exp(-F), for every line. With `wall`, F is infinite from the
// first crossing on. Slopes are positive where no crossing ends a line without curvature.
//
// A piece of length L on which F rises by `fall` has the closed form
//
//     sqrt(pi / 2h) (erfcx(a w) - exp(-fall) erfcx((a + h L) w)),    w = 1 / sqrt(2h),
//
// which cancels where the fall is mild; there the integrand is smooth, and six nodes are exact. A
// curvature that is nothing beside the slope is raised to where the closed form still holds.
inline void integrate(Lines &lines, bool wall, double *mass) {
    double stop[LINES], length[LINES], root[LINES], here[LINES], there[LINES], fall[LINES], mild[LINES], left[LINES];
    double piece[LINES];
    while (lines.count > 0) {
        const int count = padded(lines.count);
        for (int l = 0; l < lines.count; l++)
            stop[l] = lines.first[l] < lines.last[l] ? lines.crossings[lines.first[l]] : INFINITE;
        for (int l = lines.count; l < count; l++)
            stop[l] = INFINITE, lines.slope[l] = 1.0, lines.curvature[l] = lines.at[l] = lines.height[l] = 0.0;
        for (int l = 0; l < (count & -LANES); l++) {
            const double a = lines.slope[l], h = lines.curvature[l];
            // Beyond what is ever reached a piece is as good as endless.
            length[l] = smaller(stop[l] - lines.at[l], 1e150);
            fall[l] = length[l] * (a + 0.5 * h * length[l]);
            root[l] = std::sqrt(0.5 / larger(h, 1e-14 * a * a));
            here[l] = a * root[l];
            there[l] = smaller((a + h * length[l]) * root[l], 1e150);
            left[l] = smaller(fall[l], 60.0);
        }
        for (int l = 0; l < count; l += LANES) {
            const Eight a = load(lines.slope + l), h = 0.5 * load(lines.curvature + l), L = load(length + l);
            Eight sum{};
            for (int q = 0; q < N_NODES; q++) {
                const Eight t = L * NODES[q];
                sum += falling<3>(t * (a + h * t)) * WEIGHTS[q];
            }
            store<double>(mild + l, L * sum);
            const Eight difference = erfcx(load(here + l)) - falling<8>(load(left + l)) * erfcx(load(there + l));
            store<double>(piece + l, ROOT_PI * load(root + l) * difference);
            store<double>(left + l, falling<8>(load(lines.height + l)));
        }
        for (int l = 0; l < (count & -LANES); l++) piece[l] = left[l] * (fall[l] < 2.0 ? mild[l] : piece[l]);
        int kept = 0;
        for (int l = 0; l < lines.count; l++) {
            mass[lines.owner[l]] += piece[l];
            const double height = lines.height[l] + fall[l];
            if (wall || !(stop[l] < INFINITE) || height > GONE) continue;
            double slope = lines.slope[l] + lines.curvature[l] * length[l];
            int next = lines.first[l];
            while (next < lines.last[l] && lines.crossings[next] <= stop[l]) slope += lines.rises[next++];
            lines.slope[kept] = slope, lines.curvature[kept] = lines.curvature[l];
            lines.at[kept] = stop[l], lines.height[kept] = height;
            lines.first[kept] = next, lines.last[kept] = lines.last[l], lines.owner[kept] = lines.owner[l];
            kept++;
        }
        lines.count = kept;
    }
}

}  // namespace OVERICA_ISA
}  // namespace overica
