// BLAS through the pointers that SciPy hands out to Cython, so that nothing is linked.
#pragma once

#include <cstdint>

namespace overica {

template <class T>
struct Blas {
    using Gemm = void(const char *, const char *, const int *, const int *, const int *, const T *, const T *,
                      const int *, const T *, const int *, const T *, T *, const int *);
    using Syrk = void(const char *, const char *, const int *, const int *, const T *, const T *, const int *,
                      const T *, T *, const int *);
    static Gemm *gemm;
    static Syrk *syrk;
};
template <class T> typename Blas<T>::Gemm *Blas<T>::gemm = nullptr;
template <class T> typename Blas<T>::Syrk *Blas<T>::syrk = nullptr;

// C[i, j] = <X_i, A_j> for rows of `m` numbers; all arrays row-major.
template <class T>
void products(const T *X, int count, int x_stride, const T *A, int n, int a_stride, int m, T *C, int c_stride) {
    const T one = 1, zero = 0;
    Blas<T>::gemm("T", "N", &n, &count, &m, &one, A, &a_stride, X, &x_stride, &zero, C, &c_stride);
}

// G = A A' for `n` rows of `m` numbers: one triangle by BLAS, the other as its mirror image, by tiles.
template <class T>
void gram(const T *A, int n, int a_stride, int m, T *G, int stride) {
    const T one = 1, zero = 0;
    Blas<T>::syrk("U", "T", &n, &m, &one, A, &a_stride, &zero, G, &stride);  // row-major: the lower triangle
    constexpr int TILE = 16;
    for (int first = 0; first < n; first += TILE)
        for (int other = 0; other <= first; other += TILE)
            for (int i = first; i < first + TILE && i < n; i++)
                for (int j = other; j < other + TILE && j < i; j++)
                    G[(std::size_t)j * stride + i] = G[(std::size_t)i * stride + j];
}

}  // namespace overica
