// Which sources are there, where presences depend on each other: the support of one sample by moves that
// raise log p(x, b), codes integrated out.
//
// In units of the noise, and of every source its slab, x = A z + e, e ~ N(0, 1), and z_j ~ N(c_j, 1) where
// source j is present. With p = A'x and G = A'A, a support S has the posterior z ~ N(mean, M),
//
//     M = (1 + G_SS)^-1,    mean = M (p_S + c_S),
//
// and a candidate j has, given that S is there, the precision d_j and the pull e_j,
//
//     d_j = 1 + G_jj - G_jS M G_Sj,    e_j = p_j + c_j - G_jS mean.
//
// Its addition raises log p(x, b) by
//
//     e_j^2 / (2 d_j) - c_j^2 / 2 + h_j + sum_{i in S} J_ij - log(d_j) / 2,
//
// and makes e_j / d_j its mean. All d and e change by a multiple of w^2 and of w, w_j = G_jq - G_jS M G_Sq, as q
// enters, so a move costs |S| + 1 passes over the candidates; a member a that leaves does the same backwards,
// with w = G_.S M_Sa, whose precision among the others is 1 / M_aa.
//
// Codes that cannot be negative: a support counts only where its means are not. What a move makes negative
// leaves, the most negative first, and the move stands if log p(x, b) is higher than before all the same;
// otherwise it is undone, and barred until another one stands. So every state that stands is higher than the last,
// and the search ends in a support that no addition, no removal and, where asked for, no swap improves.
//
// Such a support can be far from the best: one column near the sum of some others takes their place, and the rest is
// fitted to what it leaves. That shows: at the right support
//
//     |x|^2 + |c_S|^2 - (p_S + c_S)'mean
//
// is chi-squared with as many degrees of freedom as there are features. Samples that exceed `misfit` are searched
// again with more noise, less and less of it, each search from the support of the last; if that does not help, with
// wider slabs as well. A noise variance times `heat` divides G and p; slabs times `width` as wide multiply G by its
// square and p by it, and divide c by it. Of the results the most probable one stands. What exceeds `misfit` still is
// left by leaps, see `leap`.
#pragma once

#include "correlations.hpp"
#include "interface.hpp"

namespace overica {
namespace OVERICA_ISA {

// log(d) / 2 for d >= 1, within 2e-8, as loops that become vectors: the exponent moves into the mantissa of a
// number v in [1, 2), so that no sum loses digits; the Chebyshev polynomial is about the mantissa 1.5.
OVERICA_INLINE double half_log(double d) {
    std::int64_t bits;
    std::memcpy(&bits, &d, sizeof(bits));
    const std::int64_t up = ((bits >> 11) & 0x000ffe0000000000) | 0x3ff0000000000000;
    const std::int64_t low = (bits & 0x000fffffffffffff) | 0x3ff0000000000000;
    double v, t;
    std::memcpy(&v, &up, sizeof(v));
    std::memcpy(&t, &low, sizeof(t));
    t -= 1.5;
    double poly = -0.00307573547978;
    poly = poly * t + 0.00512191431532;
    poly = poly * t - 0.00716917102233;
    poly = poly * t + 0.0129836647564;
    poly = poly * t - 0.0247048091696;
    poly = poly * t + 0.049395875819;
    poly = poly * t - 0.111110684113;
    poly = poly * t + 0.333333083029;
    poly = poly * t + 0.202732551896;
    return 0.34657359027997264 * (2048.0 * v - 3071.0) + poly;
}

constexpr double HEATS[] = {64.0, 16.0, 4.0};
constexpr double WIDTHS[] = {1.0, 4.0};
constexpr int LEAPS = 8, SUCCESSES = 8;
constexpr int EXCURSION = 4;  // additions by which a move that falls may come to stand
constexpr int TRAIL = 64;  // changes that one move may make before it stands or is undone

struct PresenceSearch {
    double *e, *d, *w;      // pulls, precisions, and what a move changes them by
    double *level;          // -c^2 / 2 + h + the couplings to the support
    double *promise;        // what an addition would bring, see `leap`
    double *closed;         // 0, or -infinity: present, barred, or beyond the last candidate
    std::uint8_t *barred;
    int *atoms, *bars, *kept;
    double *mean, *M, *u;
    int size, ld, n_bars, n_trail;
    double total;           // log p(x, b) less that of the empty support
    double scale, width;    // of G, width^2 / heat; and the factor of the slabs' deviations
    int trail[TRAIL];       // q + 1: has entered; -(q + 1): has left

