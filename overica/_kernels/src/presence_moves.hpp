// Moves that stand or are undone; see presence.hpp.
//
// Codes that cannot be negative: a support counts only where its means are not. What a move makes negative
// leaves, the most negative first, and the move stands if log p(x, b) is higher than before all the same;
// otherwise it is undone, and barred until another one stands. So every state that stands is higher than the last,
// and the search ends in a support that no addition, no removal and, where asked for, no swap improves.
#pragma once

#include "presence_support.hpp"

namespace overica {
namespace OVERICA_ISA {

constexpr int LEAPS = 8;
constexpr int EXCURSION = 4;  // additions by which a move that falls may come to stand

// Members that have become negative leave. Returns the best candidate, `best` if nothing moves.
inline int PresenceSearch::mend(const PresenceTask &task, int best) {
    if (!task.nonnegative) return best;
    for (;;) {
        int worst = -1;
        for (int a = 0; a < size; a++)
            if (mean[a] < 0.0 && (worst < 0 || mean[a] < mean[worst])) worst = a;
        if (worst < 0) return best;
        best = remove(task, worst);
    }
}

inline void PresenceSearch::bar(int q) {
    if (barred[q]) return;
    barred[q] = 1, closed[q] = -INFINITE, bars[n_bars++] = q;
}

inline bool PresenceSearch::present(int q) const {
    for (int a = 0; a < size; a++)
        if (atoms[a] == q) return true;
    return false;
}

// The move stands, or is undone and `q` barred; returns whether it stands, and the best candidate.
inline bool PresenceSearch::settle_move(const PresenceTask &task, double before, int q, int &best) {
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

inline int PresenceSearch::look_again(const PresenceTask &task) {
    std::memset(w, 0, sizeof(double) * task.width);
    return look(task, 0.0, 0.0, false);
}

inline void PresenceSearch::begin(const PresenceTask &task, const double *correlations) {
    const double pull = scale / width, center = 1.0 / width, wider = 0.5 * (1.0 - center * center);
    for (int j = 0; j < (task.width & -WIDE_LANES); j++) {
        const double c = task.centers[j];
        e[j] = pull * correlations[j] + center * c;
        d[j] = 1.0 + scale * task.norms[j];
        level[j] = task.levels[j] + wider * c * c;
        closed[j] = task.doors[j];
    }
    std::memset(barred, 0, task.width);
    if (out >= 0) closed[out] = -INFINITE;
    size = n_bars = n_trail = 0;
    total = 0.0;
}

// The first swap that stands, of members that bring less than `swap_below`.
inline bool PresenceSearch::swap(const PresenceTask &task, int &best) {
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
inline bool PresenceSearch::leap(const PresenceTask &task) {
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

inline void PresenceSearch::open_bars() {
    for (int b = 0; b < n_bars; b++) {
        barred[bars[b]] = 0;
        if (!present(bars[b])) closed[bars[b]] = 0.0;
    }
    n_bars = 0;
}

}  // namespace OVERICA_ISA
}  // namespace overica
