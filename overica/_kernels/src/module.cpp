// The binding: arrays are checked in Python; here they are handed to the kernels without the lock.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "presences.hpp"

namespace py = pybind11;
using namespace overica;

template <class X>
using Array = py::array_t<X, py::array::c_style>;

namespace {

template <class Pointer>
Pointer *pointer_of(const py::dict &table, const char *name) {
    const py::capsule capsule = table[name];
    return reinterpret_cast<Pointer *>(PyCapsule_GetPointer(capsule.ptr(), PyCapsule_GetName(capsule.ptr())));
}

void bind_blas(const py::dict &table) {
    Blas<float>::gemm = pointer_of<Blas<float>::Gemm>(table, "sgemm");
    Blas<float>::syrk = pointer_of<Blas<float>::Syrk>(table, "ssyrk");
    Blas<double>::gemm = pointer_of<Blas<double>::Gemm>(table, "dgemm");
    Blas<double>::syrk = pointer_of<Blas<double>::Syrk>(table, "dsyrk");
}

// Ctrl-C ends long work between two batches.
void check_signals() {
    py::gil_scoped_acquire lock;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

Array<double> vector(std::int64_t count) { return Array<double>(count); }

const double *optional(const std::optional<Array<double>> &array) { return array ? array->data() : nullptr; }

template <class X>
Call<X> call_of(const Array<X> &samples, double penalty, bool nonnegative, double tol, int n_threads) {
    Call<X> call{};
    call.samples = samples.data(), call.count = samples.shape(0);
    call.penalty = penalty, call.nonnegative = nonnegative, call.tol = tol;
    call.allowed = n_threads, call.breathe = check_signals;
    return call;
}

// Codes, in place in `codes` (the start, where `warm`), gaps, objectives and steps.
template <class X>
py::tuple solve(const Array<X> &A, const Array<X> &samples, Array<X> &codes, double penalty, bool nonnegative,
                double tol, bool warm, const std::optional<Array<double>> &scales, int narrow_up_to, int n_threads) {
    const int m = (int)A.shape(0), n = (int)A.shape(1);
    Array<double> gap = vector(samples.shape(0)), objective = vector(samples.shape(0));
    Array<std::int64_t> n_steps(samples.shape(0));
    Call<X> call = call_of(samples, penalty, nonnegative, tol, n_threads);
    call.codes = codes.mutable_data(), call.warm = warm, call.scales = optional(scales);
    call.gap = gap.mutable_data(), call.objective = objective.mutable_data(), call.n_steps = n_steps.mutable_data();
    {
        py::gil_scoped_release unlocked;
        if (call.count > 0 && !(m == 2 && run_planar(A.data(), n, call)))
            run(Prepared(A.data(), m, n, call.scales, n <= narrow_up_to, true), call);
    }
    return py::make_tuple(gap, objective, n_steps);
}

template <class Y>
Array<Y> array_of(const std::vector<Y> &list) {
    Array<Y> out((std::int64_t)list.size());
    if (!list.empty()) std::memcpy(out.mutable_data(), list.data(), sizeof(Y) * list.size());
    return out;
}

// Codes without their zeros: atoms and values of all samples, and how many each has. With `sums` their residuals, log
// determinants, and the sum of `scatter`; codes, of the same signs, are those at the penalty `lowered`.
py::tuple moments(const Array<double> &A, const Array<double> &samples, double penalty, double lowered, bool nonnegative,
                  double tol, bool sums, int narrow_up_to, int n_threads) {
    const int m = (int)A.shape(0), n = (int)A.shape(1);
    const std::int64_t count = samples.shape(0), held = sums ? count : 0, rows = sums ? m : 0;
    Array<std::int64_t> n_active(count);
    Array<double> log_det = vector(held), residuals({held, (std::int64_t)m}), cross({rows, (std::int64_t)n});
    Call<double> call = call_of(samples, penalty, nonnegative, tol, n_threads);
    SupportList list;
    call.n_active = n_active.mutable_data(), call.supports = &list, call.lowered = lowered / penalty;
    if (sums) call.log_det = log_det.mutable_data(), call.residuals = residuals.mutable_data(), call.cross = cross.mutable_data();
    {
        py::gil_scoped_release unlocked;
        if (sums) std::memset(call.cross, 0, sizeof(double) * m * n);
        if (count > 0) {
            const Prepared prepared(A.data(), m, n, nullptr, n <= narrow_up_to, true);
            run(prepared, call);
            // Of atoms over their scale.
            for (std::int64_t i = 0; i < held; i++) call.log_det[i] += 2.0 * n_active.data()[i] * std::log(prepared.scale);
        }
    }
    return py::make_tuple(n_active, array_of(list.atoms), array_of(list.values), residuals, log_det, cross);
}

// What the evidence of every sample is made of; the masses of the sources as well if asked for or, with
// `presence`, the sums of the logarithms of their mixtures.
py::tuple evidence(const Array<double> &A, const Array<double> &samples, double penalty, double sigma2,
                   bool nonnegative, double tol, bool masses, const std::optional<Array<double>> &presence, int n_threads) {
    const int m = (int)A.shape(0), n = (int)A.shape(1);
    const std::int64_t count = samples.shape(0);
    Array<double> size = vector(count), square = vector(count), log_det = vector(count);
    Array<std::int64_t> n_active(count);
    Call<double> call = call_of(samples, penalty, nonnegative, tol, n_threads);
    call.sigma2 = sigma2, call.size = size.mutable_data(), call.square = square.mutable_data();
    call.log_det = log_det.mutable_data(), call.n_active = n_active.mutable_data();
    call.presence = optional(presence);
    const std::int64_t held = masses ? count : 0;
    Array<double> present({held, (std::int64_t)n}), absent({held, (std::int64_t)n});
    Array<double> log_factors = vector(presence ? count : 0);
    if (masses) call.present = present.mutable_data(), call.absent = absent.mutable_data();
    if (presence) call.log_factors = log_factors.mutable_data();
    {
        py::gil_scoped_release unlocked;
        if (count > 0) run(Prepared(A.data(), m, n, nullptr, true, false), call);
    }
    return py::make_tuple(size, square, n_active, log_det, present, absent, log_factors);
}

// Samples with given codes: `gram` as it is, padded here.
struct Given {
    GivenTask task{};
    Memory padded;
    std::vector<double> diagonal;

    Given(const Array<double> &gram, Array<double> &codes, int capacity)
        : padded(sizeof(double) * gram.shape(0) * round_up((int)gram.shape(0), 16)) {
        const int n = (int)gram.shape(0), width = round_up(n, 16);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < width; j++) padded.as<double>()[(std::size_t)i * width + j] = j < n ? gram.at(i, j) : 0.0;
        for (int j = 0; j < width; j++) diagonal.push_back(j < n ? gram.at(j, j) : 0.0);
        task.n = n, task.width = width, task.capacity = capacity;
        task.gram = padded.as<double>(), task.diagonal = diagonal.data();
        task.count = codes.shape(0), task.codes = codes.mutable_data();
    }

    void run(int n_threads) {
        const Kernels &kernels = *chosen_kernels();
        const int workers = workers_for(n_threads, (double)task.count * task.n * 64);
        const std::size_t per_worker = (kernels.given_memory(task) + 63) / 64 * 64;
        Memory scratch(per_worker * workers);
        in_parallel(workers, [&](int worker) { kernels.given(task, worker, workers, scratch.bytes() + per_worker * worker); });
    }
};

void debias(const Array<double> &gram, Array<double> &codes, double excess, int capacity, int n_threads) {
    Given given(gram, codes, capacity);
    given.task.excess = excess;
    py::gil_scoped_release unlocked;
    given.run(n_threads);
}

py::tuple occupancy(const Array<double> &gram, const Array<double> &correlations, Array<double> &codes, double sigma2,
                    bool nonnegative, int capacity, int n_threads) {
    Given given(gram, codes, capacity);
    Array<double> present({codes.shape(0), codes.shape(1)}), absent({codes.shape(0), codes.shape(1)});
    Array<double> log_det = vector(codes.shape(0));
    given.task.sigma2 = sigma2, given.task.nonnegative = nonnegative, given.task.correlations = correlations.data();
    given.task.present = present.mutable_data(), given.task.absent = absent.mutable_data();
    given.task.log_det = log_det.mutable_data();
    {
        py::gil_scoped_release unlocked;
        given.run(n_threads);
    }
    return py::make_tuple(present, absent, log_det);
}

// Samples and atoms, (count, m) and (n, m), padded.
struct Gibbs {
    GibbsTask task{};
    Memory atoms, samples;

