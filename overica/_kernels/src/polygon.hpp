// The dual polygon of two features: the table of `planar`.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "interface.hpp"

namespace overica {

struct Corner {
    double place, slope;
    bool accurate;
};

class Polygon {
   public:
    // `atoms` is (n, 2).
    Polygon(const double *atoms, int n, double penalty, bool nonnegative)
        : edges(n, PlanarEdge{}), penalty_(penalty), nonnegative_(nonnegative) {
        accurate = ring(atoms, n) && fill();
    }

    std::vector<PlanarEdge> edges;
    bool accurate;  // not where neighbours are near parallel

   private:
    // Sine of an angle between neighbours below which the cross products lose the accuracy promised.
    static constexpr double NARROW = 1e-5;
    static constexpr int ORIGIN = -1;  // stands for an atom

    struct Point {
        double x, y;
        int atom;
        double sign;
    };
    std::vector<Point> points_;
    double penalty_;
    bool nonnegative_;

    // Signed atoms by angle, once round from the longest to where it recurs: half a turn, to its
    // negative, if signs are free; the other half is the mirror image. The origin stands in a gap of
    // half a turn or more. False if all atoms are zero, or two of them nearly parallel.
    bool ring(const double *atoms, int n) {
        const double pi = 3.141592653589793;
        std::vector<double> signs(n, 1.0), angles(n);
        std::vector<int> order(n);
        int longest = 0;
        double length = 0.0;
        for (int j = 0; j < n; j++) {
            double x = atoms[2 * j], y = atoms[2 * j + 1];
            if (!nonnegative_ && (y < 0 || (y == 0 && x < 0))) signs[j] = -1.0, x = -x, y = -y;
            angles[j] = std::atan2(y, x);
            if (std::hypot(x, y) > length) longest = j, length = std::hypot(x, y);
        }
        if (length == 0.0) return false;
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return angles[a] < angles[b]; });
        const int start = (int)(std::find(order.begin(), order.end(), longest) - order.begin());
        double previous = 0.0;
        for (int i = start; i <= start + n; i++) {
            const int j = order[i % n];
            double angle = angles[j], sign = signs[j];
            if (i >= n) {
                angle += nonnegative_ ? 2 * pi : pi;
                sign = nonnegative_ ? sign : -sign;
            }
            const double x = sign * atoms[2 * j], y = sign * atoms[2 * j + 1];
            if (x == 0 && y == 0) continue;
            // 3 and not pi: what the angles cannot tell apart, the cross product decides.
            if (!points_.empty() && angle - previous > 3.0 && points_.back().x * y <= points_.back().y * x)
                points_.push_back({0.0, 0.0, ORIGIN, 1.0});
            if (!points_.empty() && points_.back().atom != ORIGIN) {
                // Of parallel atoms the longest alone is on the hull; which of two that are nearly parallel
                // is, cross products do not tell.
                Point &last = points_.back();
                const double cross = last.x * y - last.y * x;
                const double lengths = std::hypot(last.x, last.y) * std::hypot(x, y);
                if (last.x * x + last.y * y > 0 && std::fabs(cross) <= NARROW * lengths) {
                    if (cross != 0) return false;
                    if (i == start + n || std::hypot(x, y) > std::hypot(last.x, last.y)) last = {x, y, j, sign};
                    previous = angle;
                    continue;
                }
            }
            points_.push_back({x, y, j, sign});
            previous = angle;
        }
        return true;
    }

    Corner corner(const Point &v, const Point &o, double side) const {
        if (o.atom == ORIGIN) return {0.0, 0.0, true};
        const double square = v.x * v.x + v.y * v.y, dot = v.x * o.x + v.y * o.y, cross = v.x * o.y - v.y * o.x;
        if (side * cross <= NARROW * std::sqrt(square * (o.x * o.x + o.y * o.y))) return {0.0, 0.0, false};
        return {penalty_ * (square - dot) / cross, -side * dot / (square * cross), true};
    }

    bool fill() {
        std::vector<Point> hull;  // Graham's scan
        for (const Point &next : points_) {
            while (hull.size() > 1 && hull.back().atom != ORIGIN) {
                const Point &a = hull[hull.size() - 2], &b = hull.back();
                const bool alone = a.atom == ORIGIN && next.atom == ORIGIN;
                if (alone || (b.x - a.x) * (next.y - b.y) > (b.y - a.y) * (next.x - b.x)) break;
                hull.pop_back();
            }
            hull.push_back(next);
        }
        const int last = (int)hull.size() - 1;
        for (int i = 0; i < last; i++) {
            const Point &v = hull[i];
            if (v.atom == ORIGIN) continue;
            const Corner after = corner(v, hull[i + 1], 1.0);
            // Where signs are free, the edge before the first is the mirror image of the edge before the
            // end of the ring.
            const Corner ahead = i > 0 ? corner(v, hull[i - 1], -1.0)
                                       : corner(nonnegative_ ? v : hull[last], hull[last - 1], -1.0);
            if (!(after.accurate && ahead.accurate)) return false;
            const double square = v.x * v.x + v.y * v.y;
            edges[v.atom] = {v.sign * v.x / square, v.sign * v.y / square, penalty_ / square,
                             v.sign * -v.y,         v.sign * v.x,          after.place,
                             after.slope,           ahead.place,           ahead.slope};
        }
        return true;
    }
};

}  // namespace overica