    static PresenceSearch carve(Arena &arena, const PresenceTask &task) {
        PresenceSearch s;
        s.ld = padded(task.capacity + 1);
        s.e = arena.take<double>(task.width);
        s.d = arena.take<double>(task.width);
        s.w = arena.take<double>(task.width);
        s.level = arena.take<double>(task.width);
        s.promise = arena.take<double>(task.width);
        s.closed = arena.take<double>(task.width);
        s.barred = arena.take<std::uint8_t>(task.width);
        s.atoms = arena.take<int>(s.ld);
        s.kept = arena.take<int>(s.ld);
        s.bars = arena.take<int>(task.width);
        s.mean = arena.take<double>(s.ld);
        s.u = arena.take<double>(s.ld);
        s.M = arena.take<double>((std::size_t)s.ld * s.ld);
        return s;
    }

    // The best candidate, or -1, after all d and e have moved by `square` w^2 and `slope` w, w in units of the
    // unscaled Gram matrix; KEEP: they stay moved.
    template <bool KEEP, bool HALF>
    int shift(int width, double square, double slope) {
        double *OVERICA_RESTRICT pulls = e, *OVERICA_RESTRICT precisions = d;
        const double *OVERICA_RESTRICT change = w, *OVERICA_RESTRICT priors = level, *OVERICA_RESTRICT doors = closed;
        std::int64_t low = WIDE_LANES, best = 0;
        while (low < width) low *= 2;
        const std::int64_t mask = ~(low - 1);
        for (int j = 0; j < (width & -WIDE_LANES); j++) {
            const double precision = precisions[j] + square * change[j] * change[j];
            const double pull = pulls[j] + slope * change[j];
            if (KEEP) precisions[j] = precision, pulls[j] = pull;
            const double sure = larger(precision, 1.0);
            double score = 0.5 * pull * pull / sure + priors[j] + doors[j] - half_log(sure);
            score = score > 0.0 && (!HALF || pull > 0.0) ? score : 0.0;
            std::int64_t bits;
            std::memcpy(&bits, &score, sizeof(bits));
            best = larger(best, (std::int64_t)((bits & mask) | (std::int64_t)j));
        }
        return (best & mask) ? (int)(best & (low - 1)) : -1;
    }

    int look(const PresenceTask &task, double square, double slope, bool keep) {
        square *= scale * scale, slope *= scale;
        if (keep) return task.nonnegative ? shift<true, true>(task.width, square, slope) : shift<true, false>(task.width, square, slope);
        return task.nonnegative ? shift<false, true>(task.width, square, slope) : shift<false, false>(task.width, square, slope);
    }

    double gain(int q) const { return 0.5 * e[q] * e[q] / d[q] + level[q] + closed[q] - 0.5 * std::log(d[q]); }
    double loss(int a) const {
        const double precision = 1.0 / M[a * ld + a];
        return 0.5 * mean[a] * mean[a] * precision + level[atoms[a]] - 0.5 * std::log(precision);
    }

    void couple(const PresenceTask &task, int q, double sign) {
        for (std::int64_t c = task.edge_starts[q]; c < task.edge_starts[q + 1]; c++)
            level[task.edge_ends[c]] += sign * task.couplings[c];
    }

    void note(int what) { trail[n_trail < TRAIL ? n_trail++ : TRAIL - 1] = what; }

    // q enters; returns the best candidate thereafter.
    int add(const PresenceTask &task, int q) {
        const Whole<double> G{task.gram, task.width};
        const double *row = G.row(q);
        for (int a = 0; a < size; a++) {
            double sum = 0.0;
            for (int b = 0; b < size; b++) sum += M[a * ld + b] * row[atoms[b]];
            u[a] = scale * sum;
        }
        std::memcpy(w, row, sizeof(double) * task.width);
        advance(G, atoms, u, size, task.width, w);
        total += 0.5 * e[q] * e[q] / d[q] + level[q] - 0.5 * std::log(d[q]);
        const double spread = 1.0 / d[q], value = e[q] * spread;
        for (int a = 0; a < size; a++) {
            for (int b = 0; b < size; b++) M[a * ld + b] += u[a] * u[b] * spread;
            M[a * ld + size] = M[size * ld + a] = -u[a] * spread;
            mean[a] -= u[a] * value;
        }
        M[size * ld + size] = spread;
        mean[size] = value, atoms[size++] = q;
        closed[q] = -INFINITE;
        couple(task, q, 1.0);
        note(q + 1);
        return look(task, -spread, -value, true);
    }