    Gibbs(const Array<double> &A, const Array<double> &X, const Array<double> &presence, double sigma2,
          bool nonnegative, const Array<std::uint64_t> &seeds)
        : atoms(sizeof(double) * A.shape(0) * round_up((int)A.shape(1), 8)),
          samples(sizeof(double) * X.shape(0) * round_up((int)A.shape(1), 8)) {
        task.n = (int)A.shape(0), task.m = (int)A.shape(1), task.stride = round_up(task.m, 8);
        pad(A, atoms.as<double>());
        pad(X, samples.as<double>());
        task.atoms = atoms.as<double>(), task.samples = samples.as<double>(), task.presence = presence.data();
        task.count = X.shape(0), task.sigma2 = sigma2, task.nonnegative = nonnegative, task.seeds = seeds.data();
    }

    void pad(const Array<double> &from, double *to) const {
        for (std::int64_t i = 0; i < from.shape(0); i++)
            for (int t = 0; t < task.stride; t++) to[i * task.stride + t] = t < task.m ? from.at(i, t) : 0.0;
    }

    void run(int n_threads) {
        const double sweeps = task.schedule ? task.n_levels : task.n_sweeps;
        const int workers = workers_for(n_threads, 2.0 * sweeps * task.count * task.n * task.m);
        const std::size_t per_worker = 8 * (task.stride + 2 * (std::size_t)round_up(task.n, 8)) + 256;
        Memory scratch(per_worker * workers);
        in_parallel(workers, [&](int worker) { chosen_kernels()->gibbs(task, worker, workers, scratch.bytes() + per_worker / 64 * 64 * worker); });
    }
};

Array<double> anneal(const Array<double> &A, const Array<double> &X, const Array<double> &presence, double sigma2,
                     bool nonnegative, const Array<std::uint64_t> &seeds, const Array<double> &schedule, int n_threads) {
    Gibbs gibbs(A, X, presence, sigma2, nonnegative, seeds);
    Array<double> weights = vector(X.shape(0));
    gibbs.task.schedule = schedule.data(), gibbs.task.n_levels = (int)schedule.shape(0);
    gibbs.task.weights = weights.mutable_data();
    {
        py::gil_scoped_release unlocked;
        gibbs.run(n_threads);
    }
    return weights;
}

void follow(const Array<double> &A, const Array<double> &X, const Array<double> &presence, double sigma2,
            bool nonnegative, const Array<std::uint64_t> &seeds, Array<double> &codes, int n_sweeps, int n_threads) {
    Gibbs gibbs(A, X, presence, sigma2, nonnegative, seeds);
    gibbs.task.codes = codes.mutable_data(), gibbs.task.n_sweeps = n_sweeps;
    py::gil_scoped_release unlocked;
    gibbs.run(n_threads);
}

// Supports, means and variances, one list for all samples, and where each starts; the gains in log evidence over the
// empty support; and, if asked for, the sums of E[s s'] and of the pairs that are present. `more` may hold, for each
// sample, a source that cannot be present in it.
template <class X>
py::tuple presences(const Array<double> &mixing, const Array<X> &samples, const Array<double> &slab_mean,
                    const Array<double> &slab_spread, const Array<double> &log_odds, const Array<std::int64_t> &edge_starts,
                    const Array<std::int32_t> &edge_ends, const Array<double> &couplings, double noise, bool nonnegative,
                    double swap_below, double tol, double misfit, int capacity, const std::optional<Array<std::int64_t>> &known_starts,
                    const std::optional<Array<std::int32_t>> &known, bool sums, int n_threads, const py::args &more) {
    const auto barred = more.empty() ? std::nullopt : std::optional(more[0].cast<Array<std::int32_t>>());
    const int m = (int)mixing.shape(0), n = (int)mixing.shape(1);
    const std::int64_t count = samples.shape(0), held = sums ? n : 0;
    Array<double> totals = vector(count), second({held, held}), together({held, held});
    Array<std::int64_t> starts(count + 1);
    PresenceCall call{slab_mean.data(), slab_spread.data(), log_odds.data(), edge_starts.data(), edge_ends.data(),
                      couplings.data(), noise, nonnegative, swap_below, tol, misfit, capacity};
    if (known) call.known_starts = known_starts->data(), call.known = known->data();
    if (barred) call.barred = barred->data();
    call.totals = totals.mutable_data(), call.starts = starts.mutable_data();
    if (sums) call.second = second.mutable_data(), call.together = together.mutable_data();
    call.allowed = n_threads, call.breathe = check_signals;
    PresenceList list;
    {
        py::gil_scoped_release unlocked;
        if (sums) {
            std::memset(call.second, 0, sizeof(double) * n * n);
            std::memset(call.together, 0, sizeof(double) * n * n);
        }
        list = run_presences(mixing.data(), m, n, samples.data(), count, call);
    }
    return py::make_tuple(starts, array_of(list.atoms), array_of(list.means), array_of(list.variances), totals, second, together);
}

double side(double slope, double curvature, const std::vector<double> &crossings, const std::vector<double> &rises,
            bool wall) {
    return chosen_kernels()->side(slope, curvature, crossings.data(), rises.data(), (int)crossings.size(), wall);
}

}  // namespace

PYBIND11_MODULE(_core, module) {
    module.doc() = "The compiled kernels; see overica._kernels.";
    module.def("bind_blas", bind_blas);
    module.def("solve", solve<double>);
    module.def("solve", solve<float>);
    module.def("moments", moments);
    module.def("evidence", evidence);
    module.def("debias", debias);
    module.def("occupancy", occupancy);
    module.def("anneal", anneal);
    module.def("follow", follow);
    module.def("presences", presences<double>);
    module.def("presences", presences<float>);
    module.def("erfcx", py::vectorize([](double x) { return chosen_kernels()->erfcx(x); }));
    module.def("side", side);
    module.def("log_half", [](double slope, double curvature) { return chosen_kernels()->log_half(slope, curvature); });
    module.def("draw_half", [](double slope, double curvature, std::uint64_t seed) { return chosen_kernels()->draw_half(slope, curvature, seed); });
    module.def("instruction_set", [] { return chosen_kernels()->name; });
    module.def("instruction_sets", [] {
        std::vector<std::string> names;
        for (const Kernels *kernels : available_kernels()) names.push_back(kernels->name);
        return names;
    });
    module.def("use_instruction_set", choose_kernels);
}
