// From a first support of a sample to the one that stands; see presence.hpp.
//
// A support that no move improves can be far from the best: one column near the sum of some others takes their place,
// and the rest is fitted to what it leaves. That shows: at the right support
//
//     |x|^2 + |c_S|^2 - (p_S + c_S)'mean
//
// is chi-squared with as many degrees of freedom as there are features. Samples that exceed `misfit` are searched
// again with more noise, less and less of it, each search from the support of the last; if that does not help, with
// wider slabs as well. A noise variance times `heat` divides G and p; slabs times `width` as wide multiply G by its
// square and p by it, and divide c by it. Of the results the most probable one stands. What exceeds `misfit` still is
// left by leaps, see `leap`.
#pragma once

#include "presence_moves.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr double HEATS[] = {64.0, 16.0, 4.0};
constexpr double WIDTHS[] = {1.0, 4.0};
constexpr int SUCCESSES = 8;

// From a list of members to a support that no move improves.
template <class Index>
inline void PresenceSearch::climb(const PresenceTask &task, const double *correlations, const Index *known, int n_known) {
    begin(task, correlations);
    for (int t = 0; t < n_known && size < task.capacity; t++)
        if (closed[known[t]] == 0.0) add(task, (int)known[t]);
    n_trail = 0;
    mend(task, -1);
    climb_on(task);
}

inline void PresenceSearch::climb_on(const PresenceTask &task) {
    int best = look_again(task);
    for (int step = 0; step < 16 * task.capacity + 64; step++) {
        int worst = -1;
        double leave = task.tol, enter = -INFINITE;
        for (int a = 0; a < size; a++) {
            const double change = -loss(a);
            if (change > leave && !barred[atoms[a]]) leave = change, worst = a;
        }
        if (best >= 0 && size < task.capacity) enter = gain(best);
        const double before = total;
        n_trail = 0;
        if (worst >= 0 && !(enter > leave)) {
            const int q = atoms[worst];
            best = remove(task, worst);
            settle_move(task, before, q, best);
        } else if (enter > task.tol) {
            const int q = best;
            best = add(task, q);
            settle_move(task, before, q, best);
        } else if (!(task.swap_below > -INFINITE) || !swap(task, best))
            break;
    }
}

inline void PresenceSearch::from_last(const PresenceTask &task, const double *correlations, double wide, double heat) {
    scale = wide * wide / heat, width = wide;
    std::memcpy(bars, atoms, sizeof(int) * size);
    climb(task, correlations, bars, size);
}

// Chi-squared, at the right support and without heat.
inline double PresenceSearch::misfit(const PresenceTask &task, const double *correlations, double square) const {
    for (int a = 0; a < size; a++) {
        const double c = task.centers[atoms[a]];
        square += c * c - (correlations[atoms[a]] + c) * mean[a];
    }
    return square;
}

inline void PresenceSearch::run(const PresenceTask &task, const double *correlations, double square, const std::int32_t *known, int n_known) {
    scale = width = 1.0;
    climb(task, correlations, known, n_known);
    for (double wide : WIDTHS) {
        if (!(misfit(task, correlations, square) > task.misfit)) return;
        const double reached = total;
        const int n_kept = size;
        std::memcpy(kept, atoms, sizeof(int) * size);
        size = 0;
        for (double heat : HEATS) from_last(task, correlations, wide, heat);
        from_last(task, correlations, 1.0, 1.0);
        if (!(total > reached)) climb(task, correlations, kept, n_kept);
    }
    for (int t = 0; t < SUCCESSES && misfit(task, correlations, square) > task.misfit; t++) {
        open_bars();
        if (!leap(task)) break;
        climb_on(task);
    }
}

static std::size_t presence_memory(const PresenceTask &task) {
    Arena arena{nullptr, 0};
    PresenceSearch::carve(arena, task);
    return arena.used;
}

static void presences(const PresenceTask &task, int worker, int workers, char *memory) {
    Arena arena{memory, 0};
    PresenceSearch s = PresenceSearch::carve(arena, task);
    const int K = task.capacity;
    for (std::int64_t first = (std::int64_t)worker * BLOCK; first < task.count; first += (std::int64_t)workers * BLOCK)
        for (std::int64_t i = first; i < smaller(first + BLOCK, task.count); i++) {
            const std::int32_t *known = task.known ? task.known + task.known_starts[i] : nullptr;
            const int n_known = task.known ? (int)(task.known_starts[i + 1] - task.known_starts[i]) : 0;
            s.out = task.barred ? task.barred[i] : -1;
            s.run(task, task.correlations + (std::size_t)i * task.width, task.squares[i], known, n_known);
            task.sizes[i] = s.size, task.totals[i] = s.total;
            for (int a = 0; a < s.size; a++) {
                task.supports[i * K + a] = s.atoms[a];
                task.means[i * K + a] = s.mean[a];
                task.variances[i * K + a] = s.M[a * s.ld + a];
                if (task.inverses)
                    for (int b = 0; b < s.size; b++) task.inverses[((std::size_t)i * K + a) * K + b] = s.M[a * s.ld + b];
            }
        }
}

}  // namespace OVERICA_ISA
}  // namespace overica