    // w = G_.S M_Sa
    void against(const PresenceTask &task, int a) {
        const Whole<double> G{task.gram, task.width};
        for (int b = 0; b < size; b++) u[b] = -M[a * ld + b];
        std::memset(w, 0, sizeof(double) * task.width);
        advance(G, atoms, u, size, task.width, w);
        for (int b = 0; b < size; b++) u[b] = M[a * ld + b];
    }

    int remove(const PresenceTask &task, int a) {
        const int q = atoms[a];
        total -= loss(a);
        against(task, a);
        const double precision = 1.0 / M[a * ld + a], pull = mean[a] * precision;
        for (int b = 0; b < size; b++) {
            for (int c = 0; c < size; c++) M[b * ld + c] -= u[b] * u[c] * precision;
            mean[b] -= u[b] * pull;
        }
        const int last = --size;
        if (a != last) {
            atoms[a] = atoms[last], mean[a] = mean[last];
            for (int c = 0; c <= last; c++) M[a * ld + c] = M[last * ld + c];
            for (int c = 0; c <= last; c++) M[c * ld + a] = M[c * ld + last];
            M[a * ld + a] = M[last * ld + last];
        }
        couple(task, q, -1.0);
        closed[q] = barred[q] ? -INFINITE : 0.0;
        note(-(q + 1));
        // What d and e of a member are is not kept; these are those that its mean and variance come from.
        d[q] = precision, e[q] = pull, w[q] = 0.0;
        return look(task, precision, pull, true);
    }

    int place(int q) const {
        int a = 0;
        while (atoms[a] != q) a++;
        return a;
    }

    // Members that have become negative leave. Returns the best candidate, `best` if nothing moves.
    int mend(const PresenceTask &task, int best) {
        if (!task.nonnegative) return best;
        for (;;) {
            int worst = -1;
            for (int a = 0; a < size; a++)
                if (mean[a] < 0.0 && (worst < 0 || mean[a] < mean[worst])) worst = a;
            if (worst < 0) return best;
            best = remove(task, worst);
        }
    }

    void bar(int q) {
        if (barred[q]) return;
        barred[q] = 1, closed[q] = -INFINITE, bars[n_bars++] = q;
    }

    bool present(int q) const {
        for (int a = 0; a < size; a++)
            if (atoms[a] == q) return true;
        return false;
    }

    // The move stands, or is undone and `q` barred; returns whether it stands, and the best candidate.
    bool settle_move(const PresenceTask &task, double before, int q, int &best) {
        best = mend(task, best);
        for (int more = 0; more < EXCURSION && !(total > before + task.tol); more++) {
            int worst = -1;
            double leave = task.tol;
            for (int a = 0; a < size; a++)
                if (atoms[a] != q && -loss(a) > leave) leave = -loss(a), worst = a;
            const double enter = best >= 0 && size < task.capacity ? gain(best) : -INFINITE;
            if (worst >= 0 && !(enter > leave)) best = mend(task, remove(task, worst));
            else if (enter > task.tol) best = mend(task, add(task, best));
            else break;
        }
        if (total > before + task.tol || n_trail == TRAIL) {
            if (n_bars) open_bars(), best = look_again(task);
            return true;
        }
        for (int t = n_trail - 1; t >= 0; t--) {
            const int what = trail[t];
            if (what > 0) remove(task, place(what - 1));
            else add(task, -what - 1);
        }
        total = before;
        bar(q);
        best = look_again(task);
        return false;
    }

    int look_again(const PresenceTask &task) {
        std::memset(w, 0, sizeof(double) * task.width);
        return look(task, 0.0, 0.0, false);
    }

