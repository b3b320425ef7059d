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
        double largest = 0.0;
#pragma omp simd reduction(max : largest)
        for (Index j = 0; j < n; ++j) {
            const double value = f(j);
            largest = value > largest ? value : largest;
        }
        return largest;
    }

    /// The largest value(j) above `bound`, where beats(j, x) tells cheaply whether value(j) > x.
    ///
    /// n is a multiple of panel_width. A panel is tested as a whole, so that value() is called on few entries.
    template <class Beats, class Value>
    Best best(Index n, double bound, Beats beats, Value value) const {
        Best found{bound, -1};
        for (Index start = 0; start < n; start += panel_width) {
            int hits = 0;
#pragma omp simd reduction(+ : hits)
            for (Index t = 0; t < panel_width; ++t) hits += beats(start + t, found.value) ? 1 : 0;
            if (hits == 0) continue;
            for (Index j = start; j < start + panel_width; ++j)
                if (beats(j, found.value)) found = {value(j), j};
        }
        return found;
    }

    /// Writes the j with keep(j) to out in ascending order; returns how many.
    template <class Keep>
    Index select(Index n, Keep keep, Id* out) const {
        Index count = 0;
        Index start = 0;
        for (; start + panel_width <= n; start += panel_width) {
            int hits = 0;
#pragma omp simd reduction(+ : hits)
            for (Index t = 0; t < panel_width; ++t) hits += keep(start + t) ? 1 : 0;
            if (hits == 0) continue;
            for (Index j = start; j < start + panel_width; ++j)
                if (keep(j)) out[count++] = static_cast<Id>(j);
        }
        for (Index j = start; j < n; ++j)
            if (keep(j)) out[count++] = static_cast<Id>(j);
        return count;
    }

    /// out[t] = sum over r < rows of coefficient[r] * panel[r * panel_width + t], for every column t of one panel.
    void combine(const double* panel, Index rows, const double* coefficient, double* out) const {
        double total[panel_width] = {};
        for (Index r = 0; r < rows; ++r) {
            const double x = coefficient[r];
            const double* row = panel + r * panel_width;
#pragma omp simd
            for (Index t = 0; t < panel_width; ++t) total[t] += x * row[t];
        }
#pragma omp simd
        for (Index t = 0; t < panel_width; ++t) out[t] = total[t];
    }
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
