// What every kernel stands on: the namespace of the instruction set, small arithmetic, an arena.
//
// Kernels are compiled once per instruction set, each time inside another namespace, so that the
// linker cannot merge a function compiled for one processor with its twin for another. For the same
// reason they use nothing of the standard library that is not inlined for certain.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifndef OVERICA_ISA
#error "compile with -DOVERICA_ISA=<namespace of the instruction set>"
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define OVERICA_RESTRICT __restrict
#define OVERICA_INLINE __forceinline
#else
#define OVERICA_RESTRICT __restrict__
#define OVERICA_INLINE inline __attribute__((always_inline))
#endif

namespace overica {
namespace OVERICA_ISA {

// Vectors over candidates (float or double) and over supports (double) are padded with zeros to these
// many numbers, so that loops run over whole vectors of any processor and need no remainder.
constexpr int WIDE_LANES = 16, LANES = 8;
constexpr double INFINITE = HUGE_VAL;

OVERICA_INLINE int wide_padded(int n) { return (n + WIDE_LANES - 1) & ~(WIDE_LANES - 1); }
OVERICA_INLINE int padded(int n) { return (n + LANES - 1) & ~(LANES - 1); }

template <class T>
OVERICA_INLINE T larger(T a, T b) { return a > b ? a : b; }

template <class T>
OVERICA_INLINE T smaller(T a, T b) { return a < b ? a : b; }

// Memory of one worker, carved into arrays that start on cache lines. With no memory behind it, it
// measures: `used` is then what the arrays need.
struct Arena {
    char *memory;
    std::size_t used;

    template <class T>
    T *take(std::size_t count) {
        T *start = memory ? reinterpret_cast<T *>(memory + used) : nullptr;
        used += (count * sizeof(T) + 63) / 64 * 64;
        return start;
    }
};

}  // namespace OVERICA_ISA
}  // namespace overica
