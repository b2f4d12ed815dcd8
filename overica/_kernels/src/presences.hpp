// Samples taken batch by batch through the search for their presences: correlations by BLAS, supports in one
// growing list, and the sums that learning needs in the order of the samples.
#pragma once

#include "batches.hpp"

namespace overica {

// What is known of the sources, and what is asked for; arrays of `n` unless said otherwise.
struct PresenceCall {
    const double *slab_mean, *slab_spread, *log_odds;
    const std::int64_t *edge_starts;  // n + 1
    const std::int32_t *edge_ends;
    const double *couplings;
    double noise;  // the standard deviation
    bool nonnegative;
    double swap_below, tol, misfit;
    int capacity;
    const std::int64_t *known_starts;  // count + 1, or null
    const std::int32_t *known;
    const std::int32_t *barred;  // count, or null
    double *second, *together;  // (n, n), added to; or null
    double *totals;
    std::int64_t *starts;  // count + 1
    int allowed;
    std::function<void()> breathe;
};

struct PresenceList {
    std::vector<std::int32_t> atoms;
    std::vector<double> means, variances;
};

// E[s s'] and the counts of pairs. A worker owns a stripe of rows, so that every entry adds up in the order of the
// samples, whatever the number of workers.
inline void add_pairs(const PresenceTask &task, const double *spread, double *second, double *together, int worker, int workers) {
    const int n = task.n, K = task.capacity, first = (int)((std::int64_t)worker * n / workers);
    const int last = (int)((std::int64_t)(worker + 1) * n / workers);
    for (std::int64_t i = 0; i < task.count; i++) {
        const std::int32_t *atoms = task.supports + i * K;
        const double *mean = task.means + i * K;
        for (int a = 0; a < task.sizes[i]; a++) {
            if (atoms[a] < first || atoms[a] >= last) continue;
            double *sums = second + (std::size_t)atoms[a] * n, *counts = together + (std::size_t)atoms[a] * n;
            const double *row = task.inverses + ((std::size_t)i * K + a) * K;
            for (int b = 0; b < task.sizes[i]; b++) {
                sums[atoms[b]] += spread[atoms[a]] * spread[atoms[b]] * (mean[a] * mean[b] + row[b]);
                counts[atoms[b]] += 1.0;
            }
        }
    }
}

template <class X>
PresenceList run_presences(const double *mixing, int m, int n, const X *samples, std::int64_t count, const PresenceCall &call) {
    std::vector<double> scales(n);
    for (int j = 0; j < n; j++) scales[j] = call.slab_spread[j] / call.noise;
    const Prepared A(mixing, m, n, scales.data(), true, false);
    const double *gram = static_cast<const double *>(A.gram());
    std::vector<double> centers(A.width), norms(A.width), levels(A.width), doors(A.width, -HUGE_VAL);
    for (int j = 0; j < n; j++) {
        centers[j] = call.slab_mean[j] / call.slab_spread[j];
        norms[j] = gram[(std::size_t)j * A.width + j];
        levels[j] = call.log_odds[j] - 0.5 * centers[j] * centers[j];
        doors[j] = 0.0;
    }

    const Kernels &kernels = *chosen_kernels();
    const int K = call.capacity, workers = workers_for(call.allowed, 8.0 * count * n * std::max(m, 16));
    std::int64_t size = std::min<std::int64_t>(1024, std::max<std::size_t>(64, BATCH_BYTES * 2 / (sizeof(double) * A.width)));
    if (call.second) size = std::min<std::int64_t>(size, std::max<std::size_t>(32, POOL_BYTES / (8 * (std::size_t)K * K)));
    size = std::max<std::int64_t>(1, std::min(size, count));
    Memory rows(sizeof(double) * size * A.stride), correlations(sizeof(double) * size * A.width);
    Memory inverses(call.second ? sizeof(double) * size * K * K : 0);
    std::vector<std::int32_t> supports(size * K), sizes(size);
    std::vector<double> means(size * K), variances(size * K), squares(size);
    std::memset(rows.bytes(), 0, sizeof(double) * size * A.stride);
    std::memset(correlations.bytes(), 0, sizeof(double) * size * A.width);

    PresenceTask task{};
    task.n = n, task.width = A.width, task.capacity = K, task.gram = gram;
    task.centers = centers.data(), task.norms = norms.data();
    task.levels = levels.data(), task.doors = doors.data();
    task.edge_starts = call.edge_starts, task.edge_ends = call.edge_ends, task.couplings = call.couplings;
    task.nonnegative = call.nonnegative, task.swap_below = call.swap_below, task.tol = call.tol, task.misfit = call.misfit;
    task.correlations = correlations.as<double>(), task.squares = squares.data(), task.known = call.known;
    task.supports = supports.data(), task.sizes = sizes.data();
    task.means = means.data(), task.variances = variances.data();
    task.inverses = call.second ? inverses.as<double>() : nullptr;
    const std::size_t per_worker = (kernels.presence_memory(task) + 63) / 64 * 64;
    Memory scratch(per_worker * workers);

    PresenceList list;
    call.starts[0] = 0;
    for (std::int64_t first = 0; first < count; first += size) {
        task.count = std::min(size, count - first);
        for (std::int64_t i = 0; i < task.count; i++) {
            const X *x = samples + (first + i) * m;
            double *row = rows.as<double>() + i * A.stride;
            squares[i] = 0.0;
            for (int t = 0; t < m; t++) {
                row[t] = (double)x[t] / call.noise;
                squares[i] += row[t] * row[t];
            }
        }
        products(rows.as<double>(), (int)task.count, A.stride, A.atoms(), n, A.stride, m, correlations.as<double>(), A.width);
        task.totals = call.totals + first;
        task.known_starts = call.known ? call.known_starts + first : nullptr;
        task.barred = call.barred ? call.barred + first : nullptr;
        in_parallel(workers, [&](int worker) { kernels.presences(task, worker, workers, scratch.bytes() + per_worker * worker); });
        if (call.second)
            in_parallel(workers, [&](int worker) { add_pairs(task, call.slab_spread, call.second, call.together, worker, workers); });
        for (std::int64_t i = 0; i < task.count; i++) {
            for (int a = 0; a < sizes[i]; a++) {
                const std::int32_t atom = supports[i * K + a];
                const double spread = call.slab_spread[atom];
                list.atoms.push_back(atom);
                list.means.push_back(spread * means[i * K + a]);
                list.variances.push_back(spread * spread * variances[i * K + a]);
            }
            call.starts[first + i + 1] = (std::int64_t)list.atoms.size();
        }
        if (call.breathe) call.breathe();
    }
    return list;
}

}  // namespace overica
