// A logarithm for loops over many numbers.
#pragma once

#include "base.hpp"

namespace overica {
namespace OVERICA_ISA {

// log(d) / 2 for d >= 1, within 2e-8, as loops that become vectors: the exponent moves into the mantissa of a
// number v in [1, 2), so that no sum loses digits; the Chebyshev polynomial is about the mantissa 1.5.
OVERICA_INLINE double half_log(double d) {
    std::int64_t bits;
    std::memcpy(&bits, &d, sizeof(bits));
    const std::int64_t up = ((bits >> 11) & 0x000ffe0000000000) | 0x3ff0000000000000;
    const std::int64_t low = (bits & 0x000fffffffffffff) | 0x3ff0000000000000;
    double v, t;
    std::memcpy(&v, &up, sizeof(v));
    std::memcpy(&t, &low, sizeof(t));
    t -= 1.5;
    double poly = -0.00307573547978;
    poly = poly * t + 0.00512191431532;
    poly = poly * t - 0.00716917102233;
    poly = poly * t + 0.0129836647564;
    poly = poly * t - 0.0247048091696;
    poly = poly * t + 0.049395875819;
    poly = poly * t - 0.111110684113;
    poly = poly * t + 0.333333083029;
    poly = poly * t + 0.202732551896;
    return 0.34657359027997264 * (2048.0 * v - 3071.0) + poly;
}

}  // namespace OVERICA_ISA
}  // namespace overica
