// The kernels for one instruction set: this file is compiled once for each, see setup.py.
#include "exact.hpp"
#include "gibbs.hpp"
#include "interface.hpp"
#include "lines.hpp"
#include "planar.hpp"
#include "presence_search.hpp"
#include "scatter.hpp"

namespace overica {
namespace OVERICA_ISA {

// Memory of one worker for a batch: two samples side by side.
template <class T>
struct BatchMemory {
    Exact<T> exact[2];
    LineMemory lines;
    double *present, *absent;

    static BatchMemory carve(Arena &arena, const BatchTask &task, const Dictionary &A) {
        BatchMemory w;
        for (Exact<T> &exact : w.exact) exact = Exact<T>::carve(arena, A);
        w.present = w.absent = nullptr;
        if (task.size) {
            w.lines = LineMemory::carve(arena, smaller(task.m, task.n));
            w.present = arena.take<double>(task.width + CHUNK);
            w.absent = arena.take<double>(task.width + CHUNK);
        }
        return w;
    }
};

static Dictionary dictionary_of(const BatchTask &task) {
    return {task.m, task.n, task.stride, task.atoms, task.width, task.gram, task.coarse, task.norm};
}

template <class X>
inline int recall_scaled(const BatchTask &task, std::int64_t i, Support &s) {
    const X *code = static_cast<const X *>(task.codes) + (std::size_t)i * task.n;
    const int capacity = smaller(task.m, task.n);
    const int count = recall(code, task.n, task.nonnegative, capacity, s);
    for (int t = 0; t < count; t++) s.values[t] /= task.units[i] * task.scales[s.atoms[t]];
    return count;
}

template <class X>
inline void write_codes(const BatchTask &task, std::int64_t i, const Support &s) {
    X *code = static_cast<X *>(task.codes) + (std::size_t)i * task.n;
    std::memset(code, 0, sizeof(X) * task.n);
    for (int t = 0; t < s.size(); t++)
        code[s.atoms[t]] = (X)(s.values[t] * (task.units[i] * task.scales[s.atoms[t]]));
}

// Codes in float are off by their rounding d: F rises by |A_a d|^2 / 2 + sum_a d_a (penalty sign_a - v_a), and
// with it the gap. The residual is gone afterwards.
template <class T>
inline void round_codes(const BatchTask &task, const Dictionary &A, std::int64_t i, Exact<T> &exact,
                        Certificate &certificate) {
    Support &s = exact.search.support;
    double slope = 0.0;
    for (int t = 0; t < s.size(); t++) {
        const double unit = task.units[i] * task.scales[s.atoms[t]];
        s.step[t] = (double)(float)(s.values[t] * unit) / unit - s.values[t];
        slope += s.step[t] * (task.penalties[i] * s.signs[t] - exact.v[t]);
    }
    for (int f = 0; f < A.stride; f++) exact.error[f] = 0.0;
    subtract(A, s.atoms, s.step, s.size(), exact.error);
    const double rise = 0.5 * dot(exact.error, exact.error, A.stride) + std::fabs(slope);
    certificate.objective += rise;
    certificate.gap += rise;
}

// Nothing is written where there is no memory: the caller sees it.
template <class T>
inline void write_found(const BatchTask &task, std::int64_t i, const Support &s) {
    const std::size_t k = s.size(), inverse = task.with_inverse ? sizeof(T) * k * ((k + 3) & ~(std::size_t)3) : 0;
    char *memory = static_cast<char *>(task.allocate((sizeof(double) + sizeof(std::int32_t)) * k + inverse + sizeof(double)));
    double *values = reinterpret_cast<double *>(memory);
    Found &found = task.found[i];
    found = {(int)k, reinterpret_cast<std::int32_t *>(memory + sizeof(double) * k + inverse), values, values + k};
    if (!memory) return;
    for (std::size_t t = 0; t < k; t++) {
        found.atoms[t] = s.atoms[t];
        values[t] = s.values[t] * (task.units[i] * task.scales[s.atoms[t]]);
    }
    if (task.with_inverse) panels(s.inverse.M, s.inverse.ld, (int)k, task.inverse_factor, static_cast<T *>(found.inverse));
}

static void write_residual(const BatchTask &task, std::int64_t i, const double *error) {
    double *out = task.residuals + (std::size_t)i * task.m;
    for (int t = 0; t < task.m; t++) out[t] = task.units[i] * error[t];
}

static void write_evidence(const BatchTask &task, const Dictionary &A, std::int64_t i, const double *x,
                           Exact<double> &exact, BatchMemory<double> &w) {
    const Whole<double> view = exact.view(A);
    Search<double> &search = exact.search;
    Support &s = search.support;
    settle(view, A.width, task.sigma2, 10 * (s.size() + 1), s, search.r, search.state);
    residual(A, x, s, exact.error);
    task.square[i] = dot(exact.error, exact.error, A.stride);
    task.size[i] = 0.0;
    for (int t = 0; t < s.size(); t++) task.size[i] += std::fabs(s.values[t]);
    if (!task.presence && !task.present) return;
    masses(view, task.diagonal, A.n, search.r, task.sigma2, task.nonnegative, s, w.lines, w.present, w.absent);
    if (task.presence) task.log_factors[i] = log_factors(w.present, w.absent, task.presence, A.n);
    if (task.present) {
        std::memcpy(task.present + (std::size_t)i * A.n, w.present, sizeof(double) * A.n);
        std::memcpy(task.absent + (std::size_t)i * A.n, w.absent, sizeof(double) * A.n);
    }
}

OVERICA_INLINE void write_evidence(const BatchTask &, const Dictionary &, std::int64_t, const double *, Exact<float> &,
                                   BatchMemory<float> &) {}

template <class T>
inline void run_batch(const BatchTask &task, int worker, int workers, char *memory) {
    Arena arena{memory, 0};
    const Dictionary A = dictionary_of(task);
    BatchMemory<T> w = BatchMemory<T>::carve(arena, task, A);
    const T *correlations = static_cast<const T *>(task.correlations);
    const Settings settings{task.tol, task.nonnegative};
    Ascent<T> ascents[2];
    Goal goals[2];
    const Whole<T> view = w.exact[0].view(A);
    for (std::int64_t first = (std::int64_t)worker * BLOCK; first < task.count; first += (std::int64_t)workers * BLOCK)
        for (std::int64_t pair = first; pair < smaller(first + BLOCK, task.count); pair += 2) {
            const int count = (int)smaller((std::int64_t)2, task.count - pair);
            for (int e = 0; e < count; e++) {
                Exact<T> &exact = w.exact[e];
                Support &s = exact.search.support;
                int known = 0;
                if (task.warm)
                    known = task.single ? recall_scaled<float>(task, pair + e, s) : recall_scaled<double>(task, pair + e, s);
                goals[e] = exact.goal(A, task.penalties[pair + e], settings);
                ascents[e].begin(correlations + (std::size_t)(pair + e) * task.width, view, A.n, goals[e], known, exact.search);
            }
            if (count == 2)
                climb_together(ascents[0].climb, ascents[1].climb, view, goals[0], goals[1]);
            else
                climb_alone(ascents[0].climb, view, goals[0]);
            for (int e = 0; e < count; e++) {
                const std::int64_t i = pair + e;
                const double *x = task.samples + (std::size_t)i * task.stride;
                Exact<T> &exact = w.exact[e];
                Support &s = exact.search.support;
                Certificate certificate;
                const int steps = exact.finish(A, x, task.penalties[i], settings, ascents[e], certificate);
                if (task.size) write_evidence(task, A, i, x, exact, w);
                if (task.codes) {
                    if (task.single) {
                        round_codes(task, A, i, exact, certificate);
                        write_codes<float>(task, i, s);
                    } else
                        write_codes<double>(task, i, s);
                }
                const double square = task.units[i] * task.units[i];
                if (task.gap) task.gap[i] = square * certificate.gap;
                if (task.objective) task.objective[i] = square * certificate.objective;
                if (task.n_steps) task.n_steps[i] = steps;
                if (task.found && task.lowered != 1.0) exact.lower(A, x, task.lowered * task.penalties[i]);
                if (task.found) write_found<T>(task, i, s);
                if (task.residuals) write_residual(task, i, exact.error);
                if (task.n_active) task.n_active[i] = s.size();
                if (task.log_det) task.log_det[i] = s.inverse.log_det();
            }
        }
}

static std::size_t batch_memory(const BatchTask &task) {
    Arena arena{nullptr, 0};
    const Dictionary A = dictionary_of(task);
    if (task.gram)
        BatchMemory<double>::carve(arena, task, A);
    else
        BatchMemory<float>::carve(arena, task, A);
    return arena.used;
}

static void batch(const BatchTask &task, int worker, int workers, char *memory) {
    if (task.gram)
        run_batch<double>(task, worker, workers, memory);
    else
        run_batch<float>(task, worker, workers, memory);
}

static std::size_t scatter_memory(const ScatterTask &task) { return scatter_room(task, task.narrow ? sizeof(double) : sizeof(float)); }

static void scatter(const ScatterTask &task, int slab, char *memory) {
    if (task.narrow)
        scatter_slab<double>(task, slab, memory);
    else
        scatter_slab<float>(task, slab, memory);
}

static void planar(const PlanarTask &task, std::int64_t first, std::int64_t last) {
    for (; first < last; first += SPAN) {
        const std::int64_t stop = smaller(first + (std::int64_t)SPAN, last);
        if (task.single)
            planar_span<float>(task, first, stop);
        else
            planar_span<double>(task, first, stop);
    }
}

struct GivenMemory {
    Search<double> search;
    LineMemory lines;
    double *present, *absent;

