// One sample from start to optimality, on one Gram matrix in one precision.
#pragma once

#include "pivot.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr int SHORT = 64;   // candidates that a short list takes up besides the support
constexpr int WIDE = 512;   // dictionaries up to this size are searched whole
constexpr int ROUNDS = 30;
constexpr int FEW = 16;     // atoms whose correlations need no second look

// Memory of a search among at most `n` candidates, whose Gram matrix has rows of `width` numbers.
template <class T>
struct Search {
    Support support;
    T *r;                 // correlations of all candidates
    std::uint8_t *state;
    int *columns;         // a short list, its correlations, and its part of the Gram matrix
    T *local, *rows;
    std::uint8_t *known, *local_state;

    static Search carve(Arena &arena, int n, int width, int capacity) {
        Search w;
        w.support = Support::carve(arena, capacity);
        w.r = arena.take<T>(width);
        w.state = arena.take<std::uint8_t>(width);
        w.columns = nullptr;
        if (n > WIDE) {
            const std::size_t most = wide_padded(capacity + SHORT);
            w.columns = arena.take<int>(wide_padded(n) + most);
            w.local = arena.take<T>(most);
            w.rows = arena.take<T>(most * most);
            w.known = arena.take<std::uint8_t>(most);
            w.local_state = arena.take<std::uint8_t>(most);
        }
        return w;
    }
};

// List the worst violators in columns[k:]; returns the length of the list. Those above a bar between
// the limit and the largest; it rises until SHORT are left.
template <class T>
inline int select(const T *r, int n, bool nonnegative, double top, double limit, int k, int *columns) {
    double bar = limit + 0.5 * (top - limit);
    int p = k;
    for (int start = 0; start < n; start += WIDE_LANES) {
        if (!((double)highest(r + start, WIDE_LANES, nonnegative) > bar)) continue;
        for (int j = start; j < smaller(n, start + WIDE_LANES); j++) {
            columns[p] = j;
            p += (nonnegative ? (double)r[j] : std::fabs((double)r[j])) > bar;
        }
    }
    while (p > k + SHORT) {
        bar += 0.25 * (top - bar);
        const int count = p;
        p = k;
        for (int c = k; c < count; c++) {
            const int j = columns[c];
            columns[p] = j;
            p += (nonnegative ? (double)r[j] : std::fabs((double)r[j])) > bar;
        }
        if (p == k || p == count) {
            p = smaller(count, k + SHORT);
            break;
        }
    }
    return p;
}

// Largest |rho| on the support.
template <class T>
OVERICA_INLINE double imbalance(const T *r, double penalty, const Support &s) {
    double largest = 0.0;
    for (int t = 0; t < s.size(); t++)
        largest = larger(largest, std::fabs((double)r[s.atoms[t]] - penalty * s.signs[t]));
    return largest;
}

// Correlations of the present codes, from scratch.
template <class T>
inline void restore(const T *b, const Whole<T> &view, const Support &s, T *r) {
    for (int j = 0; j < view.width; j++) r[j] = b[j];
    advance(view, s.atoms, s.values, s.size(), view.width, r);
}

// Invert for the first `count` listed atoms but dependent ones.
template <class T>
inline void factor(const Whole<T> &view, int count, const Goal &goal, Search<T> &w) {
    Support &s = w.support;
    s.inverse.clear();
    for (int t = 0; t < count; t++) {
        const int j = s.atoms[t];
        const double sign = s.signs[t], value = s.values[t];
        if (s.enter(view.row(j), j, sign, goal, w.state)) s.values[s.size() - 1] = value;
    }
}

// `pivot` on the worst violators and the support; returns the steps, 0 if there are no violators.
template <class T>
inline int pivot_short(const Whole<T> &view, int n, const Goal &goal, double limit, int max_steps,
                       Search<T> &w) {
    Support &s = w.support;
    const double top = highest(w.r, view.width, goal.nonnegative);
    if (!(top > limit)) return 0;
    const int k = s.size();
    int p = select(w.r, n, goal.nonnegative, top, limit, k, w.columns);
    // An active atom may stand above the bar by its rounding: it is on the list already.
    int kept = k;
    for (int c = k; c < p; c++)
        if (w.state[w.columns[c]] != ACTIVE) w.columns[kept++] = w.columns[c];
    p = kept;
    const int width = wide_padded(p);
    for (int t = 0; t < k; t++) {
        w.columns[t] = s.atoms[t];
        s.atoms[t] = t;
    }
    for (int c = 0; c < width; c++) {
        w.local[c] = c < p ? w.r[w.columns[c]] : (T)0;
        w.local_state[c] = c < k ? ACTIVE : (c < p ? IDLE : ASIDE);
        w.known[c] = 0;
    }
    const Listed<T> list{view, w.columns, p, width, w.rows, w.known};
    const int steps = pivot(list, width, goal, limit, max_steps, s, w.local, w.local_state);
    for (int t = 0; t < k; t++) w.state[w.columns[t]] = IDLE;
    for (int t = 0; t < s.size(); t++) {
        s.atoms[t] = w.columns[s.atoms[t]];
        w.state[s.atoms[t]] = ACTIVE;
    }
    return steps;
}

