// exp(x^2) erfc(x), the one special function of the evidence.
#pragma once

#include "pack.hpp"

namespace overica {
namespace OVERICA_ISA {

// Coefficients in y = (x - 3.75) / (x + 3.75) of (1 + 2 x) erfcx(x), which is smooth up to infinity
// (Shepherd and Laframboise 1981); from its Chebyshev series in 40 digits, cut where it is below 1e-16.
constexpr double ERFCX[] = {
    1.2375126308378275, -0.14024059858554525, 0.0035854154854790257, 0.08227673848999506,
    -0.10880393014244462, 0.09230432116428126, -0.058693398576649305, 0.028362277372111066,
    -0.00974657968326556, 0.0017556261651974802, 0.0002937143780464307, -0.00029015535246216037,
    5.1646529737281445e-05, 2.2387565717772484e-05, -1.1438048024627347e-05, -9.792625744299555e-07,
    1.7419821478426143e-06, -5.0844650876485796e-08, -2.485712542655283e-07, 1.8790821950649854e-08,
    3.1979263201269526e-08, -1.9551356495035996e-09, -2.6231067009054396e-09,
};
constexpr int ERFCX_TERMS = sizeof(ERFCX) / sizeof(double);

// For x >= 0, to 1e-15; of a number or of a pack.
template <class V>
OVERICA_INLINE V erfcx(V x) {
    const V y = (x - 3.75) / (x + 3.75);
    V sum = y * ERFCX[ERFCX_TERMS - 1] + ERFCX[ERFCX_TERMS - 2];
#if defined(__GNUC__)
#pragma GCC unroll 32
#endif
    for (int i = ERFCX_TERMS - 3; i >= 0; i--) sum = sum * y + ERFCX[i];
    return sum / (x * 2.0 + 1.0);
}

}  // namespace OVERICA_ISA
}  // namespace overica