    static GivenMemory carve(Arena &arena, const GivenTask &task) {
        GivenMemory w;
        w.search = Search<double>::carve(arena, task.n, task.width, task.capacity);
        w.lines = LineMemory::carve(arena, task.capacity);
        w.present = arena.take<double>(task.width + CHUNK);
        w.absent = arena.take<double>(task.width + CHUNK);
        return w;
    }
};

static std::size_t given_memory(const GivenTask &task) {
    Arena arena{nullptr, 0};
    GivenMemory::carve(arena, task);
    return arena.used;
}

static void given(const GivenTask &task, int worker, int workers, char *memory) {
    Arena arena{memory, 0};
    GivenMemory w = GivenMemory::carve(arena, task);
    Support &s = w.search.support;
    const Whole<double> view{task.gram, task.width};
    const Goal goal{0.0, task.nonnegative, 0.0, 0.0, task.capacity, 1e-12};
    for (std::int64_t first = (std::int64_t)worker * BLOCK; first < task.count; first += (std::int64_t)workers * BLOCK)
        for (std::int64_t i = first; i < smaller(first + BLOCK, task.count); i++) {
            double *code = task.codes + (std::size_t)i * task.n;
            double *r = w.search.r;
            for (int j = 0; j < task.width; j++) r[j] = 0.0, w.search.state[j] = IDLE;
            // Signs are free here: what is given is taken as it is.
            factor(view, recall(code, task.n, false, task.capacity, s), goal, w.search);
            if (!task.correlations) {
                for (int t = 0; t < s.size(); t++) r[s.atoms[t]] = task.excess * s.signs[t];
                std::memset(code, 0, sizeof(double) * task.n);
                settle(view, task.width, 0.0, 10 * (s.size() + 1), s, r, w.search.state);
                for (int t = 0; t < s.size(); t++) code[s.atoms[t]] = s.values[t];
                continue;
            }
            std::memcpy(r, task.correlations + (std::size_t)i * task.n, sizeof(double) * task.n);
            masses(view, task.diagonal, task.n, r, task.sigma2, task.nonnegative, s, w.lines, w.present, w.absent);
            std::memcpy(task.present + (std::size_t)i * task.n, w.present, sizeof(double) * task.n);
            std::memcpy(task.absent + (std::size_t)i * task.n, w.absent, sizeof(double) * task.n);
            task.log_det[i] = s.inverse.log_det();
        }
}

// Log weights of one chain per sample, or codes after some sweeps at the full likelihood; `memory` has
// room for the residual and, of length n each, the squared norms and a code.
static void gibbs(const GibbsTask &task, int worker, int workers, char *memory) {
    Arena arena{memory, 0};
    double *r = arena.take<double>(task.stride), *norms = arena.take<double>(task.n);
    double *chain = arena.take<double>(task.n);
    const int n = task.n, stride = task.stride;
    for (int j = 0; j < n; j++) {
        const double *atom = task.atoms + (std::size_t)j * stride;
        norms[j] = dot(atom, atom, stride);
    }
    for (std::int64_t i = worker; i < task.count; i += workers) {
        Random random(task.seeds[i]);
        double *s = task.schedule ? chain : task.codes + (std::size_t)i * n;
        if (task.schedule)
            for (int j = 0; j < n; j++) {
                s[j] = 0.0;
                if (random.uniform() <= task.presence[j]) {
                    s[j] = random.exponential();
                    if (!task.nonnegative && random.uniform() <= 0.5) s[j] = -s[j];
                }
            }
        for (int f = 0; f < stride; f++) r[f] = task.samples[(std::size_t)i * stride + f];
        for (int j = 0; j < n; j++)
            if (s[j] != 0.0)
                for (int f = 0; f < stride; f++) r[f] -= s[j] * task.atoms[(std::size_t)j * stride + f];
        if (!task.schedule) {
            for (int q = 0; q < task.n_sweeps; q++)
                sweep(task.atoms, norms, n, stride, s, r, task.presence, task.sigma2, 1.0, task.nonnegative, random);
            continue;
        }
        double total = 0.0;
        for (int level = 1; level < task.n_levels; level++) {
            const double b = task.schedule[level];
            total += (task.schedule[level - 1] - b) * dot(r, r, stride) / (2.0 * task.sigma2);
            if (level < task.n_levels - 1)
                sweep(task.atoms, norms, n, stride, s, r, task.presence, task.sigma2, b, task.nonnegative, random);
        }
        task.weights[i] = total - 0.5 * task.m * std::log(2.0 * 3.141592653589793 * task.sigma2);
    }
}

static double erfcx_of(double x) { return erfcx(x); }

// One line alone, for the tests.
static double side(double slope, double curvature, const double *crossings, const double *rises, int count, bool wall) {
    double mass = 0.0;
    Lines lines;
    lines.clear();
    double sorted[LINES], steeper[LINES];
    lines.crossings = sorted, lines.rises = steeper;
    lines.open(slope, curvature, 0);
    for (int q = 0; q < smaller(count, LINES); q++) lines.cross(crossings[q], rises[q]);
    lines.add();
    integrate(lines, wall, &mass);
    return mass;
}
static double draw_half_of(double slope, double curvature, std::uint64_t seed) {
    Random random(seed);
    return draw_half(slope, curvature, random);
}

extern const Kernels KERNELS;
const Kernels KERNELS = {OVERICA_ISA_NAME, batch_memory, batch, scatter_memory, scatter, planar, given_memory, given, gibbs,
                         presence_memory, presences, erfcx_of, side, log_half, draw_half_of};

}  // namespace OVERICA_ISA
}  // namespace overica