// One sample, from the support that it starts with to the optimum: `begin`, steps of `climb` as long as
// it is climbing, `finish`.
template <class T>
struct Ascent {
    Search<T> *search;
    const T *b;  // A'x, padded
    int n;       // candidates
    Climb<T> climb;

    // From the `count` atoms, signs and values listed in the support.
    void begin(const T *correlations, const Whole<T> &view, int n_candidates, const Goal &goal, int count,
               Search<T> &w) {
        search = &w, b = correlations, n = n_candidates;
        Support &s = w.support;
        std::memset(w.state, IDLE, n);
        for (int j = n; j < view.width; j++) w.state[j] = ASIDE;
        for (int j = 0; j < view.width; j++) w.r[j] = b[j];
        const double peak_of_b = highest(w.r, view.width, false);
        slack = goal.tol * goal.penalty + 4 * goal.eps * peak_of_b;
        limit = goal.penalty + slack;
        accurate = slack > 64 * goal.eps * peak_of_b;
        max_steps = 100 + 10 * smaller(n, leading(goal.capacity));
        total = 0;
        climb.climbing = climb.done = false;
        if (count > 0) {
            factor(view, count, goal, w);
            advance(view, s.atoms, s.values, s.size(), view.width, w.r);
            total = settle(view, view.width, goal.penalty, max_steps, s, w.r, w.state);
        } else if (w.columns) {
            s.inverse.clear();
        } else {
            climb.begin(s, w.r, w.state, limit);
        }
    }

    // Ends when every idle correlation is within the limit and the support's optimality residual within
    // the slack, or after a fixed number of rounds. Returns the steps.
    int finish(const Whole<T> &view, const Goal &goal) {
        Search<T> &w = *search;
        Support &s = w.support;
        for (int round = 0; round < ROUNDS; round++) {
            int steps = 0;
            bool brief = false;
            if (w.columns) {
                steps = pivot_short(view, n, goal, limit, max_steps, w);
                if (moved(steps, round)) restore(b, view, s, w.r);
            } else {
                if (round == 0 && total == 0) steps = s.size();
                if (!climb.done) steps += pivot(view, view.width, goal, limit, max_steps, s, w.r, w.state);
                climb.done = false;
                // Correlations gather a rounding error with every step: a few additions in which no atom
                // left stay far within the slack; anything else is computed anew and looked at again.
                brief = accurate && total == 0 && steps == s.size() && steps <= FEW;
                if (moved(steps, round) && !brief) restore(b, view, s, w.r);
            }
            total += steps;
            const double before = imbalance(w.r, goal.penalty, s);
            if (before > slack) {
                total += settle(view, view.width, goal.penalty, max_steps, s, w.r, w.state);
                if (imbalance(w.r, goal.penalty, s) > larger(slack, 0.1 * before)) {
                    // Many updates near dependence have worn the inverse out: refinement no longer
                    // contracts.
                    std::memset(w.state, IDLE, n);
                    factor(view, s.size(), goal, w);
                    restore(b, view, s, w.r);
                }
            } else if (steps == 0 || brief) {
                break;
            }
        }
        return total;
    }

   private:
    double slack, limit;
    bool accurate;
    int max_steps, total;

    // Whether correlations hold the rounding of steps, or of a start that may have been far off.
    bool moved(int steps, int round) const { return steps > 0 || (round == 0 && total > 0); }
};

// All of it, of one sample alone.
template <class T>
inline int solve_sample(const T *b, const Whole<T> &view, int n, const Goal &goal, int count, Search<T> &w) {
    Ascent<T> ascent;
    ascent.begin(b, view, n, goal, count, w);
    climb_alone(ascent.climb, view, goal);
    return ascent.finish(view, goal);
}

// List the support of an earlier code; returns its size.
template <class T>
inline int recall(const T *code, int n, bool nonnegative, int capacity, Support &s) {
    int count = 0;
    for (int j = 0; j < n && count < capacity; j++) {
        const double v = code[j];
        if (v > 0 || (v < 0 && !nonnegative)) {
            s.atoms[count] = j;
            s.signs[count] = v > 0 ? 1.0 : -1.0;
            s.values[count] = v;
            count++;
        }
    }
    return count;
}

}  // namespace OVERICA_ISA
}  // namespace overica
