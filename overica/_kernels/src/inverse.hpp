// The inverse of a growing and shrinking Gram matrix, kept explicitly.
//
// An active-set method changes its support by one atom at a time. Keeping M = (A_a' A_a)^-1 itself,
// instead of a Cholesky factor, makes both changes a single symmetric rank-one update of cost k^2
// without the sequential chain of a triangular solve, which is what limits small supports on wide
// vector units; and an atom can leave from any place without refactoring. What an explicit inverse
// loses in accuracy the solver wins back by iterative refinement, because it keeps the correlations
// A'(x - A s) independently of M.
//
// M lies flat with leading dimension `ld`; rows are zero from k up to the next multiple of LANES.
// Both updates are covariant under a diagonal scaling of the atoms, hence columns of very different
// norm cost no accuracy. The determinant follows along: det grows by the Schur complement of a
// newcomer, and shrinks by the diagonal entry of the inverse of who leaves.
#pragma once

#include "base.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr int START = 2 * LANES;  // first leading dimension

// The next leading dimension: half as much again, and not a power of two, which would crowd few
// sets of the cache.
OVERICA_INLINE int wider(int ld) { return padded(ld + ld / 2); }

// Largest leading dimension that the inverse of `capacity` atoms grows to.
OVERICA_INLINE int leading(int capacity) {
    int most = START;
    while (most < capacity + LANES) most = wider(most);
    return most;
}

struct Inverse {
    double *M;
    int k, ld;
    double mantissa;  // det(A_a' A_a) = mantissa * 2^exponent
    int exponent;

    void clear() {
        k = 0;
        ld = START;
        mantissa = 1.0;
        exponent = 0;
    }

    double log_det() const { return std::log(mantissa) + 0.6931471805599453 * exponent; }

    // out = M v, as a sum of rows (M is symmetric), four at a time; v and out padded.
    void multiply(const double *OVERICA_RESTRICT v, double *OVERICA_RESTRICT out) const {
        const int kp = padded(k);
        for (int c = 0; c < kp; c++) out[c] = 0.0;
        int t = 0;
        for (; t + 4 <= k; t += 4) {
            const double *OVERICA_RESTRICT a = M + (std::size_t)t * ld;
            const double v0 = v[t], v1 = v[t + 1], v2 = v[t + 2], v3 = v[t + 3];
            for (int c = 0; c < kp; c++)
                out[c] += v0 * a[c] + v1 * a[ld + c] + v2 * a[2 * ld + c] + v3 * a[3 * ld + c];
        }
        for (; t < k; t++) {
            const double *OVERICA_RESTRICT a = M + (std::size_t)t * ld;
            const double v0 = v[t];
            for (int c = 0; c < kp; c++) out[c] += v0 * a[c];
        }
    }

    // Append one atom: M <- [M 0; 0 0] + w w' / schur with w = (u, -1) and u = M g, where g holds
    // the products of the new atom with the k old ones and schur = A_j'A_j - g'u.
    void border(double *u, double schur) {
        if (padded(k + 1) > ld) grow();
        const int kp = padded(k + 1);
        u[k] = -1.0;
        for (int c = k + 1; c < kp; c++) u[c] = 0.0;
        double *last = M + (std::size_t)k * ld;
        for (int c = 0; c < kp; c++) last[c] = 0.0;
        if (kp > padded(k))  // columns used for the first time
            for (int t = 0; t < k; t++)
                for (int c = kp - LANES; c < kp; c++) M[(std::size_t)t * ld + c] = 0.0;
        k++;
        rank_one(1.0 / schur, u);
        scale_determinant(schur);
    }

    // Remove atom q and move the last one into its place: M <- M - M_q M_q' / M_qq makes row and
    // column q zero; w is scratch.
    void unborder(int q, double *w) {
        const int kp = padded(k), last = k - 1;
        double *row = M + (std::size_t)q * ld, *end = M + (std::size_t)last * ld;
        for (int c = 0; c < kp; c++) w[c] = row[c];
        scale_determinant(w[q]);
        rank_one(-1.0 / w[q], w);
        if (q != last) {
            const double corner = end[last];
            for (int c = 0; c < kp; c++) row[c] = end[c];
            for (int t = 0; t < k; t++) M[(std::size_t)t * ld + q] = M[(std::size_t)t * ld + last];
            row[q] = corner;
        }
        for (int c = 0; c < kp; c++) end[c] = 0.0;
        for (int t = 0; t < k; t++) M[(std::size_t)t * ld + last] = 0.0;
        k = last;
    }

    void scale_determinant(double factor) {
        mantissa *= factor;
        if (!(mantissa > 1e-100 && mantissa < 1e100)) {
            int e = 0;
            mantissa = std::frexp(mantissa, &e);
            exponent += e;
        }
    }

   private:
    // Spread the rows to the next leading dimension. A short one keeps small supports in the
    // first-level cache although M has room for large ones.
    void grow() {
        const int wide = wider(ld);
        for (int t = k - 1; t > 0; t--)
            std::memmove(M + (std::size_t)t * wide, M + (std::size_t)t * ld, sizeof(double) * ld);
        for (int t = 0; t < k; t++)
            for (int c = ld; c < wide; c++) M[(std::size_t)t * wide + c] = 0.0;
        ld = wide;
    }

    // M += factor w w', four rows at a time.
    void rank_one(double factor, const double *OVERICA_RESTRICT w) {
        const int kp = padded(k);
        int t = 0;
        for (; t + 4 <= k; t += 4) {
            double *OVERICA_RESTRICT a = M + (std::size_t)t * ld;
            const double s0 = factor * w[t], s1 = factor * w[t + 1];
            const double s2 = factor * w[t + 2], s3 = factor * w[t + 3];
            for (int c = 0; c < kp; c++) {
                a[c] += s0 * w[c];
                a[ld + c] += s1 * w[c];
                a[2 * ld + c] += s2 * w[c];
                a[3 * ld + c] += s3 * w[c];
            }
        }
        for (; t < k; t++) {
            double *OVERICA_RESTRICT a = M + (std::size_t)t * ld;
            const double s0 = factor * w[t];
            for (int c = 0; c < kp; c++) a[c] += s0 * w[c];
        }
    }
};

}  // namespace OVERICA_ISA
}  // namespace overica
