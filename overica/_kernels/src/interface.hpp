// What the binding and the kernels of every instruction set agree on: plain structures and a table of
// functions. Arrays are row-major and belong to the caller.
#pragma once

#include <cstddef>
#include <cstdint>

namespace overica {

// A sample's support, its codes and, in the precision of the search, the inverse of its Gram matrix as `panels` lay it
// out; in one piece of memory that begins at `values`.
struct Found {
    int k;
    std::int32_t *atoms;
    double *values;
    void *inverse;
};

// A batch of samples to be solved on one dictionary,
//
//     argmin_s |x - A s|^2 / 2 + penalty |s|_1,    optionally subject to s >= 0.
struct BatchTask {
    // The dictionary: atoms as rows, padded with zeros to `stride`, and its Gram matrix in double or, to
    // search in float and solve in double, in float; rows padded with zeros to `width`.
    int m, n, stride, width;
    const double *atoms, *gram;
    const float *coarse;
    double norm;

    // Samples, padded, in units of their own: powers of two that bring them into the range of float.
    std::int64_t count;
    const double *samples, *units, *penalties;
    const void *correlations;  // A'x in the precision of the Gram matrix; replaced by those of the residuals
    double tol;
    bool nonnegative;

    // Codes in float (`single`) or double, times `scales` per atom; on entry the start where `warm`.
    bool single, warm;
    void *codes;
    const double *scales;
    double *gap, *objective;
    std::int64_t *n_steps;

    // What was found, in memory from `allocate`, with its inverse or without; null where not wanted.
    Found *found;
    bool with_inverse;
    double inverse_factor;
    double lowered;  // the penalty that codes are at, over that of the search
    void *(*allocate)(std::size_t);
    double *residuals;  // (count, m)
    std::int64_t *n_active;
    double *log_det;

    // The evidence at noise variance `sigma2`: null where not wanted. Codes are then those at the penalty
    // sigma2 on the same supports or fewer.
    double sigma2;
    const double *diagonal;      // squared norms of the atoms
    double *size, *square;       // |s|_1 and |x - A s|^2
    double *present, *absent;    // (count, n), see `masses`; or, null,
    const double *presence;      // with these probabilities
    double *log_factors;         // the sum of the logarithms of the mixtures of both
};

// What `scatter` adds up. Atoms and sums lie slab by slab, (slabs, n, SLAB), in float or double.
struct ScatterTask {
    int m, n, most;  // `most`: atoms of the largest support
    bool narrow;     // in double
    const void *atoms;
    void *sums;
    std::int64_t count;
    const Found *found;
    const double *residuals;
};

// One edge of the dual polygon of two features, see `planar`; zero for an atom off the hull.
struct PlanarEdge {
    double a0, a1, edge, t0, t1, high, beyond, low, before;
};

struct PlanarTask {
    int n;
    bool nonnegative, single;
    const void *X;
    void *codes;
    double *gap, *objective;
    const double *atoms;  // (n, 2), scaled
    const PlanarEdge *edges;
    const double *scales;
    double penalty, scale, code_scale, unit;
};

// Samples whose codes are given, (count, n): `gram` padded to `width`.
struct GivenTask {
    int n, width, capacity;
    const double *gram, *diagonal;
    std::int64_t count;
    double *codes;               // replaced by those at a penalty lower by `excess`
    double excess, sigma2;
    bool nonnegative;
    const double *correlations;  // (count, n), for the masses; null to lower the penalty instead
    double *present, *absent, *log_det;
};

struct GibbsTask {
    int n, m, stride;
    const double *atoms, *samples, *presence;
    std::int64_t count;
    double sigma2;
    bool nonnegative;
    const std::uint64_t *seeds;
    // Annealed importance sampling over `schedule` into `weights`; or, null, `n_sweeps` that start from
    // and end in `codes`, (count, n).
    const double *schedule;
    int n_levels, n_sweeps;
    double *weights, *codes;
};

// Samples whose sources are present by a joint distribution log p(b) = z + h'b + sum over edges of J b b',
// with Gaussian slabs: in units of the noise and of each source's slab, see `PresenceSearch`. Rows of `width`.
struct PresenceTask {
    int n, width, capacity;
    const double *gram;
    // By candidate: the slab's mean; the squared norm; h - mean^2 / 2; 0, or -infinity beyond the last one.
    const double *centers, *norms, *levels, *doors;
    // Edges of candidate j: `edge_starts[j]` to `edge_starts[j + 1]`, each edge at both its ends.
    const std::int64_t *edge_starts;
    const std::int32_t *edge_ends;
    const double *couplings;
    bool nonnegative;
    double swap_below, tol, misfit;

    std::int64_t count;
    const double *correlations;
    const double *squares;             // |x|^2
    const std::int64_t *known_starts;  // supports to start from, or null
    const std::int32_t *known;
    const std::int32_t *barred;        // a source that cannot be present, or null

    // Room for `capacity` members a sample, and for their posterior covariance, or null.
    std::int32_t *supports, *sizes;
    double *means, *variances, *totals, *inverses;
};

struct Kernels {
    const char *name;
    std::size_t (*batch_memory)(const BatchTask &);
    void (*batch)(const BatchTask &, int worker, int workers, char *memory);
    std::size_t (*scatter_memory)(const ScatterTask &);
    void (*scatter)(const ScatterTask &, int slab, char *memory);
    void (*planar)(const PlanarTask &, std::int64_t first, std::int64_t last);
    std::size_t (*given_memory)(const GivenTask &);
    void (*given)(const GivenTask &, int worker, int workers, char *memory);
    void (*gibbs)(const GibbsTask &, int worker, int workers, char *memory);
    std::size_t (*presence_memory)(const PresenceTask &);
    void (*presences)(const PresenceTask &, int worker, int workers, char *memory);
    double (*erfcx)(double);
    double (*side)(double slope, double curvature, const double *crossings, const double *rises, int count, bool wall);
    double (*log_half)(double slope, double curvature);
    double (*draw_half)(double slope, double curvature, std::uint64_t seed);
};

constexpr int BLOCK = 16;      // samples that a worker takes at a time
constexpr int PLANAR_SPAN = 256;
constexpr int SLAB = 64;       // features that sums are scattered in at a time

}  // namespace overica
