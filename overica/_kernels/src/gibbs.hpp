// Gibbs sweeps of the posterior of one sample under a spike and a slab with an l1 cost.
#pragma once

#include "erfcx.hpp"

namespace overica {
namespace OVERICA_ISA {

// xoshiro256++ (Blackman and Vigna 2019), seeded by splitmix64.
struct Random {
    std::uint64_t s[4];

    explicit Random(std::uint64_t seed) {
        for (auto &word : s) {
            seed += 0x9e3779b97f4a7c15ull;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
            word = z ^ (z >> 31);
        }
    }

    static std::uint64_t rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

    std::uint64_t bits() {
        const std::uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = rotate(s[3], 45);
        return result;
    }

    // In (0, 1].
    double uniform() { return ((bits() >> 11) + 1) * 0x1.0p-53; }
    double exponential() { return -std::log(uniform()); }

    // Marsaglia's polar method.
    double normal() {
        for (;;) {
            const double a = 2.0 * uniform() - 1.0, b = 2.0 * uniform() - 1.0, q = a * a + b * b;
            if (q > 0.0 && q < 1.0) return a * std::sqrt(-2.0 * std::log(q) / q);
        }
    }
};

// Log of the integral over s >= 0 of exp(-slope s - curvature s^2 / 2), curvature > 0.
inline double log_half(double slope, double curvature) {
    const double x = slope / std::sqrt(2.0 * curvature);
    const double base = 0.5 * std::log(1.5707963267948966 / curvature);
    return x >= 0.0 ? base + std::log(erfcx(x)) : base + x * x + std::log(std::erfc(x));
}

// A draw from the density on s >= 0 that is proportional to exp(-slope s - curvature s^2 / 2).
inline double draw_half(double slope, double curvature, Random &random) {
    const double spread = 1.0 / std::sqrt(curvature);
    // In units of the spread: a standard Gaussian beyond `edge`, less `edge`.
    const double edge = slope * spread;
    if (edge < 0.5)
        for (;;) {
            const double t = random.normal();
            if (t >= edge) return (t - edge) * spread;
        }
    // Robert (1995): an exponential proposal, accepted with the ratio of the two.
    const double rate = edge < 1e8 ? 0.5 * (edge + std::sqrt(edge * edge + 4.0)) : edge;
    for (;;) {
        const double t = edge + random.exponential() / rate;
        if (random.uniform() <= std::exp(-0.5 * (t - rate) * (t - rate))) return (t - edge) * spread;
    }
}

// Draw every source of one sample given the others, in place, and r = x - A s; `level`: the likelihood's
// power. Atoms are rows of `stride` numbers, padded with zeros, as is r.
inline void sweep(const double *atoms, const double *norms, int n, int stride, double *s, double *r,
                  const double *presence, double sigma2, double level, bool nonnegative, Random &random) {
    const double at_zero = nonnegative ? 1.0 : 0.5;
    for (int j = 0; j < n; j++) {
        if (presence[j] <= 0.0 || norms[j] == 0.0) continue;
        const double *OVERICA_RESTRICT atom = atoms + (std::size_t)j * stride;
        double dot = 0.0;
        for (int f = 0; f < (stride & -LANES); f++) dot += atom[f] * r[f];
        const double pull = level * (dot + norms[j] * s[j]) / sigma2, curvature = level * norms[j] / sigma2;
        const double up = std::log(presence[j] * at_zero) + log_half(1.0 - pull, curvature);
        const double down = nonnegative ? -INFINITE : std::log(presence[j] * at_zero) + log_half(1.0 + pull, curvature);
        const double gone = presence[j] < 1.0 ? std::log(1.0 - presence[j]) : -INFINITE;
        const double top = larger(up, larger(down, gone));
        const double w_up = std::exp(up - top), w_down = std::exp(down - top);
        const double u = random.uniform() * (w_up + w_down + std::exp(gone - top));
        double drawn = 0.0;
        if (u <= w_up)
            drawn = draw_half(1.0 - pull, curvature, random);
        else if (u <= w_up + w_down)
            drawn = -draw_half(1.0 + pull, curvature, random);
        const double change = s[j] - drawn;
        if (change != 0.0) {
            for (int f = 0; f < (stride & -LANES); f++) r[f] += change * atom[f];
            s[j] = drawn;
        }
    }
}

}  // namespace OVERICA_ISA
}  // namespace overica
