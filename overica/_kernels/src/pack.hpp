// Whole cache lines of numbers, for the few loops that compilers do not turn into vectors by themselves.
#pragma once

#include "base.hpp"

// Written out where vectors of the compiler and those of the processor are one type.
#if defined(__AVX512F__) && defined(__GNUC__)
#define OVERICA_ZMM
#include <immintrin.h>
#endif

namespace overica {
namespace OVERICA_ISA {

// 64 bytes of T; wider than the registers of some processors, for which the compiler takes several.
#if defined(__GNUC__)
template <class T>
struct PackOf {
    typedef T type __attribute__((vector_size(64)));
};
template <class T>
using Pack = typename PackOf<T>::type;
#else
template <class T>
struct Pack {
    static constexpr int SIZE = 64 / sizeof(T);
    T lane[SIZE];
    T operator[](int i) const { return lane[i]; }
    Pack &operator+=(Pack b) { for (int i = 0; i < SIZE; i++) lane[i] += b.lane[i]; return *this; }
    Pack &operator-=(Pack b) { for (int i = 0; i < SIZE; i++) lane[i] -= b.lane[i]; return *this; }
    friend Pack operator+(Pack a, Pack b) { return a += b; }
    friend Pack operator/(Pack a, Pack b) { for (int i = 0; i < SIZE; i++) a.lane[i] /= b.lane[i]; return a; }
    friend Pack operator+(Pack a, T v) { for (int i = 0; i < SIZE; i++) a.lane[i] += v; return a; }
    friend Pack operator-(Pack a, T v) { for (int i = 0; i < SIZE; i++) a.lane[i] -= v; return a; }
    friend Pack operator*(Pack a, T v) { for (int i = 0; i < SIZE; i++) a.lane[i] *= v; return a; }
    friend Pack operator-(Pack a, Pack b) { return a -= b; }
    friend Pack operator*(Pack a, Pack b) { for (int i = 0; i < SIZE; i++) a.lane[i] *= b.lane[i]; return a; }
    friend Pack operator*(T v, Pack a) { for (int i = 0; i < SIZE; i++) a.lane[i] *= v; return a; }
};
#endif
typedef Pack<double> Eight;

template <class T>
OVERICA_INLINE Pack<T> load(const T *from) {
    Pack<T> a;
    std::memcpy(&a, from, sizeof(a));
    return a;
}

template <class T>
OVERICA_INLINE void store(T *to, Pack<T> a) { std::memcpy(to, &a, sizeof(a)); }

OVERICA_INLINE double sum(Eight a) {
#ifdef OVERICA_ZMM
    return _mm512_reduce_add_pd((__m512d)a);
#else
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
#endif
}

// Whether any lane is at most zero.
OVERICA_INLINE bool any_at_most_zero(Eight a) {
#ifdef OVERICA_ZMM
    return _mm512_cmp_pd_mask((__m512d)a, _mm512_setzero_pd(), _CMP_LE_OQ) != 0;
#else
    bool any = false;
    for (int i = 0; i < 8; i++) any |= a[i] <= 0.0;
    return any;
#endif
}

// Lanes `first` to `first + 7` of the unit vector e_k.
OVERICA_INLINE Eight unit(int k, int first) {
    static constexpr double WINDOW[64] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return load(WINDOW + 31 - k + first);
}

}  // namespace OVERICA_ISA
}  // namespace overica
