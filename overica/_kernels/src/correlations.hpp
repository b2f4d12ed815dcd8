// Correlations r = A'(x - A s) of all candidates with the residual: the largest, and their update.
#pragma once

#include "pack.hpp"
#include "support.hpp"

namespace overica {
namespace OVERICA_ISA {

// r -= sum_t step_t rows_t, for ROWS rows at once.
template <int ROWS, class T>
OVERICA_INLINE void combine(const T *const *rows, const T *step, int width, T *r) {
    constexpr int SIZE = 64 / sizeof(T);
    for (int j = 0; j < width; j += SIZE) {
        Pack<T> sum = load(r + j);
        for (int t = 0; t < ROWS; t++) sum -= step[t] * load(rows[t] + j);
        store<T>(r + j, sum);
    }
}

// r -= sum_t step_t G[atoms_t], four rows at a time.
template <class T, class View>
OVERICA_INLINE void advance(const View &view, const int *atoms, const double *step, int k, int width, T *r) {
    for (int first = 0; first < k; first += 4) {
        const int count = smaller(k - first, 4);
        const T *rows[4];
        T steps[4];
        for (int t = 0; t < count; t++) rows[t] = view.row(atoms[first + t]), steps[t] = (T)step[first + t];
        if (count == 4)
            combine<4>(rows, steps, width, r);
        else if (count == 3)
            combine<3>(rows, steps, width, r);
        else if (count == 2)
            combine<2>(rows, steps, width, r);
        else
            combine<1>(rows, steps, width, r);
    }
}

template <class T>
struct Bits;
template <>
struct Bits<float> { using type = std::int32_t; };
template <>
struct Bits<double> { using type = std::int64_t; };

// The bit pattern of r, or of |r|; for positive numbers they sort alike, and integer maxima vectorise.
template <class T>
OVERICA_INLINE typename Bits<T>::type pattern(const T *r, bool nonnegative) {
    using word = typename Bits<T>::type;
    word bits;
    std::memcpy(&bits, r, sizeof(word));
    return nonnegative ? bits : (word)(bits & (word)(~((word)1 << (8 * sizeof(word) - 1))));
}

// The largest |r| (r if nonnegative), at least 0.
template <class T>
OVERICA_INLINE T highest(const T *r, int width, bool nonnegative) {
    typename Bits<T>::type best = 0;
    if (nonnegative)
        for (int j = 0; j < (width & -WIDE_LANES); j++) best = larger(best, pattern(r + j, true));
    else
        for (int j = 0; j < (width & -WIDE_LANES); j++) best = larger(best, pattern(r + j, false));
    T value;
    std::memcpy(&value, &best, sizeof(T));
    return value;
}

// Position of the largest |r| (r if nonnegative), or of one that is hardly smaller: it travels in
// the lowest bits of the pattern, in place of the end of the mantissa: with 128 candidates ties within 2^-16 (float)
// or 2^-45 (double) are broken arbitrarily.
template <class T>
OVERICA_INLINE int peak(const T *r, int width, bool nonnegative) {
    using word = typename Bits<T>::type;
    word low = WIDE_LANES;
    while (low < width) low *= 2;
    word mask = ~(low - 1);
    if (!nonnegative) mask &= (word)(~((word)1 << (8 * sizeof(word) - 1)));
    word best = 0;
    for (int j = 0; j < (width & -WIDE_LANES); j++) {
        word bits;
        std::memcpy(&bits, r + j, sizeof(word));
        best = larger(best, (word)((bits & mask) | (word)j));
    }
    return (int)(best & (low - 1));
}

// The largest among the idle candidates above the limit, or -1: for the rare case that the peak is
// not idle, or not above the limit while another, within the ties of `peak`, is.
template <class T>
inline int runner_up(const T *r, int width, bool nonnegative, double limit, const std::uint8_t *state) {
    int best = -1;
    double value = limit;
    for (int j = 0; j < width; j++) {
        const double v = nonnegative ? (double)r[j] : std::fabs((double)r[j]);
        if (v > value && state[j] == IDLE) {
            best = j;
            value = v;
        }
    }
    return best;
}

// Who enters next: the idle candidate of highest correlation, or one that is hardly less; -1 if none
// is above the limit.
template <class T>
OVERICA_INLINE int next(const T *r, int width, bool nonnegative, double limit, const std::uint8_t *state) {
    if (width == 0) return -1;
    const int c = peak(r, width, nonnegative);
    const double top = nonnegative ? (double)r[c] : std::fabs((double)r[c]);
    if (top > limit && state[c] == IDLE) return c;
    if (top <= limit && !((double)highest(r, width, nonnegative) > limit)) return -1;
    return runner_up(r, width, nonnegative, limit, state);
}

}  // namespace OVERICA_ISA
}  // namespace overica
