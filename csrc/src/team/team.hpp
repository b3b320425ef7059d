// The team that executes the homotopy: one serial lane on the CPU, a thread block on the GPU.
//
// All lanes execute the same text. Objects, and with them all scalars, belong to a lane: each computes them for itself,
// from the same numbers, so they agree. Arrays (Buffer) belong to the team. A lane writes to an array only within
// for_each, for_tiles, combine, select or one. Between a write and what another lane does with that element, read or
// write, stands sync(); select, from_one and stopped have it inside. The loops call their function for every element
// once, on any lane and in any order; reductions may call theirs on several lanes, so it changes nothing, and return the
// same on every lane.
//
// A team provides the members of SerialTeam below, and for its kind of Gram the functions at the end.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>

#include "team/heap.hpp"
#include "team/panels.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// The largest value found, and the smallest index that attains it (-1: none beat the bound).
struct Best {
    double value;
    Index index;
};

/// max(a, b), without the rules of std::fmax for NaN that would cost a branch.
COVLASSO_FN inline double larger(double a, double b) { return a > b ? a : b; }

struct SerialTeam {
    using Gram = covlasso::Gram;

    Heap* heap;
    const std::atomic<bool>* stop = nullptr;

    void sync() const {}

    /// Whether the caller wants the work to end.
    bool stopped() const { return stop != nullptr && stop->load(std::memory_order_relaxed); }

    /// Memory for a Buffer, and its end.
    void* take(std::size_t bytes) const { return heap->take(bytes); }
    void give_back(void* memory) const { heap->give_back(memory); }

    /// f() on one lane.
    template <class F>
    void one(F f) const {
        f();
    }

    /// The Index that f() returns, called on one lane after all have come here.
    template <class F>
    Index from_one(F f) const {
        return f();
    }

    /// f(j) for 0 <= j < n.
    template <class F>
    void for_each(Index n, F f) const {
#pragma omp simd
        for (Index j = 0; j < n; ++j) f(j);
    }

    /// f(q, r, t) for all panels q < count, rows r < rows and columns t of a panel.
    template <class F>
    void for_tiles(Index count, Index rows, F f) const {
        for (Index q = 0; q < count; ++q)
            for (Index r = 0; r < rows; ++r)
#pragma omp simd
                for (Index t = 0; t < panel_width; ++t) f(q, r, t);
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

    /// finish(j, sum over r < rows of coefficient[r] * (r, j)) for every column j of the first `count` panels.
    template <class Finish>
    void combine(const Panels& panels, Index count, Index rows, const double* coefficient,
                 Finish finish) const {
        for (Index q = 0; q < count; ++q) {
            alignas(64) double total[panel_width] = {};
            const double* row = panels.panel(q);
            for (Index r = 0; r < rows; ++r, row += panel_width) {
                const double x = coefficient[r];
#pragma omp simd
                for (Index t = 0; t < panel_width; ++t) total[t] += x * row[t];
            }
#pragma omp simd
            for (Index t = 0; t < panel_width; ++t) finish(q * panel_width + t, total[t]);
        }
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

/// G(i, j)
inline double entry(const Gram& gram, Id i, Id j) {
    double value;
    gram.gather(i, &j, 1, &value);
    return value;
}

/// out[t] = G(row, columns[t]) for t < count.
inline void gather(const SerialTeam&, const Gram& gram, Id row, const Id* columns, Index count, double* out) {
    gram.gather(row, columns, count, out);
}

/// (first_row + r, j) = G(row[r], columns[j]) for r < rows and first <= j < end; the panels have room for them.
inline void gather_rows(const SerialTeam&, const Gram& gram, const Id* row, Index rows, const Id* columns,
                        Index first, Index end, Panels& to, Index first_row) {
    for (Index r = 0; r < rows; ++r)
        for (Index j = first; j < end; j += panel_width - j % panel_width) {
            const Index count = std::min(panel_width - j % panel_width, end - j);
            gram.gather(row[r], columns + j, count, &to.at(first_row + r, j));
        }
}

/// finish(j, (G x)_j) for all j < size, where x has value[s] at index[s]; `out`: room for size numbers.
template <class Finish>
void multiply(const SerialTeam& team, const Gram& gram, const Id* index, const double* value, Index count,
              Index size, double* out, Finish finish) {
    gram.multiply({index, value, count, 1}, out, size);
    team.for_each(size, [=](Index j) { finish(j, out[j]); });
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
