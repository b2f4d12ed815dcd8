// A dictionary made ready, and samples taken through it batch by batch, so that memory is bounded and
// correlations stay in the second-level cache until they are used.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>

#include "blas.hpp"
#include "polygon.hpp"
#include "processor.hpp"
#include "threads.hpp"

namespace overica {

// A power of two that brings `value` near one; one itself where float has range enough.
inline double power_of_two(double value) {
    return !(value > 0) || !std::isfinite(value) || (1e-6 < value && value < 1e6) ? 1.0
                                                                                : std::exp2(std::round(std::log2(value)));
}

inline int round_up(int n, int lanes) { return (n + lanes - 1) / lanes * lanes; }

// The length of rows of `n` numbers: whole vectors, and no multiple of a page, at which columns of a
// Gram matrix would crowd one set of the cache.
inline int row_length(int n, std::size_t item) {
    const int width = round_up(n, 16);
    return width * item % 4096 == 0 ? width + 16 : width;
}

// Atoms as rows, times their scales, over a power of two; and their Gram matrix in one precision.
class Prepared {
   public:
    // `A` is (m, n), element (t, j) at A[t * n + j]; `scales` may be null.
    template <class X>
    Prepared(const X *A, int m, int n, const double *scales, bool narrow, bool scaled)
        : m(m), n(n), stride(round_up(m, 8)), width(row_length(n, narrow ? sizeof(double) : sizeof(float))), narrow(narrow),
          atoms_(sizeof(double) * n * stride), gram_((narrow ? sizeof(double) : sizeof(float)) * n * width),
          coarse_(narrow ? 0 : sizeof(float) * n * stride) {
        double *rows = atoms_.as<double>();
        std::memset(rows, 0, sizeof(double) * n * stride);
        double largest = 0.0;
        for (int first = 0; first < n; first += 64)
            for (int t = 0; t < m; t++)
                for (int j = first; j < first + 64 && j < n; j++) {
                    const double value = (double)A[(std::size_t)t * n + j] * (scales ? scales[j] : 1.0);
                    rows[(std::size_t)j * stride + t] = value;
                    largest = std::max(largest, std::fabs(value));
                }
        scale = scaled ? power_of_two(largest) : 1.0;
        norm = 0.0;
        for (int j = 0; j < n; j++) {
            double square = 0.0;
            for (int t = 0; t < m; t++) {
                double &value = rows[(std::size_t)j * stride + t];
                value /= scale;
                square += value * value;
            }
            norm = std::max(norm, std::sqrt(square));
        }
        if (narrow) {
            fill(rows, gram_.as<double>());
            return;
        }
        float *coarse = coarse_.as<float>();
        for (std::size_t i = 0; i < (std::size_t)n * stride; i++) coarse[i] = (float)rows[i];
        fill(coarse, gram_.as<float>());
    }

    const double *atoms() const { return atoms_.as<double>(); }
    const float *coarse() const { return coarse_.as<float>(); }
    const void *gram() const { return gram_.bytes(); }

    const int m, n, stride, width;
    const bool narrow;  // searched in double
    double scale, norm;

   private:
    template <class T>
    void fill(const T *rows, T *G) {
        if (width > n) std::memset(static_cast<void *>(G), 0, sizeof(T) * n * width);
        overica::gram(rows, n, stride, m, G, width);
    }

