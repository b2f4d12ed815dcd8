// Sums over samples, scattered to the columns that each of them uses.
//
//     spread[a] += (A_a'A_a)^-1 A_a',    carried[a] += s_a r',    atoms as rows,
//
// for a slab of the features, of which both sums and all atoms stay in the cache. What a sample costs is the product of
// its inverse with its atoms, k^2 m multiplications; in float for dictionaries that are searched in float, whose
// inverses are no better. Every entry adds up in double, in the order of the samples.
#pragma once

#include "interface.hpp"
#include "pack.hpp"

namespace overica {
namespace OVERICA_ISA {

template <class T>
struct Slab {
    T *atoms, *inverse, *product;
    double *residual;
    int most;  // atoms of the largest support, padded

    static Slab carve(Arena &arena, const ScatterTask &task) {
        Slab w;
        w.most = 4;
        for (std::int64_t i = 0; i < task.count; i++) w.most = larger(w.most, (task.found[i].k + 3) & ~3);
        w.atoms = arena.take<T>((std::size_t)w.most * SLAB);
        w.inverse = arena.take<T>((std::size_t)w.most * w.most);
        w.product = arena.take<T>(4 * SLAB);
        w.residual = arena.take<double>(SLAB);
        return w;
    }
};

// product[t] = sum_c inverse[t, c] atoms[c], for four t and the whole slab.
template <class T>
OVERICA_INLINE void multiply_four(const T *OVERICA_RESTRICT inverse, const T *OVERICA_RESTRICT atoms, int k, T *product) {
    constexpr int SIZE = 64 / sizeof(T);
    for (int f = 0; f < SLAB; f += 2 * SIZE) {
        Pack<T> a0{}, a1{}, b0{}, b1{}, c0{}, c1{}, d0{}, d1{};
        for (int c = 0; c < k; c++) {
            const Pack<T> left = load(atoms + (std::size_t)c * SLAB + f), right = load(atoms + (std::size_t)c * SLAB + f + SIZE);
            const T *w = inverse + (std::size_t)c * 4;
            a0 += w[0] * left, a1 += w[0] * right;
            b0 += w[1] * left, b1 += w[1] * right;
            c0 += w[2] * left, c1 += w[2] * right;
            d0 += w[3] * left, d1 += w[3] * right;
        }
        store<T>(product + f, a0), store<T>(product + f + SIZE, a1);
        store<T>(product + SLAB + f, b0), store<T>(product + SLAB + f + SIZE, b1);
        store<T>(product + 2 * SLAB + f, c0), store<T>(product + 2 * SLAB + f + SIZE, c1);
        store<T>(product + 3 * SLAB + f, d0), store<T>(product + 3 * SLAB + f + SIZE, d1);
    }
}

// Features `first` to `last`, at most a slab; rows of atoms and of sums are padded to whole packs.
template <class T>
inline void scatter_slab(const ScatterTask &task, const T *atoms, int first, int last, char *memory) {
    Arena arena{memory, 0};
    Slab<T> w = Slab<T>::carve(arena, task);
    const int size = padded(last - first);
    std::memset(w.atoms, 0, sizeof(T) * w.most * SLAB);
    for (int f = 0; f < SLAB; f++) w.residual[f] = 0.0;
    for (std::int64_t i = 0; i < task.count; i++) {
        const Found &found = task.found[i];
        const int k = found.k;
        const double *r = task.residuals + (std::size_t)i * task.m + first;
        for (int f = 0; f < last - first; f++) w.residual[f] = r[f];
        for (int c = 0; c < k; c++)
            std::memcpy(w.atoms + (std::size_t)c * SLAB, atoms + (std::size_t)found.atoms[c] * task.stride + first, sizeof(T) * size);
        for (int t = 0; t < k; t += 4) {
            const int rows = smaller(k - t, 4);
            // The inverse is symmetric: four of its rows are four of its columns, side by side.
            for (int c = 0; c < k; c++)
                for (int q = 0; q < 4; q++) w.inverse[4 * c + q] = q < rows ? (T)found.inverse[(std::size_t)c * k + t + q] : (T)0;
            multiply_four(w.inverse, w.atoms, k, w.product);
            for (int q = 0; q < rows; q++) {
                const std::size_t row = (std::size_t)found.atoms[t + q] * task.stride + first;
                double *OVERICA_RESTRICT spread = task.spread + row, *OVERICA_RESTRICT carried = task.carried + row;
                const T *OVERICA_RESTRICT product = w.product + q * SLAB;
                const double value = found.values[t + q];
                for (int f = 0; f < size; f++) spread[f] += task.scale * product[f], carried[f] += value * w.residual[f];
            }
        }
    }
}

}  // namespace OVERICA_ISA
}  // namespace overica