    void begin(const PresenceTask &task, const double *correlations) {
        const double pull = scale / width, center = 1.0 / width, wider = 0.5 * (1.0 - center * center);
        for (int j = 0; j < (task.width & -WIDE_LANES); j++) {
            const double c = task.centers[j];
            e[j] = pull * correlations[j] + center * c;
            d[j] = 1.0 + scale * task.norms[j];
            level[j] = task.levels[j] + wider * c * c;
            closed[j] = task.doors[j];
        }
        std::memset(barred, 0, task.width);
        size = n_bars = n_trail = 0;
        total = 0.0;
    }

    // The first swap that stands, of members that bring less than `swap_below`.
    bool swap(const PresenceTask &task, int &best) {
        for (int a = 0; a < size; a++) {
            const int q = atoms[a];
            const double lost = loss(a);
            if (!(lost < task.swap_below) || barred[q]) continue;
            const double precision = 1.0 / M[a * ld + a], pull = mean[a] * precision;
            against(task, a);
            couple(task, q, -1.0);
            const int other = look(task, precision, pull, false);
            double value = -INFINITE;
            if (other >= 0) {
                const double change = scale * w[other];
                const double d1 = d[other] + precision * change * change, e1 = e[other] + pull * change;
                value = 0.5 * e1 * e1 / d1 + level[other] + closed[other] - 0.5 * std::log(d1);
            }
            couple(task, q, 1.0);
            if (!(value - lost > task.tol)) continue;
            const double before = total;
            n_trail = 0;
            remove(task, a);
            best = add(task, other);
            if (settle_move(task, before, other, best)) return true;
            a = -1;  // undone, the members may be in another order; `other` is barred, so this ends
        }
        return false;
    }

    // A member leaves, or a candidate enters, although that is worse; stands if what follows makes up for it. Two that
    // nearly cancel each other come in this way, and one that stands for two others makes room.
    bool leap(const PresenceTask &task) {
        int best = -1;
        for (int a = 0; a < size; a++) {
            const int q = atoms[a];
            if (barred[q]) continue;
            const double before = total;
            n_trail = 0;
            bar(q);
            best = remove(task, a);
            if (settle_move(task, before, q, best)) return true;
            a = -1;  // undone, members may be in another order; q is barred, so this ends
        }
        if (size == task.capacity) return false;
        for (int j = 0; j < task.n; j++)
            promise[j] = closed[j] == 0.0 && !(task.nonnegative && e[j] <= 0.0) ? gain(j) : -INFINITE;
        for (int t = 0; t < LEAPS; t++) {
            int q = 0;
            for (int j = 1; j < task.n; j++)
                if (promise[j] > promise[q]) q = j;
            if (!(promise[q] > -INFINITE)) return false;
            promise[q] = -INFINITE;
            const double before = total;
            n_trail = 0;
            best = add(task, q);
            if (settle_move(task, before, q, best)) return true;
        }
        return false;
    }

    void open_bars() {
        for (int b = 0; b < n_bars; b++) {
            barred[bars[b]] = 0;
            if (!present(bars[b])) closed[bars[b]] = 0.0;
        }
        n_bars = 0;
    }

    // From a list of members to a support that no move improves.
    template <class Index>
    void climb(const PresenceTask &task, const double *correlations, const Index *known, int n_known) {
        begin(task, correlations);
        for (int t = 0; t < n_known && size < task.capacity; t++)
            if (closed[known[t]] == 0.0) add(task, (int)known[t]);
        n_trail = 0;
        mend(task, -1);
        climb_on(task);
    }

    void climb_on(const PresenceTask &task) {
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

    void from_last(const PresenceTask &task, const double *correlations, double wide, double heat) {
        scale = wide * wide / heat, width = wide;
        std::memcpy(bars, atoms, sizeof(int) * size);
        climb(task, correlations, bars, size);
    }

    // Chi-squared, at the right support and without heat.
    double misfit(const PresenceTask &task, const double *correlations, double square) const {
        for (int a = 0; a < size; a++) {
            const double c = task.centers[atoms[a]];
            square += c * c - (correlations[atoms[a]] + c) * mean[a];
        }
        return square;
    }

    void run(const PresenceTask &task, const double *correlations, double square, const std::int32_t *known, int n_known) {
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
};

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
