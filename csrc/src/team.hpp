// The team that executes the homotopy: one serial lane on the CPU, a thread block on the GPU.
//
// A team provides the members of SerialTeam below. Loop bodies of for_each, sum, max, best and select are
// independent of one another and may run on any lane in any order; the value that a reduction returns is the same on
// every lane. Between a loop that writes and one that reads what another lane wrote stands sync().
#pragma once

#include <atomic>
#include <cmath>

#include "covlasso/gram.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Columns that are worked on together: four 512-bit vectors of double here, a warp on the GPU.
inline constexpr Index panel_width = 32;

/// The largest value found, and the smallest index that attains it (-1: none beat the bound).
struct Best {
    double value;
    Index index;
};

/// max(a, b), without the rules of std::fmax for NaN that would cost a branch.
inline double larger(double a, double b) { return a > b ? a : b; }

struct SerialTeam {
    const std::atomic<bool>* stop = nullptr;

    void sync() const {}

    /// Whether the caller wants the work to end.
    bool stopped() const { return stop != nullptr && stop->load(std::memory_order_relaxed); }

    /// f(j) for 0 <= j < n.
    template <class F>
    void for_each(Index n, F f) const {
#pragma omp simd
        for (Index j = 0; j < n; ++j) f(j);
    }

    template <class F>
    double sum(Index n, F f) const {
        double total = 0.0;
#pragma omp simd reduction(+ : total)
        for (Index j = 0; j < n; ++j) total += f(j);
        return total;
    }

    /// max of f(j) and 0.
    template <class F>
    double max(Index n, F f) const {
        alignas(64) double lane[panel_width] = {};
        Index start = 0;
        for (; start + panel_width <= n; start += panel_width)
#pragma omp simd
            for (Index t = 0; t < panel_width; ++t) {
                const double value = f(start + t);
                lane[t] = value > lane[t] ? value : lane[t];
            }
        double largest = 0.0;
        for (; start < n; ++start) largest = f(start) > largest ? f(start) : largest;
        for (const double value : lane) largest = value > largest ? value : largest;
        return largest;
    }

    /// Whether test(j) holds for some j < n.
    template <class Test>
    bool any_of(Index n, Test test) const {
        Index start = 0;
        for (; start + panel_width <= n; start += panel_width)
            if (any(start, test)) return true;
        for (; start < n; ++start)
            if (test(start)) return true;
        return false;
    }

    /// The largest of the fractions numerator(j) / denominator(j) that exceed `bound`, the lowest j of equal ones.
    ///
    /// n is a multiple of panel_width; denominators are positive wherever the numerator is. Fractions are compared by
    /// cross products, so that only the winners of the lanes are divided.
    template <class Numerator, class Denominator>
    Best largest_fraction(Index n, double bound, Numerator numerator, Denominator denominator) const {
        alignas(64) double top[lanes], bottom[lanes], place[lanes];
        for (Index t = 0; t < lanes; ++t) top[t] = bound, bottom[t] = 1.0, place[t] = -1.0;
        for (Index start = 0; start < n; start += lanes) {
            const double first = static_cast<double>(start);
#pragma omp simd
            for (Index t = 0; t < lanes; ++t) {
                const double a = numerator(start + t), b = denominator(start + t);
                const bool wins = (a > 0.0) & (a * bottom[t] > top[t] * b);
                top[t] = wins ? a : top[t];
                bottom[t] = wins ? b : bottom[t];
                place[t] = wins ? first : place[t];
            }
        }
        Best best{bound, -1};
        for (Index t = 0; t < lanes; ++t) {
            if (place[t] < 0.0) continue;
            const double value = top[t] / bottom[t];
            const Index j = static_cast<Index>(place[t]) + t;
            if (value > best.value || (value == best.value && j < best.index)) best = {value, j};
        }
        return best;
    }

    /// Writes the j with keep(j) to out in ascending order, at most n numbers; returns how many.
    template <class Keep>
    Index select(Index n, Keep keep, Id* out) const {
        Index count = 0;
        Index start = 0;
        alignas(64) std::int64_t flag[panel_width];
        for (; start + panel_width <= n; start += panel_width) {
            std::int64_t hits = 0;
#pragma omp simd reduction(+ : hits)
            for (Index t = 0; t < panel_width; ++t) hits += flag[t] = keep(start + t) ? 1 : 0;
            if (hits == 0) continue;
            for (Index t = 0; t < panel_width; ++t) {
                out[count] = static_cast<Id>(start + t);
                count += flag[t];
            }
        }
        for (Index j = start; j < n; ++j)
            if (keep(j)) out[count++] = static_cast<Id>(j);
        return count;
    }

    /// finish(t, sum over r < rows of coefficient[r] * panel[r * panel_width + t]) for every column t of one panel.
    template <class Finish>
    void combine(const double* panel, Index rows, const double* coefficient, Finish finish) const {
        alignas(64) double total[panel_width] = {};
        for (Index r = 0; r < rows; ++r) {
            const double x = coefficient[r];
            const double* row = panel + r * panel_width;
#pragma omp simd
            for (Index t = 0; t < panel_width; ++t) total[t] += x * row[t];
        }
#pragma omp simd
        for (Index t = 0; t < panel_width; ++t) finish(t, total[t]);
    }

private:
    static constexpr Index lanes = 8;

    /// Whether test(j) holds somewhere in the panel. The flags are doubles so that they share the data's lanes.
    template <class Test>
    bool any(Index start, Test test) const {
        double hits = 0.0;
#pragma omp simd reduction(+ : hits)
        for (Index t = 0; t < panel_width; ++t) hits += test(start + t) ? 1.0 : 0.0;
        return hits != 0.0;
    }
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
