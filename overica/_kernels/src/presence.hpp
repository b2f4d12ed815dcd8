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
// Here stands what the search holds. Its functions are in presence_support.hpp, presence_moves.hpp and
// presence_search.hpp, each of which uses the ones before.
#pragma once

#include "correlations.hpp"
#include "interface.hpp"

namespace overica {
namespace OVERICA_ISA {

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
    int out;                // a source that cannot be present, or -1
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

    // presence_support.hpp
    template <bool KEEP, bool HALF>
    int shift(int width, double square, double slope);
    int look(const PresenceTask &task, double square, double slope, bool keep);
    double gain(int q) const;
    double loss(int a) const;
    void couple(const PresenceTask &task, int q, double sign);
    void note(int what);
    int add(const PresenceTask &task, int q);
    void against(const PresenceTask &task, int a);
    int remove(const PresenceTask &task, int a);
    int place(int q) const;

    // presence_moves.hpp
    int mend(const PresenceTask &task, int best);
    void bar(int q);
    bool present(int q) const;
    bool settle_move(const PresenceTask &task, double before, int q, int &best);
    int look_again(const PresenceTask &task);
    void begin(const PresenceTask &task, const double *correlations);
    bool swap(const PresenceTask &task, int &best);
    bool leap(const PresenceTask &task);
    void open_bars();

    // presence_search.hpp
    template <class Index>
    void climb(const PresenceTask &task, const double *correlations, const Index *known, int n_known);
    void climb_on(const PresenceTask &task);
    void from_last(const PresenceTask &task, const double *correlations, double wide, double heat);
    double misfit(const PresenceTask &task, const double *correlations, double square) const;
    void run(const PresenceTask &task, const double *correlations, double square, const std::int32_t *known, int n_known);
};

}  // namespace OVERICA_ISA
}  // namespace overica