    Memory atoms_, gram_, coarse_;
};

// Correlations of a batch. It does not depend on the number of workers: a matrix product's last bits
// depend on how many rows it has.
constexpr std::size_t BATCH_BYTES = 1 << 19;
// Inverses of a batch: more than the caches hold, and every one of them is written to memory and read
// back, on a page of its own, which costs as much as the solutions.
constexpr std::size_t POOL_BYTES = 1 << 23;

// Codes of many samples without their zeros, one after the other.
struct SupportList {
    std::vector<std::int32_t> atoms;
    std::vector<double> values;
};

// Where a call's samples come from and its results go; pointers at the first sample, null if not wanted.
template <class X>
struct Call {
    const X *samples;
    std::int64_t count;
    double penalty, tol;
    bool nonnegative, warm;
    X *codes;
    const double *scales;  // of codes, per atom
    double *gap, *objective;
    std::int64_t *n_steps, *n_active;
    double *log_det;
    SupportList *supports;  // codes without their zeros
    double lowered;         // the penalty that they are at, over that of the search
    double *residuals;      // (count, m), and with them
    double *cross;          // (m, n), added to; see scatter.hpp
    double sigma2;
    double *size, *square, *present, *absent, *log_factors;
    const double *presence;
    int allowed;                       // threads
    std::function<void()> breathe;     // called between batches; may throw
};

// The samples of a batch that were found, until they are added up.
class FoundBatch {
   public:
    explicit FoundBatch(std::int64_t size) : found_(size, Found{}) {}
    ~FoundBatch() { clear(); }
    FoundBatch(const FoundBatch &) = delete;
    FoundBatch &operator=(const FoundBatch &) = delete;

    Found *data() { return found_.data(); }

    void append_to(SupportList &list, std::int64_t count) const {
        for (std::int64_t i = 0; i < count; i++) {
            if (!found_[i].values) throw std::bad_alloc();
            list.atoms.insert(list.atoms.end(), found_[i].atoms, found_[i].atoms + found_[i].k);
            list.values.insert(list.values.end(), found_[i].values, found_[i].values + found_[i].k);
        }
    }

    void clear() {
        for (Found &found : found_) {
            std::free(found.values);
            found = {};
        }
    }

   private:
    std::vector<Found> found_;
};

// The sums of scatter.hpp in progress: in the precision of the search for some thousand samples, then in double.
// Slabs of features are what workers share: every entry adds up in the order of the samples, whatever their number.
class Cross {
   public:
    Cross(const Prepared &A, double *total)
        : A_(A), total_(total), slabs_((A.m + SLAB - 1) / SLAB), item_(A.narrow ? sizeof(double) : sizeof(float)),
          atoms_(total ? bytes() : 0), sums_(total ? bytes() : 0) {
        if (!total) return;
        std::memset(atoms_.bytes(), 0, bytes());
        std::memset(sums_.bytes(), 0, bytes());
        for (int slab = 0; slab < slabs_; slab++)
            for (int j = 0; j < A.n; j++) {
                const std::size_t from = (std::size_t)j * A.stride + slab * SLAB, to = ((std::size_t)slab * A.n + j) * SLAB;
                const std::size_t size = item_ * std::min(SLAB, A.m - slab * SLAB);
                if (A.narrow)
                    std::memcpy(atoms_.as<double>() + to, A.atoms() + from, size);
                else
                    std::memcpy(atoms_.as<float>() + to, A.coarse() + from, size);
            }
    }

    void add(const Found *found, const double *residuals, std::int64_t count, int workers) {
        int most = 0;
        for (std::int64_t i = 0; i < count; i++) most = std::max(most, found[i].k);
        const ScatterTask task{A_.m, A_.n, most, A_.narrow, atoms_.bytes(), sums_.bytes(), count, found, residuals};
        const Kernels &kernels = *chosen_kernels();
        const std::size_t per_worker = (kernels.scatter_memory(task) + 63) / 64 * 64;
        workers = std::min(workers, slabs_);
        Memory scratch(per_worker * workers);
        in_parallel(workers, [&](int worker) {
            for (int slab = worker; slab < slabs_; slab += workers) kernels.scatter(task, slab, scratch.bytes() + per_worker * worker);
        });
        added_ += count;
        if (added_ >= FLUSHED) flush(workers);
    }

    void flush(int workers) {
        in_parallel(workers, [&](int worker) {
            for (int slab = worker; slab < slabs_; slab += workers) A_.narrow ? flush_slab<double>(slab) : flush_slab<float>(slab);
        });
        added_ = 0;
    }

   private:
    static constexpr std::int64_t FLUSHED = 4096;

