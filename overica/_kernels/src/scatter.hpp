// Sums over samples of E[(x - A s) s'] under their posteriors, scattered to the columns that each of them uses:
//
//     cross[a] += s_a r' - penalty (A_a'A_a)^-1 A_a',    atoms as rows.
//
// Features are taken a slab at a time; atoms and sums lie slab by slab, so that those of one slab stay in the cache and
// in few pages. What a sample costs is the product of its inverse with its atoms, k^2 m multiplications; in float for
// dictionaries that are searched in float, whose inverses are no better.
#pragma once

#include "interface.hpp"
#include "pack.hpp"

namespace overica {
namespace OVERICA_ISA {

// Rows of an inverse, times `factor`, four at a time: entry (t, c) at [(t / 4 * k + c) * 4 + t % 4], zeros at the end.
template <class T>
inline void panels(const double *M, int ld, int k, double factor, T *out) {
    for (int t = 0; t < k; t += 4, out += 4 * (std::size_t)k)
        for (int c = 0; c < k; c++) {
            // It is symmetric: four of its rows are four of its columns, side by side.
            const double *from = M + (std::size_t)c * ld + t;
            for (int q = 0; q < 4; q++) out[4 * c + q] = t + q < k ? (T)(factor * from[q]) : (T)0;
        }
}

// sums[q] += values[q] r + sum_c inverse[q, c] atoms[c] for four rows q and a whole slab.
template <class T>
OVERICA_INLINE void add_four(const T *OVERICA_RESTRICT inverse, const T *OVERICA_RESTRICT atoms, int k, const T *OVERICA_RESTRICT r,
                             const T *values, T *const *sums) {
    constexpr int SIZE = 64 / sizeof(T);
    for (int f = 0; f < SLAB; f += 2 * SIZE) {
        const Pack<T> r0 = load(r + f), r1 = load(r + f + SIZE);
        Pack<T> a0 = values[0] * r0, a1 = values[0] * r1, b0 = values[1] * r0, b1 = values[1] * r1;
        Pack<T> c0 = values[2] * r0, c1 = values[2] * r1, d0 = values[3] * r0, d1 = values[3] * r1;
        for (int c = 0; c < k; c++) {
            const Pack<T> left = load(atoms + (std::size_t)c * SLAB + f), right = load(atoms + (std::size_t)c * SLAB + f + SIZE);
            const T *w = inverse + 4 * (std::size_t)c;
            a0 += w[0] * left, a1 += w[0] * right;
            b0 += w[1] * left, b1 += w[1] * right;
            c0 += w[2] * left, c1 += w[2] * right;
            d0 += w[3] * left, d1 += w[3] * right;
        }
        store<T>(sums[0] + f, load(sums[0] + f) + a0), store<T>(sums[0] + f + SIZE, load(sums[0] + f + SIZE) + a1);
        store<T>(sums[1] + f, load(sums[1] + f) + b0), store<T>(sums[1] + f + SIZE, load(sums[1] + f + SIZE) + b1);
        store<T>(sums[2] + f, load(sums[2] + f) + c0), store<T>(sums[2] + f + SIZE, load(sums[2] + f + SIZE) + c1);
        store<T>(sums[3] + f, load(sums[3] + f) + d0), store<T>(sums[3] + f + SIZE, load(sums[3] + f + SIZE) + d1);
    }
}

inline std::size_t scatter_room(const ScatterTask &task, std::size_t item) { return item * SLAB * ((std::size_t)task.most + 2) + 256; }

template <class T>
inline void scatter_slab(const ScatterTask &task, int slab, char *memory) {
    Arena arena{memory, 0};
    T *own = arena.take<T>((std::size_t)task.most * SLAB), *r = arena.take<T>(SLAB), *nowhere = arena.take<T>(SLAB);
    const T *atoms = static_cast<const T *>(task.atoms) + (std::size_t)slab * task.n * SLAB;
    T *sums = static_cast<T *>(task.sums) + (std::size_t)slab * task.n * SLAB;
    const int first = slab * SLAB, size = smaller(SLAB, task.m - first);
    for (int f = 0; f < SLAB; f++) r[f] = nowhere[f] = 0;
    for (std::int64_t i = 0; i < task.count; i++) {
        const Found &found = task.found[i];
        const double *residual = task.residuals + (std::size_t)i * task.m + first;
        for (int f = 0; f < size; f++) r[f] = (T)residual[f];
        for (int c = 0; c < found.k; c++)
            std::memcpy(own + (std::size_t)c * SLAB, atoms + (std::size_t)found.atoms[c] * SLAB, sizeof(T) * SLAB);
        const T *inverse = static_cast<const T *>(found.inverse);
        for (int t = 0; t < found.k; t += 4, inverse += 4 * (std::size_t)found.k) {
            T values[4], *rows[4];
            for (int q = 0; q < 4; q++) {
                const bool there = t + q < found.k;
                values[q] = there ? (T)found.values[t + q] : (T)0;
                rows[q] = there ? sums + (std::size_t)found.atoms[t + q] * SLAB : nowhere;
            }
            add_four(inverse, own, found.k, r, values, rows);
        }
    }
}

}  // namespace OVERICA_ISA
}  // namespace overica