    std::size_t bytes() const { return item_ * slabs_ * A_.n * SLAB; }

    template <class T>
    void flush_slab(int slab) {
        constexpr int TILE = 64;
        T *sums = sums_.as<T>() + (std::size_t)slab * A_.n * SLAB;
        const int first = slab * SLAB, size = std::min(SLAB, A_.m - first);
        for (int j = 0; j < A_.n; j += TILE)
            for (int f = 0; f < size; f++) {
                double *row = total_ + (std::size_t)(first + f) * A_.n;
                for (int q = j; q < std::min(j + TILE, A_.n); q++) row[q] += sums[(std::size_t)q * SLAB + f];
            }
        std::memset(static_cast<void *>(sums), 0, sizeof(T) * A_.n * SLAB);
    }

    const Prepared &A_;
    double *total_;
    int slabs_;
    std::size_t item_;
    Memory atoms_, sums_;
    std::int64_t added_ = 0;
};

template <class X>
void run(const Prepared &A, const Call<X> &call) {
    const Kernels &kernels = *chosen_kernels();
    const int workers = workers_for(call.allowed, (double)call.count * A.m * A.n);
    const std::size_t item = A.narrow ? sizeof(double) : sizeof(float);
    std::int64_t size = std::max<std::int64_t>(256, BATCH_BYTES / (item * A.width));
    size = std::min(size, call.count);
    const bool scaled = A.scale != 1.0 || !call.size;
    Memory samples(sizeof(double) * size * A.stride), correlations(item * size * A.width);
    Memory coarse(A.narrow ? 0 : sizeof(float) * size * A.stride), units(sizeof(double) * 2 * size);
    FoundBatch found(call.supports ? size : 0);
    std::vector<double> scales(A.n), diagonal;
    for (int j = 0; j < A.n; j++) scales[j] = (call.scales ? call.scales[j] : 1.0) / A.scale;
    if (call.size)
        for (int j = 0; j < A.width; j++)
            diagonal.push_back(j < A.n ? static_cast<const double *>(A.gram())[(std::size_t)j * A.width + j] : 0.0);
    std::memset(samples.bytes(), 0, sizeof(double) * size * A.stride);
    if (!A.narrow) std::memset(coarse.bytes(), 0, sizeof(float) * size * A.stride);
    std::memset(correlations.bytes(), 0, item * size * A.width);

    BatchTask task{};
    task.m = A.m, task.n = A.n, task.stride = A.stride, task.width = A.width;
    task.atoms = A.atoms(), task.norm = A.norm;
    task.gram = A.narrow ? static_cast<const double *>(A.gram()) : nullptr;
    task.coarse = A.narrow ? nullptr : static_cast<const float *>(A.gram());
    task.samples = samples.as<double>(), task.correlations = correlations.bytes();
    double *unit = units.as<double>(), *penalties = unit + size;
    task.units = unit, task.penalties = penalties;
    task.tol = call.tol, task.nonnegative = call.nonnegative;
    task.single = sizeof(X) == sizeof(float), task.warm = call.warm, task.scales = scales.data();
    if (call.supports)
        task.found = found.data(), task.with_inverse = call.cross != nullptr, task.allocate = std::malloc,
        task.lowered = call.lowered;
    // Of atoms over their scale, whose inverse is that of the atoms times the square of it.
    task.inverse_factor = -call.penalty / A.scale;
    Cross cross(A, call.cross);
    task.sigma2 = call.sigma2, task.diagonal = diagonal.data(), task.presence = call.presence;
    // What a task holds decides how much memory it takes.
    task.size = call.size;
    const std::size_t per_worker = (kernels.batch_memory(task) + 63) / 64 * 64;
    Memory scratch(per_worker * workers);

    for (std::int64_t first = 0; first < call.count; first += size) {
        task.count = std::min(size, call.count - first);
        for (std::int64_t i = 0; i < task.count; i++) {
            const X *x = call.samples + (first + i) * A.m;
            double largest = 0.0;
            for (int t = 0; t < A.m; t++) largest = std::max(largest, std::fabs((double)x[t]));
            unit[i] = scaled ? power_of_two(largest) : 1.0;
            penalties[i] = call.penalty / (A.scale * unit[i]);
            const double inverse = 1.0 / unit[i];
            double *row = samples.as<double>() + i * A.stride;
            for (int t = 0; t < A.m; t++) row[t] = (double)x[t] * inverse;
            if (A.narrow) continue;
            float *single = coarse.as<float>() + i * A.stride;
            for (int t = 0; t < A.m; t++) single[t] = (float)row[t];
        }
        if (A.narrow)
            products(samples.as<double>(), (int)task.count, A.stride, A.atoms(), A.n, A.stride, A.m,
                     correlations.as<double>(), A.width);
        else
            products(coarse.as<float>(), (int)task.count, A.stride, A.coarse(), A.n, A.stride, A.m,
                     correlations.as<float>(), A.width);
        const auto at = [first](auto *array, std::int64_t step) { return array ? array + first * step : nullptr; };
        task.codes = at(call.codes, A.n);
        task.gap = at(call.gap, 1), task.objective = at(call.objective, 1);
        task.n_steps = at(call.n_steps, 1), task.n_active = at(call.n_active, 1);
        task.log_det = at(call.log_det, 1), task.residuals = at(call.residuals, A.m);
        task.size = at(call.size, 1), task.square = at(call.square, 1);
        task.present = at(call.present, A.n), task.absent = at(call.absent, A.n);
        task.log_factors = at(call.log_factors, 1);
        in_parallel(workers, [&](int worker) { kernels.batch(task, worker, workers, scratch.bytes() + per_worker * worker); });
        if (call.supports) {
            found.append_to(*call.supports, task.count);
            if (call.cross) cross.add(found.data(), task.residuals, task.count, workers);
            found.clear();
        }
        if (call.breathe) call.breathe();
    }
    if (call.cross) cross.flush(workers);
}

// Two features, in closed form; false where it is not accurate, and nothing is done then.
template <class X>
bool run_planar(const X *A, int n, const Call<X> &call) {
    std::vector<double> atoms(2 * n), scales(n);
    double largest = 0.0;
    for (int j = 0; j < n; j++)
        for (int t = 0; t < 2; t++) {
            atoms[2 * j + t] = (double)A[(std::size_t)t * n + j] * (call.scales ? call.scales[j] : 1.0);
            largest = std::max(largest, std::fabs(atoms[2 * j + t]));
        }
    const double scale = power_of_two(largest);
    for (double &value : atoms) value /= scale;
    double reach = 0.0;
    for (std::int64_t i = 0; i < 2 * call.count; i++) reach = std::max(reach, std::fabs((double)call.samples[i]));
    const double unit = power_of_two(reach);
    const Polygon polygon(atoms.data(), n, call.penalty / (scale * unit), call.nonnegative);
    if (!polygon.accurate) return false;
    for (int j = 0; j < n; j++) scales[j] = call.scales ? call.scales[j] : 1.0;
    const PlanarTask task{n, call.nonnegative, sizeof(X) == sizeof(float), call.samples, call.codes, call.gap,
                          call.objective, atoms.data(), polygon.edges.data(), scales.data(),
                          call.penalty / (scale * unit), 1.0 / unit, unit / scale, unit * unit};
    const int workers = workers_for(call.allowed, 2.0 * n * call.count);
    // Shares of whole spans, so that no sample's vector depends on their number.
    const std::int64_t spans = (call.count + PLANAR_SPAN - 1) / PLANAR_SPAN;
    in_parallel(workers, [&](int worker) {
        const std::int64_t first = spans * worker / workers * PLANAR_SPAN;
        chosen_kernels()->planar(task, first, std::min(call.count, spans * (worker + 1) / workers * PLANAR_SPAN));
    });
    if (call.n_steps) std::memset(call.n_steps, 0, sizeof(std::int64_t) * call.count);
    return true;
}

}  // namespace overica
